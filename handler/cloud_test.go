package handler_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/cloud/cloudtest"
)

// withCloud gives a world Tencent Cloud's API, for the same role as the bucket.
func (w *world) withCloud(o cloudtest.Options) *cloudtest.Server {
	o.ID, o.Key, o.Token, o.Region = bucketKey.SecretID, bucketKey.SecretKey, bucketKey.SessionToken, "ap-singapore"
	s := cloudtest.New(o)
	for _, service := range []string{"ssm", "dlc"} {
		w.routes[service+".tencentcloudapi.com"] = s
	}
	return s
}

func version(text string) []cloudtest.Version {
	return []cloudtest.Version{
		{ID: "v2", Created: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Text: text},
		{ID: "v1", Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Text: "an old one"},
	}
}

func TestAppsInASecret(t *testing.T) {
	inWorld(t, func(w *world) {
		w.withCloud(cloudtest.Options{Secrets: map[string][]cloudtest.Version{"chatlake-apps": version(w.appList())}})
		w.env["CHATLAKE_APPS"] = "ssm:chatlake-apps"
		if s := w.mustRun(w.timer()); s.Apps.OK != 3 {
			t.Errorf("summary %s", s.JSON())
		}
		w.env["CHATLAKE_APPS"] = "ssm:none"
		s, err := w.run(w.timer())
		if err == nil || s.Status != handler.Failed || s.Errors[0].Stage != "config" || !strings.Contains(err.Error(), "CHATLAKE_APPS (ssm:none)") {
			t.Errorf("%v %s", err, s.JSON())
		}
	})
}

func TestKeysInSecrets(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.withCloud(cloudtest.Options{Secrets: map[string][]cloudtest.Version{"one": version("secret-of-app-1"), "two": version("secret-of-app-2")}})
		list := w.appList()
		for i, name := range []string{"one", "two", "gone"} {
			list = strings.Replace(list, fmt.Sprintf("secret-of-app-%d", i+1), "ssm:"+name, 1)
		}
		w.env["CHATLAKE_APPS"] = list
		w.env["CHATLAKE_FAIL_ON"] = "all"
		w.env["CHATLAKE_LOG_LEVEL"] = "debug"
		summary, err := w.run(w.timer())
		if err != nil || summary.Status != handler.Partial || summary.Apps != (handler.AppCounts{Total: 3, OK: 2, Failed: 1}) {
			t.Fatalf("%v %s", err, summary.JSON())
		}
		if e := summary.Errors[0]; e.AppID != 1400000003 || e.Stage != "config" || e.Retryable || !strings.Contains(e.Message, "ssm:gone") || !strings.Contains(e.Message, "ResourceNotFound") {
			t.Errorf("error %+v", e)
		}
		wantGaps(t, summary, 1400000003, "2026-10-26..2026-11-24 until 2026-11-24")
		w.wantNoSecrets("the log", w.log.String())
		if calls := len(s.Calls()); calls > 6 {
			t.Errorf("%d calls for three secrets", calls)
		}
	})
}

// TestSecretsManagerHangs has one app's secret never come, while another app needs none.
func TestSecretsManagerHangs(t *testing.T) {
	inWorld(t, func(w *world) {
		w.withCloud(cloudtest.Options{Fault: func(cloudtest.Call) *cloudtest.Fault { return &cloudtest.Fault{Hang: true} }})
		w.env["CHATLAKE_APPS"] = strings.Replace(w.appList(), "secret-of-app-1", "ssm:one", 1)
		s, err := w.run(w.timer())
		if err == nil || s.Apps != (handler.AppCounts{Total: 3, OK: 2, Failed: 1}) || len(s.Partitions.Written) != 30 {
			t.Fatalf("%v %s", err, s.JSON())
		}
		if e := s.Errors[0]; e.AppID != 1400000001 || e.Stage != "config" || !e.Retryable || !strings.Contains(e.Message, "ssm:one") {
			t.Errorf("error %+v", e)
		}
	})
}

// TestPanicOfASecret lets the transport panic inside the goroutine of one secret.
func TestPanicOfASecret(t *testing.T) {
	inWorld(t, func(w *world) {
		w.panics = true
		w.routes["ssm.tencentcloudapi.com"] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("of a secret") })
		w.env["CHATLAKE_APPS"] = strings.Replace(w.appList(), "secret-of-app-1", "ssm:one", 1)
		s, err := w.run(w.timer())
		if err == nil || s.Apps != (handler.AppCounts{Total: 3, OK: 2, Failed: 1}) {
			t.Fatalf("%v %s", err, s.JSON())
		}
		if e := s.Errors[0]; e.AppID != 1400000001 || e.Stage != "config" || !strings.Contains(e.Message, "of a secret") || !strings.Contains(e.Message, "_test.go:") {
			t.Errorf("error %+v", e)
		}
	})
}

func TestCatalog(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.withCloud(cloudtest.Options{Polls: 2})
		w.env["CHATLAKE_CATALOG"] = "dlc://engine/lake.app_daily_stats"
		w.mustRun(w.timer())
		w.mustRun(`{"dry_run":true}`)
		done := s.Statements()
		if len(done) != 1 || done[0].Engine != "engine" || strings.Count(done[0].SQL, "PARTITION (dt = ") != 30 ||
			!strings.Contains(done[0].SQL, "ADD IF NOT EXISTS PARTITION (dt = '2026-10-26') LOCATION 'cosn://lake-1250000000/data/app_daily_stats/dt=2026-10-26' PARTITION") {
			t.Errorf("statements %+v", done)
		}
		s.SetFault(func(c cloudtest.Call) *cloudtest.Fault {
			return &cloudtest.Fault{Code: "UnauthorizedOperation", Message: "no"}
		})
		summary, err := w.run(w.timer())
		if err != nil || summary.Status != handler.Partial || len(summary.Warnings) != 1 || len(summary.Errors) != 1 || summary.Errors[0].Stage != "catalog" {
			t.Errorf("%v %s", err, summary.JSON())
		}
		stored, _ := w.bucket.Get(prefix + "_runs/dt=2026-11-25/" + summary.RunID + ".json")
		if string(stored) != string(summary.JSON()) {
			t.Errorf("stored %s", stored)
		}
	})
}

func TestFaultsOfTheCatalog(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"CHATLAKE_CATALOG is wrong":           {"CHATLAKE_CATALOG": "hive://x"},
		"CHATLAKE_CATALOG needs a lake":       {"CHATLAKE_CATALOG": "dlc://e/d.t", "CHATLAKE_LAKE": "file:///tmp/none"},
		"CHATLAKE_API_ENDPOINT must be https": {"CHATLAKE_API_ENDPOINT": "http://example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				for k, v := range env {
					w.env[k] = v
				}
				if _, err := w.run(""); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestActionsOfTheCloud(t *testing.T) {
	all := cloudActions(t)
	if len(all) != 4 {
		t.Fatalf("README.md names %q", all)
	}
	daily := func(t *testing.T, allowed []string) (s handler.Summary, err error) {
		inWorld(t, func(w *world) {
			list := strings.Replace(w.appList(), "secret-of-app-1", "ssm:one", 1)
			w.withCloud(cloudtest.Options{Allowed: allowed, Polls: 2, Secrets: map[string][]cloudtest.Version{
				"chatlake-apps": version(list), "one": version("secret-of-app-1"),
			}})
			w.env["CHATLAKE_APPS"] = "ssm:chatlake-apps"
			w.env["CHATLAKE_CATALOG"] = "dlc://engine/lake.app_daily_stats"
			s, err = w.run(w.timer())
		})
		return s, err
	}
	t.Run("all", func(t *testing.T) {
		if s, err := daily(t, all); err != nil || s.Status != handler.OK || len(s.Errors)+len(s.Warnings) > 0 {
			t.Errorf("%v %s", err, s.JSON())
		}
	})
	for i, action := range all {
		t.Run(action, func(t *testing.T) {
			s, _ := daily(t, slices.Delete(slices.Clone(all), i, i+1))
			if len(s.Errors) != 1 || !strings.Contains(s.Errors[0].Message, "allow the execution role "+action) {
				t.Errorf("summary %s", s.JSON())
			}
		})
	}
}
