package handler_test

import (
	"maps"
	"strings"
	"testing"

	"chatlake/internal/cloud/cloudtest"
)

// TestOneFaultOneLine wants a fault to bring no other with it, and no window that it leads to.
func TestOneFaultOneLine(t *testing.T) {
	const regions = "china, frankfurt, jakarta, mumbai, seoul, silicon-valley, singapore, tokyo"
	for _, c := range []struct{ apps, event, want string }{
		{"", `{"from":"2026-11-31"}`, "the event has a bad from: it must be a day as YYYY-MM-DD"},
		{"", `{"from":5}`, "the event has a bad from: it must be a day as YYYY-MM-DD"},
		{"", `{"to":"yesterday"}`, "the event has a bad to: it must be a day as YYYY-MM-DD"},
		{"", `{"apps":[1400000001,"1400000002"]}`, "the event has a bad apps: it must be an array of sdk_app_ids"},
		{"", `{"apps":[1400000001.0]}`, "the event has a bad apps: it must be an array of sdk_app_ids"},
		{"", `{"apps":[1.4e9]}`, "the event has a bad apps: it must be an array of sdk_app_ids"},
		{"", `{"apps":[0]}`, "the event has a bad apps: it must be an array of sdk_app_ids"},
		{"", `{"apps":[null]}`, "the event has a bad apps: it must be an array of sdk_app_ids"},
		{"", `{"apps":1400000001}`, "the event has a bad apps: it must be an array of sdk_app_ids"},
		{"", `{"apps":[1400000009]}`, "the event asks for app 1400000009, which CHATLAKE_APPS does not have"},
		{"", `{"fields":["UpMsgNum",7]}`, "the event has a bad fields: it must be an array of the API's field names"},
		{"", `{"source":7}`, `the event has a bad source: it must be "api" or "raw"`},
		{"", `{"source":"disk"}`, `the event has the source "disk": it must be api or raw`},
		{"", `{"dry_run":"no"}`, "the event has a bad dry_run: it must be true or false"},
		{"", `{"from":"2026-11-10","to":"2026-11-09"}`, "the event has from 2026-11-10 after to 2026-11-09"},
		{"", `{"from":"2026-01-10","to":"2026-01-09"}`, "the event has from 2026-01-10 after to 2026-01-09"},
		{"", `{"source":"raw","from":"2026-01-10","to":"2026-01-09"}`, "the event has from 2026-01-10 after to 2026-01-09"},
		{
			"", `{"from":"2026-12-01"}`,
			`the event asks for no day that the API has, which are 2026-10-26 to 2026-11-24: later ones are not over yet in Beijing`,
		},
		{"", `{"Type":7}`, "the event has a bad Type: it must be Timer"},
		{"", `{"Type":"Timer","Time":7,"Message":null}`, "the event has a bad Time: it must be as 2026-11-25T03:30:00Z"},
		{"", `{"Type":"Timer","Time":"2026-11-25T03:30:00Z","Message":{}}`, "the event has a bad Message: it must be a text"},
		{`[{"sdk_app_id":1400000001.0,"secret_key":"s","region":"china"}]`, `{"apps":[1400000001]}`, "CHATLAKE_APPS[0]: sdk_app_id is not a whole number above 0"},
		{`[{"sdk_app_id":1400000001,"secret_key":"s","region":7}]`, "", "CHATLAKE_APPS[0] (app 1400000001): region is not a string"},
		{`[{"sdk_app_id":1400000001,"secret_key":"s","region":" "}]`, "", "CHATLAKE_APPS[0] (app 1400000001): region is empty"},
		{`[{"sdk_app_id":1400000001,"secret_key":"s","endpoint":[]}]`, "", "CHATLAKE_APPS[0] (app 1400000001): endpoint is not a string"},
		{`[{"sdk_app_id":1400000001,"secret_key":"s","region":"Moon"}]`, "", `CHATLAKE_APPS[0] (app 1400000001): region "Moon" is unknown: it is one of ` + regions},
	} {
		t.Run(c.event+c.apps, func(t *testing.T) {
			inWorld(t, func(w *world) {
				if c.apps != "" {
					w.env["CHATLAKE_APPS"] = c.apps
				}
				s, err := w.run(c.event)
				if err == nil || len(s.Errors) != 1 || s.Errors[0].Message != c.want || s.Errors[0].Retryable {
					t.Errorf("want %s\ngot  %s, %v", c.want, s.JSON(), err)
				}
				if got := s.Window.String(); got != "2026-10-26 to 2026-11-24" {
					t.Errorf("the window is %s", got)
				}
			})
		})
	}
}

// TestPastedSecrets puts what may be a secret where a name or a number belongs.
func TestPastedSecrets(t *testing.T) {
	for _, pasted := range []string{
		strings.Repeat("0f1e2d3c", 8),                        // an app's key
		"Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",                   // a SecretKey
		"AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",               // a SecretId
		"eJwtzMEKgkAUheFXkVmHTDM5ptAiIqKoTVmQuFG82iUdh6sZEb", // the beginning of a UserSig
		"https://hooks.example/T0?token=0f1e2d3c",
	} {
		app := strings.Replace(appOne, `"region"`, `"`+pasted+`":"x","`+pasted+`":"y","region"`, 1)
		for name, env := range map[string]map[string]string{
			"key of an app":    {"CHATLAKE_APPS": "[" + app + "]"},
			"region of an app": {"CHATLAKE_APPS": "[" + strings.Replace(appOne, "singapore", pasted, 1) + "]"},
			"id of an app":     {"CHATLAKE_APPS": "[" + strings.Replace(appOne, "1400000001", `"`+pasted+`"`, 1) + "]"},
			"endpoint":         {"CHATLAKE_APPS": "[" + strings.Replace(appOne, `"region":"singapore"`, `"endpoint":"`+pasted+`?x"`, 1) + "]"},
			"list of apps":     {"CHATLAKE_APPS": pasted},
			"numbers, words":   {"CHATLAKE_QPS": pasted, "CHATLAKE_CONCURRENCY": pasted, "CHATLAKE_RAW": pasted, "CHATLAKE_FAIL_ON": pasted, "CHATLAKE_LOG_LEVEL": pasted},
			"lake":             {"CHATLAKE_LAKE": pasted + "?"},
			"catalog":          {"CHATLAKE_CATALOG": pasted},
			"table":            {"CHATLAKE_CATALOG": "dlc://engine/database." + pasted + "!"},
			"API's endpoint":   {"CHATLAKE_API_ENDPOINT": pasted + "?"},
			"event's key":      {"event": `{"` + pasted + `":1,"` + pasted + `":2}`},
			"event's source":   {"event": `{"source":"` + pasted + `"}`},
			"event's field":    {"event": `{"fields":["` + pasted + `"]}`},
			"event's from":     {"event": `{"from":"` + pasted + `"}`},
			"event's app":      {"event": `{"apps":["` + pasted + `"]}`},
			"event's Type":     {"event": `{"Type":"` + pasted + `"}`},
			"event's Time":     {"event": `{"Type":"Timer","Time":"` + pasted + `"}`},
			"event's Message":  {"event": `{"Type":"Timer","Time":"2026-11-25T03:30:00Z","Message":"` + pasted + `"}`},
			"event":            {"event": `"` + pasted + `"`},
			"event, no JSON":   {"event": pasted},
		} {
			t.Run(name+", "+pasted[:4], func(t *testing.T) {
				inWorld(t, func(w *world) {
					event := env["event"]
					maps.Copy(w.env, env)
					delete(w.env, "event")
					s, err := w.run(event)
					if err == nil {
						t.Fatalf("%s was taken", pasted)
					}
					if out := err.Error() + string(s.JSON()) + w.log.String(); strings.Contains(out, pasted) {
						t.Errorf("%s is shown: %v", pasted, err)
					}
				})
			})
		}
	}
}

// TestFaultsComeBeforeAnyCall has the list of apps elsewhere, which is not fetched for a run that can't be.
func TestFaultsComeBeforeAnyCall(t *testing.T) {
	for name, c := range map[string]struct{ event, qps string }{
		"a bad event":         {event: `{"form":"2026-11-01"}`},
		"a window of no day":  {event: `{"to":"2026-01-01"}`},
		"a bad configuration": {qps: "0"},
	} {
		for _, from := range []string{"cos:config/apps.json", "ssm:chatlake-apps"} {
			t.Run(name+", "+from, func(t *testing.T) {
				inWorld(t, func(w *world) {
					api := w.withCloud(cloudtest.Options{})
					w.env["CHATLAKE_APPS"], w.env["CHATLAKE_QPS"] = from, c.qps
					s, err := w.run(c.event)
					if err == nil || strings.Contains(err.Error(), from) || s.Errors[0].Retryable {
						t.Errorf("%v", err)
					}
					if got := len(w.bucket.Requests()) + len(api.Calls()); got != 0 {
						t.Errorf("%d calls", got)
					}
				})
			})
		}
	}
}
