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
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/tencentyun/cos-go-sdk-v5"

	"chatlake/internal/secret"
)

const (
	attemptTimeout = 20 * time.Second
	slowestUpload  = 256 << 10 // bytes a second: an attempt with a body gets as much more time
	maxAttempts    = 5
	maxObject      = 1 << 30
)

// COS is a [Store] in a COS bucket. Each attempt has a timeout; transport errors and the statuses that COS marks so
// are retried with jittered exponential backoff, here and not by the SDK, whose own retries neither pause nor
// hear a cancellation. Writes and reads are checked by CRC64.
type COS struct {
	client  *cos.Client
	clock   *serverClock
	secrets []secret.String
}

var _ Store = (*COS)(nil)

// NewCOS returns the store of a bucket, by scheme and host.
func NewCOS(bucket *url.URL, keys secret.Keys, transport http.RoundTripper) *COS {
	clock := &serverClock{next: transport}
	client := cos.NewClient(&cos.BaseURL{BucketURL: bucket}, &http.Client{
		Transport: &cos.AuthorizationTransport{
			SecretID: keys.ID.Reveal(), SecretKey: keys.Key.Reveal(), SessionToken: keys.Token.Reveal(),
			Transport: clock,
		},
		// The next host would be sent the signature and the token.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	client.Conf.RetryOpt.Count = 1
	secrets := []secret.String{keys.Key, keys.Token, keys.ID}
	return &COS{client, clock, secrets[:len(secrets):len(secrets)]}
}

func (c *COS) Get(ctx context.Context, key string) ([]byte, error) {
	return retry(ctx, c, "read", key, 0, func(ctx context.Context) ([]byte, error) {
		resp, err := c.client.Object.Get(ctx, key, nil)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxObject+1))
		if err != nil {
			return nil, err
		}
		if len(body) > maxObject {
			return nil, errTooLong
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
	return c.put(ctx, "write", key, body, nil)
}

func (c *COS) Create(ctx context.Context, key string, body []byte) error {
	// https://cloud.tencent.com/document/product/436/7749
	return c.put(ctx, "create", key, body, &cos.ObjectPutOptions{ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{
		XOptionHeader: &http.Header{"x-cos-forbid-overwrite": {"true"}},
	}})
}

func (c *COS) put(ctx context.Context, verb, key string, body []byte, options *cos.ObjectPutOptions) error {
	_, err := retry(ctx, c, verb, key, len(body), func(ctx context.Context) (struct{}, error) {
		_, err := c.client.Object.Put(ctx, key, bytes.NewReader(body), options)
		return struct{}{}, err
	})
	return err
}

// List pages through https://cloud.tencent.com/document/product/436/7734.
func (c *COS) List(ctx context.Context, prefix, after string) ([]string, error) {
	var keys []string
	options := &cos.BucketGetOptions{Prefix: prefix, Marker: after, EncodingType: "url", MaxKeys: 1000}
	for {
		page, err := retry(ctx, c, "list", prefix, 0, func(ctx context.Context) (*cos.BucketGetResult, error) {
			page, _, err := c.client.Bucket.Get(ctx, options)
			return page, err
		})
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			key, err := cos.DecodeURIComponent(object.Key)
			if err != nil {
				return nil, fmt.Errorf("failed to list %s: the key %q is not URL-encoded: %w", prefix, object.Key, err)
			}
			keys = append(keys, key)
		}
		if !page.IsTruncated {
			return keys, nil
		}
		if len(page.Contents) == 0 || keys[len(keys)-1] <= options.Marker {
			return nil, fmt.Errorf("failed to list %s: COS says that there is more after %s, and does not give it", prefix, options.Marker)
		}
		options.Marker = keys[len(keys)-1]
	}
}

func (c *COS) Now() time.Time { return c.clock.now() }

// serverClock learns the server's clock from the Date of its answers, and tells an attempt what it was signed with.
type serverClock struct {
	next  http.RoundTripper
	ahead atomic.Int64 // of the local clock, in nanoseconds
}

func (t *serverClock) RoundTrip(req *http.Request) (*http.Response, error) {
	if sent, ok := req.Context().Value(sentSignature{}).(*secret.String); ok {
		_, hex, _ := strings.Cut(req.Header.Get("Authorization"), "q-signature=")
		*sent = secret.New(hex)
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil {
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			t.ahead.Store(int64(time.Until(date)))
		}
	}
	return resp, err
}

func (t *serverClock) now() time.Time { return time.Now().Add(time.Duration(t.ahead.Load())) }

// sentSignature is the context's key of where an attempt's signature is noted: a server's message may echo it.
type sentSignature struct{}

var ecma = crc64.MakeTable(crc64.ECMA)

var errTooLong = fmt.Errorf("the object is longer than %d bytes", maxObject)

// retry makes attempts until one succeeds, none is worth making or the context ends. body is how many bytes each sends.
func retry[T any](ctx context.Context, c *COS, verb, key string, body int, attempt func(context.Context) (T, error)) (T, error) {
	var last error
	timeout := attemptTimeout + time.Duration(body)*time.Second/slowestUpload
	result, err := backoff.Retry(ctx, func() (T, error) {
		attemptCtx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		var sent secret.String
		result, err := attempt(context.WithValue(attemptCtx, sentSignature{}, &sent))
		if err != nil {
			var again bool
			last, again = c.classify(err, verb, timeout, sent)
			if !again {
				return result, backoff.Permanent(last)
			}
		}
		return result, err
	}, backoff.WithMaxTries(maxAttempts), backoff.WithMaxElapsedTime(0), backoff.WithBackOff(&backoff.ExponentialBackOff{
		InitialInterval: 200 * time.Millisecond, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: 5 * time.Second,
	}))
	switch {
	case err == nil:
		return result, nil
	case ctx.Err() != nil:
		return result, fmt.Errorf("failed to %s %s in time (%w): %w", verb, key, ctx.Err(), last)
	}
	return result, fmt.Errorf("failed to %s %s: %w", verb, key, last)
}

// classify makes of an SDK's error one that is safe to print, and says whether another attempt may succeed. The
// SDK's own holds the request with its signature and token.
func (c *COS) classify(err error, verb string, timeout time.Duration, sent secret.String) (safe error, again bool) {
	scrub := func(text string) string { return secret.Scrub(text, append(c.secrets, sent)...) }
	var answer *cos.ErrorResponse
	switch {
	case errors.Is(err, errTooLong):
		return err, false
	case !errors.As(err, &answer):
		return errors.New(scrub(transportMessage(err, timeout))), true
	}
	status := answer.Response.StatusCode
	e := &COSError{
		Status:    status,
		Action:    actions[verb],
		Code:      scrub(answer.Code),
		Message:   scrub(answer.Message),
		RequestID: scrub(answer.Response.Header.Get("x-cos-request-id")),
	}
	return e, e.Retryable()
}

func transportMessage(err error, timeout time.Duration) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("COS gave no whole answer within the attempt's time (%v at most)", timeout)
	}
	return err.Error()
}

// COSError is an error that COS answered (https://cloud.tencent.com/document/product/436/7730).
type COSError struct {
	Status    int
	Action    string // of CAM, that the request needed
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

// actions are the rights that each verb needs, https://cloud.tencent.com/document/product/436/31923.
var actions = map[string]string{
	"read": "name/cos:GetObject", "write": "name/cos:PutObject", "create": "name/cos:PutObject", "list": "name/cos:GetBucket",
}

// Retryable reports whether the same request may succeed later, with nothing changed.
func (e *COSError) Retryable() bool {
	switch e.Status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		http.StatusTooManyRequests, 520:
		return true
	}
	return false
}

// Is makes a missing object ErrNotExist and one that is there already ErrExist. Only COS's own word for it counts: a bucket
// that does not exist, or a proxy's 404, taken for a missing day would let it be begun anew over what is stored.
func (e *COSError) Is(target error) bool {
	switch target {
	case ErrNotExist:
		return e.Status == http.StatusNotFound && e.Code == "NoSuchKey"
	case ErrExist:
		return e.Status == http.StatusConflict && e.Code == "FileAlreadyExists"
	}
	return false
}

func (e *COSError) advice() string {
	switch {
	case e.Code == "NoSuchBucket":
		return "check the bucket's name and region in CHATLAKE_LAKE"
	case e.Code == "SignatureDoesNotMatch" || e.Code == "InvalidAccessKeyId":
		return "check TENCENTCLOUD_SECRETID and TENCENTCLOUD_SECRETKEY"
	case e.Code == "ExpiredToken" || e.Code == "RequestTimeTooSkewed" || e.Code == "RequestIsExpired" || e.Status == http.StatusForbidden && strings.Contains(e.Message, "expired"):
		return "check TENCENTCLOUD_SESSIONTOKEN's age and this machine's clock"
	case e.Status == http.StatusForbidden:
		if e.Action == actions["read"] {
			return "allow the execution role " + e.Action + " on this key, and " + actions["list"] + " on the bucket, without which COS may answer so for a missing object too"
		}
		return "allow the execution role " + e.Action + " here"
	case e.Status >= 300 && e.Status < 400:
		return "check the bucket's region in CHATLAKE_LAKE"
	}
	return ""
}
