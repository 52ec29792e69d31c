package storage_test

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/secret"
	"chatlake/storage"
	"chatlake/storage/costest"
)

var signature = regexp.MustCompile(`q-signature=([0-9a-f]{40})`)

// wantNoSecret looks through all that an error can print. sent is a request's Authorization, or empty.
func wantNoSecret(t *testing.T, err error, sent string) {
	t.Helper()
	secrets := []string{sent}
	if m := signature.FindStringSubmatch(sent); m != nil {
		secrets = append(secrets, m[1])
	}
	for _, s := range []string{secretKey, token, secretID} {
		secrets = append(secrets, s, url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)))
	}
	var walk func(error)
	walk = func(err error) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
			text := fmt.Sprintf(verb, err)
			for _, s := range secrets {
				if s != "" && strings.Contains(text, s) {
					t.Errorf("%s of the %T prints %q: %s", verb, err, s, text)
					return
				}
			}
		}
		switch err := err.(type) {
		case interface{ Unwrap() error }:
			if next := err.Unwrap(); next != nil {
				walk(next)
			}
		case interface{ Unwrap() []error }:
			for _, next := range err.Unwrap() {
				walk(next)
			}
		}
	}
	walk(err)
}

// TestCOSAnExpiredSignature comes as AccessDenied, and no right is missing.
func TestCOSAnExpiredSignature(t *testing.T) {
	late := costest.New(costest.Options{Credentials: accepted(), Now: func() time.Time { return time.Now().Add(3 * time.Hour) }})
	store, _ := cosOf(late)
	if _, err := store.Get(t.Context(), objectKey); err == nil || !strings.Contains(err.Error(), "clock") || strings.Contains(err.Error(), "execution role") {
		t.Errorf("got %v", err)
	}
}

func TestCOSErrorsAdvise(t *testing.T) {
	tests := map[string]struct {
		fault  costest.Fault
		advice string
	}{
		"no bucket":        {costest.Fault{Status: 404, Code: "NoSuchBucket"}, "CHATLAKE_LAKE"},
		"denied":           {costest.Fault{Status: 403, Code: "AccessDenied"}, "execution role"},
		"a wrong key":      {costest.Fault{Status: 403, Code: "SignatureDoesNotMatch"}, "TENCENTCLOUD_SECRETKEY"},
		"no such ID":       {costest.Fault{Status: 403, Code: "InvalidAccessKeyId"}, "TENCENTCLOUD_SECRETID"},
		"an expired token": {costest.Fault{Status: 403, Code: "ExpiredToken"}, "TENCENTCLOUD_SESSIONTOKEN"},
		"a wrong clock":    {costest.Fault{Status: 403, Code: "RequestTimeTooSkewed"}, "clock"},
	}
	for name, test := range tests {
		for verb, operation := range operations {
			t.Run(name+"/"+verb, func(t *testing.T) {
				s := bucket(func(costest.Request) costest.Fault { return test.fault })
				store, _ := cosOf(s)
				err := operation(t.Context(), t, store, s)
				var answer *storage.COSError
				if !errors.As(err, &answer) {
					t.Fatalf("got %v, want a COSError", err)
				}
				if answer.RequestID == "" || answer.Code != test.fault.Code || answer.Message == "" {
					t.Errorf("got %+v", answer)
				}
				for _, want := range []string{verb + " " + objectKey, test.fault.Code, test.advice, answer.RequestID} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q lacks %q", err, want)
					}
				}
				if errors.Is(err, storage.ErrNotExist) {
					t.Errorf("%q counts as a missing object", err)
				}
				wantNoSecret(t, err, "")
			})
		}
	}
}

// TestCOSMissing tells the one answer that says that there is no object from those that only look so: taken for it,
// they would let a day be begun anew over what is stored.
func TestCOSMissing(t *testing.T) {
	code := func(code string) string { return "<Error><Code>" + code + "</Code><Message>m</Message></Error>" }
	tests := map[string]struct {
		status  int
		body    string
		missing bool
	}{
		"no such key":           {404, code("NoSuchKey"), true},
		"no such bucket":        {404, code("NoSuchBucket"), false},
		"a 404 that is not XML": {404, "<html>nginx</html>", false},
		"a 404 without a body":  {404, "", false},
		"403":                   {403, code("AccessDenied"), false},
		"410":                   {410, code("NoSuchKey"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			store, _ := cosOf(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			if _, err := store.Get(t.Context(), objectKey); err == nil || errors.Is(err, storage.ErrNotExist) != test.missing {
				t.Errorf("got %v; is it a missing object? want %v", err, test.missing)
			}
		})
	}
}

// TestCOSErrorsKeepSecrets has servers and transports that echo what they were sent.
func TestCOSErrorsKeepSecrets(t *testing.T) {
	keysOf := func(r *http.Request) string {
		return fmt.Sprintf("token %s; key %s %q %s; ID %s %s", r.Header.Get("x-cos-security-token"),
			secretKey, secretKey, url.QueryEscape(secretKey), secretID, base64.StdEncoding.EncodeToString([]byte(token)))
	}
	signatureOf := func(r *http.Request) string { return "signed " + r.Header.Get("Authorization") }
	for name, echo := range map[string]func(*http.Request) string{"keys": keysOf, "signature": signatureOf} {
		t.Run(name, func(t *testing.T) { testErrorsKeepSecrets(t, echo) })
	}
}

func testErrorsKeepSecrets(t *testing.T, echo func(*http.Request) string) {
	answer := func(status int) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			var escaped strings.Builder
			if err := xml.EscapeText(&escaped, []byte(echo(r))); err != nil {
				return nil, err
			}
			body := "<Error><Code>" + escaped.String() + "</Code><Message>" + escaped.String() + "</Message></Error>"
			header := http.Header{"X-Cos-Request-Id": {echo(r)}}
			return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r, Header: header}, nil
		}
	}
	transports := map[string]func(*http.Request) (*http.Response, error){
		"403": answer(403),
		"503": answer(503),
		"a transport's error": func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("proxy: %s", echo(r))
		},
		"a URL's error": func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Put", URL: "https://" + secretID + ":" + url.QueryEscape(token) + "@proxy", Err: errors.New(echo(r))}
		},
		"a wrong checksum": func(r *http.Request) (*http.Response, error) {
			header := http.Header{"X-Cos-Hash-Crc64ecma": {"1"}, "X-Echo": {echo(r)}}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(echo(r))), Request: r, Header: header}, nil
		},
	}
	for name, transport := range transports {
		for verb, operation := range operations {
			t.Run(name+"/"+verb, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var sent string
					store := storage.NewCOS(bucketURL, keys(), roundTrip(func(r *http.Request) (*http.Response, error) {
						sent = r.Header.Get("Authorization")
						return transport(r)
					}))
					err := operation(t.Context(), t, store, bucket(nil))
					if err == nil || sent == "" {
						t.Fatalf("got %v, and the request was signed with %q", err, sent)
					}
					wantNoSecret(t, err, sent)
				})
			})
		}
	}
}

func TestCOSTimeoutsKeepSecrets(t *testing.T) {
	for verb, operation := range operations {
		t.Run(verb, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := bucket(func(costest.Request) costest.Fault { return costest.Fault{Delay: time.Hour} })
				store, _ := cosOf(s)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				wantNoSecret(t, operation(ctx, t, store, s), "")
			})
		})
	}
}

func TestCOSSecretIsNotPrinted(t *testing.T) {
	store, _ := cosOf(bucket(nil))
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		wantNoSecret(t, fmt.Errorf(verb+verb, store, keys()), "")
	}
}

// TestCOSStaysAtItsHost: a redirect would take the signed request, and the token in it, to wherever it points.
func TestCOSStaysAtItsHost(t *testing.T) {
	for _, status := range []int{301, 302, 307, 308} {
		for verb, operation := range operations {
			t.Run(fmt.Sprint(status, "/", verb), func(t *testing.T) {
				hosts := make(map[string]int)
				store := storage.NewCOS(bucketURL, keys(), roundTrip(func(r *http.Request) (*http.Response, error) {
					hosts[r.URL.Host]++
					header := http.Header{"Location": {"https://elsewhere.example/x"}}
					return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: r}, nil
				}))
				err := operation(t.Context(), t, store, bucket(nil))
				if err == nil || !strings.Contains(err.Error(), "region") {
					t.Errorf("got %v, want an error that advises to check the region", err)
				}
				if hosts["elsewhere.example"] > 0 || hosts[bucketURL.Host] != 1 {
					t.Errorf("called %v", hosts)
				}
			})
		}
	}
}

func TestCOSWithoutToken(t *testing.T) {
	permanent := costest.Credentials{SecretID: secretID, SecretKey: secretKey}
	transport := &inProcess{handler: costest.New(costest.Options{Credentials: []costest.Credentials{permanent}})}
	store := storage.NewCOS(bucketURL, secret.Keys{ID: secret.New(secretID), Key: secret.New(secretKey)}, transport)
	put(t, store, objectKey, object)
	wantObject(t, store, objectKey, object)
}
