package costest_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/cos-go-sdk-v5"

	"chatlake/storage/costest"
)

func TestSignatureAccepted(t *testing.T) {
	keys := []string{"plain", "dt=2024-01-02/part 1+2.parquet", "a&b=c;d%2F/e'()*!~", "日/志", "A/b//c"}
	for _, cred := range []costest.Credentials{permanent, temporary} {
		s, base := start(t, costest.Options{})
		c := dial(t, base, cred)
		for _, key := range keys {
			if _, err := c.Object.Put(t.Context(), key, strings.NewReader("x"), nil); err != nil {
				t.Errorf("%s puts %q: %v", cred.SecretID, key, err)
			}
			if _, ok := s.Get(key); !ok {
				t.Errorf("%q is not there: %q", key, s.Keys(""))
			}
		}
		opt := &cos.BucketGetOptions{Prefix: "a&b=c;d%2F/", Delimiter: "/", MaxKeys: 5, EncodingType: "url"}
		if _, _, err := c.Bucket.Get(t.Context(), opt); err != nil {
			t.Errorf("%s lists: %v", cred.SecretID, err)
		}
	}
}

func TestSignatureRefused(t *testing.T) {
	auth := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	with := func(c costest.Credentials, change func(*costest.Credentials)) costest.Credentials {
		change(&c)
		return c
	}
	now := time.Now()
	tests := []struct {
		name   string
		key    costest.Credentials
		change func(*http.Request)
		clock  time.Time
		code   string
	}{
		{"wrong key", with(permanent, func(c *costest.Credentials) { c.SecretKey = "other" }), nil, now, "SignatureDoesNotMatch"},
		{"unknown ID", with(permanent, func(c *costest.Credentials) { c.SecretID = "AKIDother" }), nil, now, "InvalidAccessKeyId"},
		{"missing token", with(temporary, func(c *costest.Credentials) { c.SessionToken = "" }), nil, now, "InvalidAccessKeyId"},
		{"wrong token", with(temporary, func(c *costest.Credentials) { c.SessionToken = "other" }), nil, now, "InvalidAccessKeyId"},
		{"token on a permanent key", with(permanent, func(c *costest.Credentials) { c.SessionToken = "any" }), nil, now, "InvalidAccessKeyId"},
		{"expired", permanent, nil, now.Add(2 * time.Hour), "AccessDenied"},
		{"not yet valid", permanent, nil, now.Add(-time.Hour), "RequestTimeTooSkewed"},
		{"no signature", permanent, func(r *http.Request) { r.Header.Del("Authorization") }, now, "AccessDenied"},
		{"changed method", permanent, func(r *http.Request) { r.Method = http.MethodDelete }, now, "SignatureDoesNotMatch"},
		{"changed path", permanent, func(r *http.Request) { r.URL.Path = "/other" }, now, "SignatureDoesNotMatch"},
		{"changed case of the path", permanent, func(r *http.Request) { r.URL.Path = "/KEY" }, now, "SignatureDoesNotMatch"},
		{"changed header", permanent, func(r *http.Request) { r.Header.Set("Range", "bytes=0-2") }, now, "SignatureDoesNotMatch"},
		{"changed host", permanent, func(r *http.Request) { r.Host = "other.example" }, now, "SignatureDoesNotMatch"},
		{"lost header", permanent, func(r *http.Request) { r.Header.Del("Range") }, now, "SignatureDoesNotMatch"},
		{"unsigned COS header", permanent, func(r *http.Request) { r.Header.Set("x-cos-acl", "private") }, now, "AccessDenied"},
		{"unsigned parameter", permanent, func(r *http.Request) { r.URL.RawQuery = "acl" }, now, "AccessDenied"},
		{"malformed query", permanent, func(r *http.Request) { r.URL.RawQuery = "a;b" }, now, "InvalidArgument"},
		{"unsigned host", permanent, auth("q-header-list=host;", "q-header-list="), now, "AccessDenied"},
		{"a parameter that is not there", permanent, auth("q-url-param-list=", "q-url-param-list=acl"), now, "SignatureDoesNotMatch"},
		{"other algorithm", permanent, auth("=sha1", "=sha256"), now, "AccessDenied"},
		{"unsorted list", permanent, auth("host;range", "range;host"), now, "AccessDenied"},
		{"later end", permanent, auth("q-sign-time=", "q-sign-time=1"), now, "AccessDenied"},
		{"a field twice", permanent, auth("q-ak=", "q-ak=&q-ak="), now, "AccessDenied"},
		{"a field too many", permanent, auth("q-ak=", "q-more=&q-ak="), now, "AccessDenied"},
		{"a field too few", permanent, auth("q-ak=", "q-more="), now, "AccessDenied"},
		{"presigned", permanent, func(r *http.Request) { r.URL.RawQuery = r.Header.Get("Authorization"); r.Header.Del("Authorization") }, now, "AccessDenied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, base := start(t, costest.Options{Now: func() time.Time { return tt.clock }})
			s.Put("key", []byte("body"))
			var under http.RoundTripper
			if tt.change != nil {
				under = altered(tt.change)
			}
			status := http.StatusForbidden
			if tt.code == "InvalidArgument" {
				status = http.StatusBadRequest
			}
			_, err := dialThrough(t, base, tt.key, under).Object.Get(t.Context(), "key", &cos.ObjectGetOptions{Range: "bytes=0-1"})
			wantError(t, err, status, tt.code)
			if _, ok := s.Get("key"); !ok {
				t.Error("a refused request had its effect")
			}
			if n := len(s.Requests()); n != 1 {
				t.Errorf("%d requests logged, want the refused one", n)
			}
		})
	}
}

// The Node SDK adds the token after signing.
func TestUnsignedToken(t *testing.T) {
	_, base := start(t, costest.Options{})
	bare := temporary
	bare.SessionToken = ""
	add := altered(func(r *http.Request) { r.Header.Set("x-cos-security-token", temporary.SessionToken) })
	if _, err := dialThrough(t, base, bare, add).Object.Put(t.Context(), "k", strings.NewReader("x"), nil); err != nil {
		t.Error(err)
	}
}

// The Python SDK signs the host without its port.
func TestHostSignedWithoutPort(t *testing.T) {
	_, base := start(t, costest.Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, base+"/k", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = r.URL.Hostname()
	cos.AddAuthorizationHeader(permanent.SecretID, permanent.SecretKey, "", r, cos.NewAuthTime(time.Minute))
	r.Host = r.URL.Host
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("%s", res.Status)
	}
}

func TestRotation(t *testing.T) {
	s, base := start(t, costest.Options{})
	s.SetCredentials(temporary)
	_, err := dial(t, base, permanent).Object.Put(t.Context(), "k", strings.NewReader("x"), nil)
	wantError(t, err, http.StatusForbidden, "InvalidAccessKeyId")
	if _, err := dial(t, base, temporary).Object.Put(t.Context(), "k", strings.NewReader("x"), nil); err != nil {
		t.Error(err)
	}
}

// COS shows what it signed, the token included: a client that logs such an answer whole leaks it.
func TestMismatchShowsWhatWasSigned(t *testing.T) {
	_, base := start(t, costest.Options{})
	wrong := temporary
	wrong.SecretKey = "other"
	var body []byte
	read := roundTrip(func(r *http.Request) (*http.Response, error) {
		res, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			body, _ = io.ReadAll(res.Body)
			_ = res.Body.Close()
			res.Body = http.NoBody
		}
		return res, err
	})
	_, _ = dialThrough(t, base, wrong, read).Object.Get(t.Context(), "key", nil)
	var e struct{ Code, StringToSign, FormatString string }
	if err := xml.Unmarshal(body, &e); err != nil {
		t.Fatal(err)
	}
	if e.Code != "SignatureDoesNotMatch" || !strings.HasPrefix(e.StringToSign, "sha1\n") ||
		!strings.HasPrefix(e.FormatString, "get\n/key\n\nhost=") || !strings.Contains(e.FormatString, "x-cos-security-token=temporary-token") {
		t.Errorf("%s", body)
	}
}
