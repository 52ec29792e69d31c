package costest_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/tencentyun/cos-go-sdk-v5"

	"chatlake/storage/costest"
)

var (
	permanent = costest.Credentials{SecretID: "AKIDpermanent", SecretKey: "permanent-key"}
	temporary = costest.Credentials{SecretID: "AKIDtemporary", SecretKey: "temporary-key", SessionToken: "temporary-token"}
)

// start serves a bucket that takes both keys, unless the options name others, and returns its URL.
func start(t *testing.T, o costest.Options) (*costest.Server, string) {
	t.Helper()
	if o.Credentials == nil {
		o.Credentials = []costest.Credentials{permanent, temporary}
	}
	s, base, stop, err := costest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s, base
}

// dial returns the official SDK's client, which makes one attempt a call.
func dial(t *testing.T, base string, key costest.Credentials) *cos.Client {
	t.Helper()
	return dialThrough(t, base, key, nil)
}

func dialThrough(t *testing.T, base string, key costest.Credentials, under http.RoundTripper) *cos.Client {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	c := cos.NewClient(&cos.BaseURL{BucketURL: u}, &http.Client{Transport: &cos.AuthorizationTransport{
		SecretID: key.SecretID, SecretKey: key.SecretKey, SessionToken: key.SessionToken, Transport: under,
	}})
	c.Conf.RetryOpt.Count = 1
	return c
}

// wantError checks the status and the code of an error of COS.
func wantError(t *testing.T, err error, status int, code string) {
	t.Helper()
	e, ok := cos.IsCOSError(err)
	if !ok {
		t.Fatalf("error %v, want %d %s", err, status, code)
	}
	if e.Response.StatusCode != status || e.Code != code {
		t.Errorf("%d %s (%s), want %d %s", e.Response.StatusCode, e.Code, e.Message, status, code)
	}
	if e.RequestID == "" {
		t.Error("the error has no request ID")
	}
}

// roundTrip is a client's transport that a test writes itself.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// altered changes each request after it was signed.
func altered(change func(*http.Request)) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(context.Background())
		change(r)
		return http.DefaultTransport.RoundTrip(r)
	})
}
