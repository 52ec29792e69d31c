package handler_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"chatlake/handler"
	"chatlake/internal/cloud/cloudtest"
)

// TestListThatCannotBeRead tells what may pass from what somebody has to mend.
func TestListThatCannotBeRead(t *testing.T) {
	api := func(f cloudtest.Fault) func(*world) {
		return func(w *world) {
			w.env["CHATLAKE_APPS"] = "ssm:chatlake-apps"
			w.withCloud(cloudtest.Options{
				Secrets: map[string][]cloudtest.Version{"chatlake-apps": version(w.appList())},
				Fault:   func(cloudtest.Call) *cloudtest.Fault { return &f },
			})
		}
	}
	bucket := func(handle http.HandlerFunc) func(*world) {
		return func(w *world) {
			w.env["CHATLAKE_APPS"] = "cos:config/apps.json"
			w.routes[bucketHost] = handle
		}
	}
	stored := func(list string) func(*world) {
		return func(w *world) {
			w.env["CHATLAKE_APPS"] = "cos:config/apps.json"
			w.bucket.Put("config/apps.json", []byte(list))
		}
	}
	status := func(code int) func(*world) {
		return bucket(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code) })
	}
	from := func(place string) func(*world) {
		return func(w *world) {
			w.env["CHATLAKE_APPS"] = place
			w.withCloud(cloudtest.Options{})
		}
	}
	for name, c := range map[string]struct {
		prepare   func(*world)
		retryable bool
	}{
		"COS, an error of its own":   {status(500), true},
		"COS, too many requests":     {status(429), true},
		"COS, no answer":             {bucket(func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }), true},
		"COS, no connection":         {bucket(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), true},
		"COS, forbidden":             {status(403), false},
		"COS, no such key":           {from("cos:config/none.json"), false},
		"COS, no list":               {stored("{}"), false},
		"COS, 5 MB":                  {stored("[" + strings.Repeat(" ", 5<<20) + appOne + "]"), false},
		"API, an HTTP error":         {api(cloudtest.Fault{Status: 502}), true},
		"API, an error of its own":   {api(cloudtest.Fault{Code: "InternalError"}), true},
		"API, an answer of no sense": {api(cloudtest.Fault{Body: []byte("<html>")}), true},
		"API, no answer":             {api(cloudtest.Fault{Hang: true}), true},
		"API, no connection":         {api(cloudtest.Fault{Drop: true}), true},
		"API, forbidden":             {api(cloudtest.Fault{Code: "UnauthorizedOperation"}), false},
		"API, no such secret":        {from("ssm:none"), false},
		"API, not a secret's name":   {from("ssm:a/b"), false},
		"a file that is not there":   {from("file:/no/such/file"), false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				c.prepare(w)
				s, err := w.run("")
				if err == nil || s.Status != handler.Failed || len(s.Errors) != 1 || s.Errors[0].Stage != "config" || s.Errors[0].Retryable != c.retryable {
					t.Fatalf("%v %s", err, s.JSON())
				}
				if c.retryable == strings.Contains(err.Error(), "is wrong") {
					t.Errorf("%v", err)
				}
				w.wantNoSecrets("the error", err.Error())
				if n := len(w.chat.Calls()) + len(w.writes(0)); n != 0 {
					t.Errorf("%d calls and writes", n)
				}
			})
		})
	}
}

// TestManyApps chooses a few out of a very long list.
func TestManyApps(t *testing.T) {
	inWorld(t, func(w *world) {
		var list strings.Builder
		for id := 1400000001; id <= 1400010000; id++ {
			fmt.Fprintf(&list, `,{"sdk_app_id":%d,"secret_key":"secret-of-app-1","region":"singapore"}`, id)
		}
		w.env["CHATLAKE_APPS"] = "[" + list.String()[1:] + "]"
		s, err := w.run(`{"apps":[1400010000,1400000001,1400009999,1400010000],"dry_run":true}`)
		if err == nil || s.Apps != (handler.AppCounts{Total: 3, OK: 1, Failed: 2}) { // the API has but the first of them
			t.Errorf("%v, %+v", err, s.Apps)
		}
	})
}

func TestVariables(t *testing.T) {
	inWorld(t, func(w *world) {
		for _, v := range handler.Variables() {
			switch {
			case w.env[v.Name] != "" || strings.HasPrefix(v.Name, "TENCENTCLOUD_"):
			case v.Name == "CHATLAKE_CATALOG":
				w.env[v.Name] = "dlc://engine/database.table"
			case v.Name == "CHATLAKE_API_ENDPOINT", v.Name == "CHATLAKE_ALERT_URL":
				w.env[v.Name] = "https://api.example"
			default:
				w.env[v.Name] = v.Default
			}
		}
		if s := w.mustRun(`{"dry_run":true}`); len(s.Warnings) != 0 {
			t.Errorf("warnings %v", s.Warnings)
		}
		w.env["CHATLAKE_FAILON"] = "never"
		if s := w.mustRun(`{"dry_run":true}`); len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "CHATLAKE_FAILON") {
			t.Errorf("warnings %v", s.Warnings)
		}
	})
}

func TestOtherSpellingOfTheKeys(t *testing.T) {
	for _, token := range []string{"TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"} {
		t.Run(token, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.env["TENCENTCLOUD_SECRETID"], w.env["TENCENTCLOUD_SECRETKEY"] = "", ""
				w.env["TENCENTCLOUD_SESSIONTOKEN"] = "old" // belongs to keys that are not there
				w.env["TENCENTCLOUD_SECRET_ID"], w.env["TENCENTCLOUD_SECRET_KEY"], w.env[token] = bucketKey.SecretID, bucketKey.SecretKey, bucketKey.SessionToken
				w.mustRun("")
			})
		})
	}
}

// TestKeysOfOtherPrincipals has them lie about in the other spelling, beside the role's, which alone count.
func TestKeysOfOtherPrincipals(t *testing.T) {
	for name, others := range map[string]map[string]string{
		"a pair": {"TENCENTCLOUD_SECRET_ID": "other", "TENCENTCLOUD_SECRET_KEY": "other"},
		"tokens": {"TENCENTCLOUD_TOKEN": "other", "TENCENTCLOUD_SECURITY_TOKEN": "yet another"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				maps.Copy(w.env, others)
				w.mustRun("")
			})
		})
	}
}

// TestSpellingsThatCompleteEachOther: nothing is left to choose where each of the three has one value.
func TestSpellingsThatCompleteEachOther(t *testing.T) {
	for from, to := range map[string]string{
		"TENCENTCLOUD_SECRETID": "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRETKEY": "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_SESSIONTOKEN": "TENCENTCLOUD_SECURITY_TOKEN",
	} {
		t.Run(to, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.env[to] = w.env[from]
				delete(w.env, from)
				w.mustRun("")
			})
		})
	}
}

// TestTwoKeys: which of them belongs to the id can't be told.
func TestTwoKeys(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["TENCENTCLOUD_SECRETID"] = ""
		w.env["TENCENTCLOUD_SECRET_KEY"] = "another-key"
		s, err := w.run("")
		if err == nil || s.Status != handler.Failed || !strings.Contains(err.Error(), "TENCENTCLOUD_SECRETID is required") || !strings.Contains(err.Error(), "TENCENTCLOUD_SECRET_KEY has another value") || strings.Contains(err.Error(), "another-key") {
			t.Errorf("%v", err)
		}
	})
}
