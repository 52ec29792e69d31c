package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/tencentyun/cos-go-sdk-v5"

	"chatlake/internal/secret"
)

const (
	attemptTimeout = 20 * time.Second // objects are small: a day of 10,000 apps is about 1 MB
	maxAttempts    = 5
	maxObject      = 1 << 30
)

// Credentials are the keys of one principal. A temporary key, such as a role's, has a token.
type Credentials struct {
	ID, Key, Token secret.String
}

// COS is a [Store] in a COS bucket. Each attempt has a timeout; transport errors and the statuses that COS marks so
// are retried with jittered exponential backoff, here and not by the SDK, whose own retries neither pause nor
// hear a cancellation. Writes and reads are checked by CRC64.
type COS struct {
	client  *cos.Client
	secrets []secret.String
}

var _ Store = (*COS)(nil)

// NewCOS returns the store of a bucket, by scheme and host.
func NewCOS(bucket *url.URL, keys Credentials, transport http.RoundTripper) *COS {
	client := cos.NewClient(&cos.BaseURL{BucketURL: bucket}, &http.Client{
		Transport: &cos.AuthorizationTransport{
			SecretID: keys.ID.Reveal(), SecretKey: keys.Key.Reveal(), SessionToken: keys.Token.Reveal(),
			Transport: transport,
		},
	})
	client.Conf.RetryOpt.Count = 1
	return &COS{client, []secret.String{keys.Key, keys.Token, keys.ID}}
}

func (c *COS) Get(ctx context.Context, key string) ([]byte, error) {
	return c.retry(ctx, "read", key, func(ctx context.Context) ([]byte, error) {
		resp, err := c.client.Object.Get(ctx, key, nil)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxObject))
		if err != nil {
			return nil, err
		}
		// https://cloud.tencent.com/document/product/436/40334
		if want := resp.Header.Get("x-cos-hash-crc64ecma"); want != "" {
			if got := strconv.FormatUint(crc64.Checksum(body, ecma), 10); got != want {
				return nil, fmt.Errorf("the body's CRC64 is %s, the object's %s", got, want)
			}
		}
		return body, nil
	})
}

func (c *COS) Put(ctx context.Context, key string, body []byte) error {
	_, err := c.retry(ctx, "write", key, func(ctx context.Context) ([]byte, error) {
		_, err := c.client.Object.Put(ctx, key, bytes.NewReader(body), nil)
		return nil, err
	})
	return err
}

var ecma = crc64.MakeTable(crc64.ECMA)

// retry makes attempts until one succeeds, none is worth making or the context ends.
func (c *COS) retry(ctx context.Context, verb, key string, attempt func(context.Context) ([]byte, error)) ([]byte, error) {
	var last error
	body, err := backoff.Retry(ctx, func() ([]byte, error) {
		attemptCtx, cancel := context.WithTimeout(ctx, attemptTimeout)
		defer cancel()
		body, err := attempt(attemptCtx)
		if err != nil {
			var again bool
			last, again = c.classify(err)
			if !again {
				return nil, backoff.Permanent(last)
			}
		}
		return body, err
	}, backoff.WithMaxTries(maxAttempts), backoff.WithBackOff(&backoff.ExponentialBackOff{
		InitialInterval: 200 * time.Millisecond, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: 5 * time.Second,
	}))
	switch {
	case err == nil:
		return body, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("failed to %s %s in time (%w): %w", verb, key, ctx.Err(), last)
	}
	return nil, fmt.Errorf("failed to %s %s: %w", verb, key, last)
}

// classify makes of an SDK's error one that is safe to print, and says whether another attempt may succeed. The
// SDK's own holds the request with its signature and token.
func (c *COS) classify(err error) (safe error, again bool) {
	var answer *cos.ErrorResponse
	if !errors.As(err, &answer) {
		return errors.New(secret.Scrub(transportMessage(err), c.secrets...)), true
	}
	status := answer.Response.StatusCode
	e := &COSError{
		Status:    status,
		Code:      secret.Scrub(answer.Code, c.secrets...),
		Message:   secret.Scrub(answer.Message, c.secrets...),
		RequestID: answer.Response.Header.Get("x-cos-request-id"),
	}
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		http.StatusTooManyRequests, 520:
		return e, true
	}
	return e, false
}

func transportMessage(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("COS gave no whole answer within the attempt's time (%v at most)", attemptTimeout)
	}
	return err.Error()
}

// COSError is an error that COS answered (https://cloud.tencent.com/document/product/436/7730).
type COSError struct {
	Status    int
	Code      string // such as AccessDenied
	Message   string
	RequestID string // what Tencent's support asks for
}

func (e *COSError) Error() string {
	text := fmt.Sprintf("COS answered %d %s %q", e.Status, e.Code, e.Message)
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	if advice := e.advice(); advice != "" {
		text += ": " + advice
	}
	return text
}

// Is makes a missing object ErrNotExist. A bucket that does not exist is another matter: nothing can be written there.
func (e *COSError) Is(target error) bool {
	return target == ErrNotExist && e.Status == http.StatusNotFound && e.Code != "NoSuchBucket"
}

func (e *COSError) advice() string {
	switch {
	case e.Code == "NoSuchBucket":
		return "check the bucket's name and region in CHATLAKE_LAKE"
	case e.Code == "SignatureDoesNotMatch" || e.Code == "InvalidAccessKeyId":
		return "check TENCENTCLOUD_SECRETID and TENCENTCLOUD_SECRETKEY"
	case e.Code == "ExpiredToken" || e.Code == "RequestTimeTooSkewed" || e.Code == "RequestIsExpired":
		return "check TENCENTCLOUD_SESSIONTOKEN's age and this machine's clock"
	case e.Status == http.StatusForbidden:
		return "check that the execution role may read and write below the lake's prefix (without the right to list, COS may answer so for a missing object too)"
	case e.Status >= 300 && e.Status < 400:
		return "check the bucket's region in CHATLAKE_LAKE"
	}
	return ""
}
