package handler_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/chat/faulttest"
	"chatlake/internal/cloud/cloudtest"
	"chatlake/storage"
	"chatlake/storage/costest"
)

// secretive is a world whose secrets are as long and as odd as real ones, and which notes each that is sent.
type secretive struct {
	*world
	chatWire http.RoundTripper                                            // for calls to the Chat API; nil: the world's emulator
	bucket   func(sent *http.Request, key string) (*http.Response, error) // nil, or an answer in the bucket's place

	mu      sync.Mutex
	secrets map[string]string // what each is
}

var (
	roleID     = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
	roleKey    = `Zx9/+kQ7=uVw3"pLm<5rT8>yB&nA2sDfG4hJ`
	roleToken  = "tOk/en+" + strings.Repeat("q8Wz/Rt6+Yu4=Io2Pa", 6) + "=="
	keysOfApps = []string{"9b1f6c1c1d0e4d6e9a5a2f7c3b8d4e605bd2850fff3ecb11ee5fe7a2cd1cd0f1", `kéy/of"the+other=app&<with>signs`}
)

// aFewDays keeps the runs short.
const aFewDays = `{"from":"2026-11-22","to":"2026-11-24"}`

// inSecretive runs a test in a world at debug level, with two apps in two regions.
func inSecretive(t *testing.T, test func(w *secretive)) {
	t.Helper()
	inWorld(t, func(plain *world) {
		w := &secretive{world: plain, secrets: map[string]string{roleID: "the role's id", roleKey: "the role's key", roleToken: "the session token"}}
		w.apps = []chattest.App{w.apps[0], w.apps[2]}
		for i := range w.apps {
			w.apps[i].Key = keysOfApps[i]
			w.secrets[keysOfApps[i]] = fmt.Sprintf("the key of app %d", w.apps[i].ID)
		}
		w.chat.SetApps(w.apps...)
		w.world.bucket.SetCredentials(costest.Credentials{SecretID: roleID, SecretKey: roleKey, SessionToken: roleToken})
		maps.Copy(w.env, map[string]string{
			"CHATLAKE_APPS": w.appList(), "CHATLAKE_LOG_LEVEL": "debug",
			"TENCENTCLOUD_SECRETID": roleID, "TENCENTCLOUD_SECRETKEY": roleKey, "TENCENTCLOUD_SESSIONTOKEN": roleToken,
		})
		test(w)
	})
}

var signature = regexp.MustCompile(`(?i)signature=([0-9a-f]+)`)

// RoundTrip notes what is secret in the request, and sends it on.
func (w *secretive) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	if sig := req.URL.Query().Get("usersig"); sig != "" {
		w.secrets[sig] = "a UserSig"
	}
	if m := signature.FindStringSubmatch(req.Header.Get("Authorization")); m != nil {
		w.secrets[m[1]] = "a signature"
	}
	w.mu.Unlock()
	if w.routes[req.URL.Host] == nil {
		w.t.Errorf("a request went to %s", req.URL.Host)
	}
	switch {
	case w.chatWire != nil && req.URL.Query().Has("usersig"):
		return w.chatWire.RoundTrip(req)
	case w.bucket != nil && req.URL.Host == bucketHost:
		if resp, err := w.bucket(req, strings.TrimPrefix(req.URL.Path, "/"+prefix)); resp != nil || err != nil {
			return resp, err
		}
	}
	return w.world.RoundTrip(req)
}

// invoke runs the function as SCF does, and searches all that it says and stores.
func (w *secretive) invoke(payload string) {
	w.t.Helper()
	var environ []string
	for name, value := range w.env {
		environ = append(environ, name+"="+value)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Minute)
	defer cancel()
	answer, err := handler.NewFunction(environ, &w.log, w).Invoke(ctx, []byte(payload))
	h := newHunt(w.secrets)
	search := func(where, text string) {
		if found := h.find(text); found != "" {
			w.t.Errorf("%s holds %s", where, found)
		}
	}
	search("the log", w.log.String())
	search("the answer", string(answer))
	if err != nil {
		search("the error", fmt.Sprintf("%v %+v %#v", err, err, err))
	}
	if w.log.Len() == 0 || len(answer) == 0 && err == nil {
		w.t.Error("nothing was said")
	}
	for _, key := range w.world.bucket.Keys("") {
		body, _ := w.world.bucket.Get(key)
		search(key, key+string(body))
		search(key, readable(w.t, key, body))
	}
}

func TestFailuresOfTheChatAPIHoldNoSecret(t *testing.T) {
	corpus, err := faulttest.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range corpus {
		t.Run(c.Name, func(t *testing.T) {
			inSecretive(t, func(w *secretive) {
				network, err := c.Open()
				if err != nil {
					t.Fatal(err)
				}
				w.chatWire = network.Transport()
				w.invoke(aFewDays)
				if err := network.Close(); err != nil {
					t.Error(err)
				}
				if !slices.Contains(slices.Collect(maps.Values(w.secrets)), "a UserSig") {
					t.Error("no UserSig was sent")
				}
			})
		})
	}
}

// echo is what a server may write of a request, in all the ways that it may.
func echo(sent http.Header, target string) string {
	var b strings.Builder
	token := sent.Get("x-cos-security-token") + sent.Get("X-TC-Token")
	authorization := sent.Get("Authorization")
	texts := []string{authorization, token, target, "Authorization: " + authorization + "\r\nToken: " + token}
	if m := signature.FindStringSubmatch(authorization); m != nil {
		texts = append(texts, "you signed with "+m[1])
	}
	for _, s := range texts {
		fmt.Fprintf(&b, "<%s> %s %q %x %X ", s, url.QueryEscape(s), s, s, s)
		for _, before := range []string{"", "a", "ab"} {
			b.WriteString(base64.StdEncoding.EncodeToString([]byte(before+s)) + " " + base64.RawURLEncoding.EncodeToString([]byte(before+s)) + " ")
		}
	}
	return b.String()
}

func TestFailuresOfTheBucketHoldNoSecret(t *testing.T) {
	answer := func(status int, head http.Header, body string) (*http.Response, error) {
		return &http.Response{
			Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: head, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}, nil
	}
	ofCOS := func(code, message string) string {
		var escaped bytes.Buffer
		_ = xml.EscapeText(&escaped, []byte(message)) // a buffer takes all
		return "<?xml version='1.0'?><Error><Code>" + code + "</Code><Message>" + escaped.String() + "</Message><RequestId>" + escaped.String() + "</RequestId></Error>"
	}
	refused := func(status int, code string) func(string) (*http.Response, error) {
		return func(echo string) (*http.Response, error) {
			return answer(status, http.Header{"X-Cos-Request-Id": {echo}}, ofCOS(code, echo))
		}
	}
	faults := map[string]func(echo string) (*http.Response, error){
		"403":              refused(403, "AccessDenied"),
		"403 by signature": refused(403, "SignatureDoesNotMatch"),
		"404":              refused(404, "NoSuchBucket"),
		"409":              refused(409, "PathConflict"),
		"500":              refused(500, "InternalError"),
		"503":              refused(503, "SlowDown"),
		"an odd code":      func(echo string) (*http.Response, error) { return answer(400, http.Header{}, ofCOS(echo, "bad")) },
		"a page":           func(echo string) (*http.Response, error) { return answer(502, http.Header{}, "<html>"+echo) },
		"a page with 200":  func(echo string) (*http.Response, error) { return answer(200, http.Header{}, "<html>"+echo) },
		"a wrong CRC": func(echo string) (*http.Response, error) {
			return answer(200, http.Header{"X-Cos-Hash-Crc64ecma": {echo}}, echo)
		},
		"a redirect": func(echo string) (*http.Response, error) {
			return answer(307, http.Header{"Location": {"https://x/" + url.QueryEscape(echo)}}, echo)
		},
		"a broken redirect": func(echo string) (*http.Response, error) {
			return answer(302, http.Header{"Location": {"https://[" + echo}}, echo)
		},
		"a proxy's error": func(echo string) (*http.Response, error) { return nil, fmt.Errorf("proxy: %s", echo) },
		"a URL's error": func(echo string) (*http.Response, error) {
			return nil, &url.Error{Op: "Put", URL: "https://x/?" + echo, Err: errors.New(echo)}
		},
		"a cut connection": func(string) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
	}
	places := map[string]func(method, key string) bool{
		"everywhere":  func(string, string) bool { return true },
		"reading":     func(method, _ string) bool { return method == http.MethodGet },
		"the lease":   func(_, key string) bool { return strings.HasPrefix(key, "_lock") },
		"the newest":  func(method, key string) bool { return method == http.MethodGet && key == "_runs/latest.json" },
		"the archive": func(_, key string) bool { return strings.HasPrefix(key, "_raw") },
		"the summary": func(method, key string) bool { return method == http.MethodPut && strings.HasPrefix(key, "_runs") },
		"days, read": func(method, key string) bool {
			return method == http.MethodGet && strings.HasPrefix(key, storage.Table)
		},
		"days, stored": func(method, key string) bool {
			return method == http.MethodPut && strings.HasPrefix(key, storage.Table)
		},
	}
	for name, fault := range faults {
		for place, here := range places {
			t.Run(name+", "+place, func(t *testing.T) {
				inSecretive(t, func(w *secretive) {
					var met atomic.Bool
					w.bucket = func(sent *http.Request, key string) (*http.Response, error) {
						if !here(sent.Method, key) {
							return nil, nil
						}
						met.Store(true)
						resp, err := fault(echo(sent.Header, sent.URL.String()))
						if resp != nil {
							resp.Request = sent
						}
						return resp, err
					}
					w.invoke(aFewDays)
					if !met.Load() {
						t.Error("the fault was not met")
					}
				})
			})
		}
	}
}

func TestFailuresOfTheCloudHoldNoSecret(t *testing.T) {
	ofAPI := func(code, message string) []byte {
		body, _ := json.Marshal(map[string]any{"Response": map[string]any{"Error": map[string]string{"Code": code, "Message": message}, "RequestId": message}})
		return body
	}
	for name, fault := range map[string]func(echo string) *cloudtest.Fault{
		"an error": func(echo string) *cloudtest.Fault {
			return &cloudtest.Fault{Body: ofAPI("AuthFailure.SignatureFailure", echo)}
		},
		"an error that lasts": func(echo string) *cloudtest.Fault { return &cloudtest.Fault{Body: ofAPI("InternalError", echo)} },
		"an odd code":         func(echo string) *cloudtest.Fault { return &cloudtest.Fault{Body: ofAPI(echo, "bad")} },
		"403": func(echo string) *cloudtest.Fault {
			return &cloudtest.Fault{Status: 403, Body: ofAPI("UnauthorizedOperation", echo)}
		},
		"a page": func(echo string) *cloudtest.Fault {
			return &cloudtest.Fault{Status: 502, Body: []byte("<html>" + echo)}
		},
		"a page with 200": func(echo string) *cloudtest.Fault { return &cloudtest.Fault{Body: []byte("<html>" + echo)} },
		"a redirect": func(echo string) *cloudtest.Fault {
			return &cloudtest.Fault{Status: 307, Header: http.Header{"Location": {"https://x/" + url.QueryEscape(echo)}}, Body: []byte(echo)}
		},
		"a secret of another shape": func(echo string) *cloudtest.Fault {
			text, _ := json.Marshal(keysOfApps[0] + echo)
			return &cloudtest.Fault{Body: fmt.Appendf(nil, `{"Response":{"SecretString":{"text":%s},"Versions":[{"VersionId":%[1]s,"CreateTime":%[1]s}]}}`, text)}
		},
		"a secret that is cut": func(echo string) *cloudtest.Fault {
			return &cloudtest.Fault{Body: []byte(`{"Response":{"SecretString":"` + keysOfApps[0] + keysOfApps[1])}
		},
		"a failing task":   func(echo string) *cloudtest.Fault { return &cloudtest.Fault{TaskFailure: echo} },
		"a cut connection": func(string) *cloudtest.Fault { return &cloudtest.Fault{Drop: true} },
		"none":             func(string) *cloudtest.Fault { return nil },
	} {
		for _, service := range []string{"ssm", "dlc"} {
			for _, apps := range []string{"", "ssm:apps", "ssm:broken"} {
				t.Run(name+" of "+service+", apps "+apps, func(t *testing.T) {
					inSecretive(t, func(w *secretive) {
						w.withSecrets(apps, func(c cloudtest.Call) *cloudtest.Fault {
							if c.Service != service {
								return nil
							}
							return fault(echo(c.Header, string(c.Body)))
						})
						w.invoke(aFewDays)
					})
				})
			}
		}
	}
}

// withSecrets gives the world Secrets Manager, with each app's key, and a catalog. The list of the apps is in the
// environment, or where apps says; the one that is broken holds the keys in other places than theirs.
func (w *secretive) withSecrets(apps string, fault func(cloudtest.Call) *cloudtest.Fault) {
	list := w.appList()
	broken, _ := json.Marshal([]any{
		map[string]any{"sdk_app_id": keysOfApps[0], "secret_key": []string{keysOfApps[0]}, "region": "china"},
		map[string]any{"sdk_app_id": 1400000001, "secret_key": keysOfApps[1], "region": "china", "endpoint": "https://u:" + keysOfApps[0] + "@x"},
		keysOfApps[1],
	})
	for i := range w.apps {
		quoted, _ := json.Marshal(keysOfApps[i])
		list = strings.Replace(list, string(quoted), fmt.Sprintf(`"ssm:key-%d"`, i), 1)
	}
	w.env["CHATLAKE_APPS"] = apps
	if apps == "" {
		w.env["CHATLAKE_APPS"] = list
	}
	w.env["CHATLAKE_CATALOG"] = "dlc://engine/lake.app_daily_stats"
	s := cloudtest.New(cloudtest.Options{
		ID: roleID, Key: roleKey, Token: roleToken, Region: "ap-singapore", Fault: fault,
		Secrets: map[string][]cloudtest.Version{
			"key-0": version(keysOfApps[0]), "key-1": version(keysOfApps[1]), "apps": version(list), "broken": version(string(broken)),
		},
	})
	for _, service := range []string{"ssm", "dlc"} {
		w.routes[service+".tencentcloudapi.com"] = s
	}
}
