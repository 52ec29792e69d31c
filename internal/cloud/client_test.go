package cloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/cloud"
	"chatlake/internal/cloud/cloudtest"
	"chatlake/internal/secret"
)

const (
	id     = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
	key    = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
	token  = "t0ken/of+the=role"
	region = "ap-singapore"
	value  = `[{"sdk_app_id":1400000001,"secret_key":"5bd2850fff3ecb11","region":"china"}]`
)

func keys(id, key, token string) secret.Keys {
	return secret.Keys{ID: secret.New(id), Key: secret.New(key), Token: secret.New(token)}
}

func emulator(fault func(cloudtest.Call) *cloudtest.Fault) *cloudtest.Server {
	return cloudtest.New(cloudtest.Options{
		ID: id, Key: key, Token: token, Region: region, Fault: fault,
		Secrets: map[string][]cloudtest.Version{"apps": {{ID: "v1", Text: value}}},
	})
}

func client(t *testing.T, transport http.RoundTripper) *cloud.Client {
	t.Helper()
	c, err := cloud.New(keys(id, key, token), region, "", transport)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type fetched struct{ VersionID, SecretString string }

func fetch(ctx context.Context, c *cloud.Client) (fetched, error) {
	var out struct {
		VersionID    string `json:"VersionId"`
		SecretString string
	}
	err := c.Call(ctx, "ssm", "2019-09-23", "GetSecretValue", map[string]any{"SecretName": "apps", "VersionId": "v1"}, &out)
	return fetched(out), err
}

// firstly has the first n calls go wrong.
func firstly(n int, f cloudtest.Fault) func(cloudtest.Call) *cloudtest.Fault {
	return func(c cloudtest.Call) *cloudtest.Fault {
		if c.N > n {
			return nil
		}
		return &f
	}
}

func TestCall(t *testing.T) {
	server := emulator(nil)
	listener := httptest.NewServer(server)
	defer listener.Close()
	direct := listener.Client().Transport
	for _, test := range []struct {
		name, endpoint, url string
		transport           http.RoundTripper
	}{
		{"public", "", "https://ssm.tencentcloudapi.com/", server},
		{"https", "https://API.example:8443", "https://api.example:8443/", server},
		{"path", "https://api.example/base/v3/", "https://api.example/base/v3", server},
		{"loopback", listener.URL, listener.URL + "/", direct},
		{"loopback path", listener.URL + "/base/", listener.URL + "/base", direct},
		{"localhost", "http://localhost:9", "http://localhost:9/", server},
		{"IPv6", "http://[::1]:9", "http://[::1]:9/", server},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen := ""
			c, err := cloud.New(keys(id, key, token), region, test.endpoint, transport(func(r *http.Request) (*http.Response, error) {
				seen = r.URL.String()
				return test.transport.RoundTrip(r)
			}))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := fetch(t.Context(), c); err != nil || got != (fetched{"v1", value}) {
				t.Errorf("got %v, %v", got, err)
			}
			if seen != test.url {
				t.Errorf("sent to %s, want %s", seen, test.url)
			}
		})
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestEndpointsRefused(t *testing.T) {
	for _, endpoint := range []string{
		"api.example", "http://api.example", "http://10.0.0.1:80", "ftp://127.0.0.1", "https://", "https://u:p@api.example",
		"https://api.example?x=1", "https://api.example#x", "http://127.0.0.1.example", "::",
	} {
		_, err := cloud.New(keys(id, key, token), region, endpoint, nil)
		if err == nil {
			t.Errorf("%q was taken", endpoint)
		} else if strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name, id, key, token, region string
		clock                        time.Duration // the server's, ahead of ours
		code, advice                 string
	}{
		{name: "id", id: "AKIDother", code: "AuthFailure.SecretIdNotFound", advice: "TENCENTCLOUD_SECRETID"},
		{name: "key", key: "other", code: "AuthFailure.SignatureFailure", advice: "TENCENTCLOUD_SECRETKEY"},
		{name: "token", token: "other", code: "AuthFailure.TokenFailure", advice: "TENCENTCLOUD_SESSIONTOKEN"},
		{name: "no token", token: "-", code: "AuthFailure.TokenFailure", advice: "TENCENTCLOUD_SESSIONTOKEN"},
		{name: "clock behind", clock: 6 * time.Minute, code: "AuthFailure.SignatureExpire", advice: "clock"},
		{name: "clock ahead", clock: -6 * time.Minute, code: "AuthFailure.SignatureExpire", advice: "clock"},
		{name: "region", region: "ap-nowhere", code: "UnsupportedRegion", advice: "region"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := cloudtest.New(cloudtest.Options{
				ID: id, Key: key, Token: token, Region: region,
				Now: func() time.Time { return time.Now().Add(test.clock) },
			})
			or := func(s, preset string) string {
				switch s {
				case "":
					return preset
				case "-":
					return ""
				}
				return s
			}
			c, err := cloud.New(keys(or(test.id, id), or(test.key, key), or(test.token, token)), or(test.region, region), "", server)
			if err != nil {
				t.Fatal(err)
			}
			_, err = fetch(t.Context(), c)
			var e *cloud.Error
			if !errors.As(err, &e) || e.Code != test.code || e.RequestID == "" || e.Retryable || e.Attempts != 1 {
				t.Fatalf("got %+v (%v)", e, err)
			}
			if !strings.Contains(err.Error(), test.advice) || !strings.Contains(err.Error(), e.RequestID) {
				t.Errorf("%q lacks the advice or the request id", err)
			}
			if n := len(server.Calls()); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		})
	}
}

var faults = []struct {
	name  string
	fault cloudtest.Fault
	again bool
}{
	{"limit", cloudtest.Fault{Code: "RequestLimitExceeded", Message: "slow down"}, true},
	{"limit of the account", cloudtest.Fault{Code: "RequestLimitExceeded.UinLimitExceeded"}, true},
	{"internal", cloudtest.Fault{Code: "InternalError"}, true},
	{"internal database", cloudtest.Fault{Code: "InternalError.DBError"}, true},
	{"unavailable", cloudtest.Fault{Code: "ServiceUnavailable"}, true},
	{"500", cloudtest.Fault{Status: 500}, true},
	{"502", cloudtest.Fault{Status: 502, Body: []byte("<html>Bad Gateway</html>")}, true},
	{"503 of the API", cloudtest.Fault{Status: 503, Code: "ResourceUnavailable"}, true},
	{"429", cloudtest.Fault{Status: 429}, true},
	{"dropped", cloudtest.Fault{Drop: true}, true},
	{"silence", cloudtest.Fault{Hang: true}, true},
	{"empty", cloudtest.Fault{Body: []byte{}}, true},
	{"HTML", cloudtest.Fault{Body: []byte("<html>sign in</html>")}, true},
	{"cut off", cloudtest.Fault{Body: []byte(`{"Response":{"SecretString":"5bd2850fff3ecb11`)}, true},
	{"a list", cloudtest.Fault{Body: []byte(`["5bd2850fff3ecb11"]`)}, true},
	{"no Response", cloudtest.Fault{Body: []byte(`{"SecretString":"5bd2850fff3ecb11"}`)}, true},
	{"null Response", cloudtest.Fault{Body: []byte(`{"Response":null}`)}, true},
	{"odd Response", cloudtest.Fault{Body: []byte(`{"Response":"5bd2850fff3ecb11"}`)}, true},
	{"odd type", cloudtest.Fault{Body: []byte(`{"Response":{"SecretString":5285011}}`)}, true},
	{"too large", cloudtest.Fault{Body: []byte(`{"Response":{"SecretString":"` + strings.Repeat("5bd2850fff3ecb11", 1<<18) + `"}}`)}, true},
	{"event stream", cloudtest.Fault{Body: []byte("data: 5bd2850fff3ecb11\n\n"), Header: http.Header{"Content-Type": {"text/event-stream"}}}, true},
	{"unknown encoding", cloudtest.Fault{Body: []byte("5bd2850fff3ecb11"), Header: http.Header{"Content-Encoding": {"br"}}}, true},
	{"unauthorized", cloudtest.Fault{Code: "UnauthorizedOperation", Message: "no policy"}, false},
	{"unauthorized by CAM", cloudtest.Fault{Code: "AuthFailure.UnauthorizedOperation"}, false},
	{"not found", cloudtest.Fault{Code: "ResourceNotFound.SecretNotExist"}, false},
	{"disabled", cloudtest.Fault{Code: "ResourceUnavailable.ResourceDisabled"}, false},
	{"bad parameter", cloudtest.Fault{Code: "InvalidParameterValue"}, false},
	{"quota", cloudtest.Fault{Code: "LimitExceeded"}, false},
	{"unknown code", cloudtest.Fault{Code: "SomethingNew"}, false},
	{"404", cloudtest.Fault{Status: 404}, false},
	{"403 of a proxy", cloudtest.Fault{Status: 403, Body: []byte("5bd2850fff3ecb11")}, false},
	{"redirect", cloudtest.Fault{Status: 307, Header: http.Header{"Location": {"https://evil.example/"}}}, false},
}

func TestRetries(t *testing.T) {
	for _, test := range faults {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := emulator(firstly(2, test.fault))
				got, err := fetch(t.Context(), client(t, server))
				calls := server.Calls()
				if !test.again {
					var e *cloud.Error
					if !errors.As(err, &e) || e.Retryable || e.Attempts != 1 || len(calls) != 1 {
						t.Fatalf("%d calls, %v", len(calls), err)
					}
					return
				}
				if err != nil || got.SecretString != value || len(calls) != 3 {
					t.Fatalf("%d calls, %v", len(calls), err)
				}
				if !calls[1].At.After(calls[0].At) || !calls[2].At.After(calls[1].At) {
					t.Error("no pause before the next attempt")
				}
			})
		})
	}
}

func TestRetriesEnd(t *testing.T) {
	for _, test := range faults {
		if !test.again {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := emulator(firstly(1000, test.fault))
				_, err := fetch(t.Context(), client(t, server))
				var e *cloud.Error
				if !errors.As(err, &e) || !e.Retryable || e.Attempts != len(server.Calls()) || e.Attempts != 5 {
					t.Errorf("%d calls, %+v", len(server.Calls()), err)
				}
				if e.Service != "ssm" || e.Action != "GetSecretValue" || e.Message == "" && e.Code == "" {
					t.Errorf("the error says too little: %v", err)
				}
			})
		})
	}
}

func TestContextEndsTheCall(t *testing.T) {
	for name, fault := range map[string]cloudtest.Fault{
		"within an attempt": {Hang: true},
		"between attempts":  {Status: 503},
		"within an answer":  {Delay: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				begun := time.Now()
				_, err := fetch(ctx, client(t, emulator(firstly(1000, fault))))
				var e *cloud.Error
				if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) {
					t.Errorf("got %v", err)
				}
				if waited := time.Since(begun); waited > 200*time.Millisecond {
					t.Errorf("went on for %v after the deadline", waited)
				}
			})
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var hosts []string
		_, err := fetch(t.Context(), client(t, transport(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.URL.Host)
			return emulator(firstly(1, cloudtest.Fault{Status: status, Body: []byte(`{}`), Header: http.Header{"Location": {"https://evil.example/"}}})).RoundTrip(r)
		})))
		if err == nil || len(hosts) != 1 || !strings.Contains(err.Error(), "CHATLAKE_API_ENDPOINT") {
			t.Errorf("%d: sent to %v, %v", status, hosts, err)
		}
	}
}

func TestHeadersDoNotChangeTheReading(t *testing.T) {
	for _, header := range []http.Header{
		{"Content-Type": {"text/event-stream"}},
		{"Content-Type": {"application/octet-stream"}},
		{"Content-Type": {"text/html"}},
		{"Content-Encoding": {"gzip"}},
		{"Content-Encoding": {"br"}},
		{"Location": {"https://evil.example/"}},
	} {
		f := cloudtest.Fault{Body: []byte(`{"Response":{"VersionId":"v1","SecretString":"x"}}`), Header: header}
		server := emulator(firstly(1, f))
		if got, err := fetch(t.Context(), client(t, server)); err != nil || got.SecretString != "x" || len(server.Calls()) != 1 {
			t.Errorf("%v: %v, %v", header, got, err)
		}
	}
}

func TestLargeNumbersStayWhole(t *testing.T) {
	var out struct{ Count int64 }
	c := client(t, emulator(firstly(1, cloudtest.Fault{Body: []byte(`{"Response":{"Count":9007199254740993}}`)})))
	if err := c.Call(t.Context(), "ssm", "2019-09-23", "GetSecretValue", nil, &out); err != nil || out.Count != 9007199254740993 {
		t.Errorf("got %d, %v", out.Count, err)
	}
}

// TestNoSecretInErrors has the service echo all that it was sent, in every place that an error may quote.
func TestNoSecretInErrors(t *testing.T) {
	cases := faults
	for _, echo := range []func(text string) cloudtest.Fault{
		func(text string) cloudtest.Fault { return cloudtest.Fault{Code: "InvalidParameter", Message: text} },
		func(text string) cloudtest.Fault { return cloudtest.Fault{Code: "Odd" + text, Message: "x"} },
		func(text string) cloudtest.Fault {
			return cloudtest.Fault{Code: "InternalError", Message: text, Status: 500}
		},
		func(text string) cloudtest.Fault { return cloudtest.Fault{Body: []byte(text)} },
		func(text string) cloudtest.Fault { return cloudtest.Fault{Status: 400, Body: []byte(text)} },
		func(text string) cloudtest.Fault {
			body, _ := json.Marshal(map[string]any{"code": 4000, "message": text, "codeDesc": "Old"})
			return cloudtest.Fault{Body: body}
		},
	} {
		for _, text := range []string{id + " " + key + " " + token, "SIGNED"} {
			cases = append(cases, struct {
				name  string
				fault cloudtest.Fault
				again bool
			}{"echo " + text[:4], echo(text), false})
		}
	}
	for _, test := range cases {
		synctest.Test(t, func(t *testing.T) {
			signature := ""
			server := emulator(func(c cloudtest.Call) *cloudtest.Fault {
				f := test.fault
				all := c.Header.Get("Authorization")
				_, signature, _ = strings.Cut(all, "Signature=")
				f.Message = strings.ReplaceAll(f.Message, "SIGNED", all)
				f.Code = strings.ReplaceAll(f.Code, "SIGNED", all)
				return &f
			})
			c := client(t, server)
			_, err := fetch(t.Context(), c)
			if err == nil {
				t.Fatalf("%s: no error", test.name)
			}
			var e *cloud.Error
			if !errors.As(err, &e) {
				t.Fatalf("%s: %v", test.name, err)
			}
			asJSON, _ := json.Marshal(e)
			out := fmt.Sprintf("%v %+v %#v %s %v %+v %+v", err, err, e, asJSON, c, c, *c)
			for _, s := range []string{id, key, token, signature, "5bd2850fff3ecb11", "t0ken%2Fof"} {
				if strings.Contains(out, s) {
					t.Errorf("%s: %q is in %s", test.name, s, out)
				}
			}
			if len(err.Error()) > 3000 {
				t.Errorf("%s: the error has %d bytes", test.name, len(err.Error()))
			}
		})
	}
}
