package chat_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"chatlake/internal/chat"
	"chatlake/internal/chat/chattest"
)

// holdsNone fails the test if the error, in any form of print, holds the key, a UserSig that was sent or a piece of one,
// or if an answer was shown with a UserSig.
func (p pull) holdsNone(t *testing.T) {
	t.Helper()
	if p.failure == nil || len(p.sent) == 0 {
		t.Fatal("nothing failed")
	}
	printed := fmt.Sprintf("%v %+v %#v %s", p.failure, p.failure, p.failure, p.failure.Message())
	for err := error(p.failure); err != nil; err = errors.Unwrap(err) {
		printed += fmt.Sprintf(" %v %+v %#v", err, err, err)
	}
	if strings.Contains(printed, key[:20]) || strings.Contains(printed, key[44:]) {
		t.Errorf("the error holds the key, or a piece of it: %s", p.failure)
	}
	for i, r := range p.sent {
		sig := r.URL.Query().Get("usersig")
		for what, form := range map[string]string{
			"UserSig": sig, "escaped UserSig": url.QueryEscape(sig), "query": r.URL.RawQuery,
			"UserSig's beginning": sig[:24], "UserSig's end": sig[len(sig)-40 : len(sig)-4],
		} {
			if strings.Contains(printed, form) {
				t.Errorf("the error holds the %s of attempt %d: %s", what, i+1, p.failure)
			}
			for _, e := range p.shown {
				if bytes.Contains(e.Body, []byte(form)) {
					t.Errorf("an answer is shown with the %s of attempt %d: %s", what, i+1, e.Body)
				}
			}
		}
	}
}

// echo answers with what it was sent, as servers and proxies do in their messages.
func echo(t *testing.T, answer func(form string) (status int, body string), form func(*http.Request) string) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("usersig") == "" {
			t.Error("no UserSig was sent")
		}
		status, body := answer(form(r))
		return inProcess{emulator(always(chattest.Fault{Status: status, Body: []byte(body)}))}.RoundTrip(r)
	}
}

var echoedForms = map[string]func(*http.Request) string{
	"UserSig":         func(r *http.Request) string { return r.URL.Query().Get("usersig") },
	"escaped UserSig": func(r *http.Request) string { return url.QueryEscape(r.URL.Query().Get("usersig")) },
	"UserSig in base64": func(r *http.Request) string {
		return base64.StdEncoding.EncodeToString([]byte(r.URL.Query().Get("usersig")))
	},
	"URL":         func(r *http.Request) string { return r.URL.String() },
	"key":         func(*http.Request) string { return key },
	"escaped key": func(*http.Request) string { return url.QueryEscape(key) },
}

func TestEchoesAreScrubbed(t *testing.T) {
	quote := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	api := func(code int) func(string) (int, string) {
		return func(form string) (int, string) {
			return 200, fmt.Sprintf(`{"ActionStatus":"FAIL","ErrorCode":%d,"ErrorInfo":%s}`, code, quote("sig <"+form+"> is bad"))
		}
	}
	answers := map[string]func(form string) (int, string){
		"an API error":              api(70009),
		"an API error that passes":  api(60008),
		"an expired UserSig":        api(70001),
		"an unknown code":           api(7),
		"ErrorInfo of another type": func(form string) (int, string) { return 200, `{"ErrorCode":7,"ErrorInfo":[` + quote(form) + `]}` },
		"ErrorInfo in ErrorInfo": func(form string) (int, string) {
			return 200, `{"ErrorCode":7,"ErrorInfo":` + quote(`{"sig":`+quote(form)+`}`) + `}`
		},
		"HTML":             func(form string) (int, string) { return 200, "<p>" + form },
		"long HTML":        func(form string) (int, string) { return 200, "<p>" + strings.Repeat("x", 90) + form },
		"an ErrorCode":     func(form string) (int, string) { return 200, `{"ErrorCode":` + quote(form) + `}` },
		"a long ErrorCode": func(form string) (int, string) { return 200, `{"ErrorCode":` + quote("bad "+form) + `}` },
		"a failing proxy":  func(form string) (int, string) { return 502, form },
	}
	for what, answer := range answers {
		for name, form := range echoedForms {
			t.Run(what+" with the "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := pullThrough(t.Context(), t, echo(t, answer, form), client(even))
					p.holdsNone(t)
				})
			})
		}
	}
}

// The UserSig that has expired is a secret still: a skewed clock is one that others may share.
func TestExpiredUserSigIsScrubbedWhenTimeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		p := pullThrough(ctx, t, echo(t, func(form string) (int, string) {
			return 200, `{"ErrorCode":70001,"ErrorInfo":"expired: ` + form + `"}`
		}, echoedForms["UserSig"]), client(even))
		p.failed(t, 1, true, "70001")
		p.holdsNone(t)
	})
}

func TestTransportErrorsHoldNoSecret(t *testing.T) {
	for name, transport := range map[string]roundTripper{
		"plain":    func(*http.Request) (*http.Response, error) { return nil, errors.New("no route to host") },
		"with URL": func(r *http.Request) (*http.Response, error) { return nil, fmt.Errorf("proxy: %s failed", r.URL) },
		"with a URL's error": func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "proxy", URL: r.URL.String(), Err: errors.New("no route to host")}
		},
		"silent":           silent(false),
		"silent in a body": silent(true),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pullThrough(t.Context(), t, transport, client(even))
				p.failed(t, 4, true)
				p.holdsNone(t)
			})
		})
	}
}

func TestEndpointsThatAreNone(t *testing.T) {
	for _, endpoint := range []string{"", "chat.example", "https://", "https://a b", "https://h:port", "ftp://h", "https://%zz", ":"} {
		synctest.Test(t, func(t *testing.T) {
			app := client(even)
			app.Endpoint = endpoint
			_, err := chat.NewClient(&http.Transport{}, chat.MaxQPS, unwatched).AppInfo(t.Context(), app, nil)
			if err == nil {
				t.Fatalf("%q: no error", endpoint)
			}
			for _, s := range []string{"usersig", "eAE", "eJ", key} { // zlib in base64 begins so
				if strings.Contains(err.Error(), s) {
					t.Errorf("%q: the error holds %q: %v", endpoint, s, err)
				}
			}
		})
	}
}

// A message goes into JSON and logs: long ones are cut, as text.
func TestLongMessages(t *testing.T) {
	for pad := range 3 {
		info := strings.Repeat("x", pad) + strings.Repeat("错", 5000)
		for name, fault := range map[string]chattest.Fault{"ErrorInfo": {Code: 7, Info: info}, "body": {Body: []byte("<p>" + info)}} {
			p := pullFrom(t, emulator(always(fault)), client(even))
			if p.failure == nil {
				t.Fatal("succeeded")
			}
			if m := p.failure.Message(); len(m) > 1000 || !utf8.ValidString(m) {
				t.Errorf("%s: the message has %d bytes, valid UTF-8: %t", name, len(m), utf8.ValidString(m))
			}
		}
	}
}
