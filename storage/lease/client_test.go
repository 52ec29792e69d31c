package lease_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"chatlake/internal/secret"
	"chatlake/storage"
)

// detached is the request as it lies in the network, whatever becomes of its client.
func detached(req *http.Request) *http.Request {
	out := req.Clone(context.WithoutCancel(req.Context()))
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(err)
		}
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	return out
}

func refusal(req *http.Request, status int, code string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Request: req,
		Body: io.NopCloser(strings.NewReader("<Error><Code>" + code + "</Code></Error>")),
	}
}

// noAnswer stands for a failure that is worth a retry. The store below takes it as final, so that the retry is this
// file's, whose pauses a seed repeats.
func noAnswer(req *http.Request) *http.Response {
	return refusal(req, http.StatusBadRequest, "NoAnswer")
}

// client is a store with retries by the writer's luck.
type client struct {
	storage.Store
	w *writer
}

func (w *writer) client() client {
	return client{storage.NewCOS(bucketURL, secret.Keys{
		ID: secret.New(bucketKey.SecretID), Key: secret.New(bucketKey.SecretKey), Token: secret.New(bucketKey.SessionToken),
	}, w), w}
}

func (c client) Get(ctx context.Context, key string) (body []byte, err error) {
	err = c.retry(ctx, func() error { body, err = c.Store.Get(ctx, key); return err })
	return body, err
}

func (c client) Put(ctx context.Context, key string, body []byte) error {
	return c.retry(ctx, func() error { return c.Store.Put(ctx, key, body) })
}

func (c client) Create(ctx context.Context, key string, body []byte) error {
	return c.retry(ctx, func() error { return c.Store.Create(ctx, key, body) })
}

func (c client) retry(ctx context.Context, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		var answer *storage.COSError
		if n == 5 || !errors.As(err, &answer) || answer.Code != "NoAnswer" {
			return err
		}
		timer := time.NewTimer(c.w.between(100*time.Millisecond, 300*time.Millisecond) << n)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), err)
		}
	}
}
