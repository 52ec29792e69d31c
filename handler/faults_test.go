package handler_test

import (
	"maps"
	"strings"
	"testing"

	"chatlake/handler"
)

const appOne = `{"sdk_app_id":1400000001,"secret_key":"secret-of-app-1","region":"singapore"}`

func TestFaultsOfConfigurationAndEvent(t *testing.T) {
	for _, c := range []struct {
		name  string
		env   map[string]string // over the world's; empty unsets
		event string
		want  []string
	}{
		{"nothing set", map[string]string{"CHATLAKE_LAKE": "", "CHATLAKE_APPS": ""}, "", []string{"CHATLAKE_LAKE is required", "CHATLAKE_APPS is required"}},
		{"every number and word", map[string]string{
			"CHATLAKE_QPS": "201", "CHATLAKE_CONCURRENCY": "0", "CHATLAKE_FAIL_ON": "some", "CHATLAKE_LOG_LEVEL": "loud", "CHATLAKE_RAW": "yes",
		}, "", []string{`CHATLAKE_RAW is "yes"`, `CHATLAKE_QPS is "201"`, `CHATLAKE_CONCURRENCY is "0"`, `CHATLAKE_FAIL_ON is "some"`, `CHATLAKE_LOG_LEVEL is "loud"`}},
		{"no numbers", map[string]string{"CHATLAKE_QPS": "fast", "CHATLAKE_CONCURRENCY": "1.5"}, "", []string{`CHATLAKE_QPS is "fast"`, `CHATLAKE_CONCURRENCY is "1.5"`}},
		{"lake over plain http", map[string]string{"CHATLAKE_LAKE": "http://lake-1250000000.cos.ap-singapore.myqcloud.com"}, "", []string{"CHATLAKE_LAKE must be https"}},
		{"lake elsewhere", map[string]string{"CHATLAKE_LAKE": "s3://bucket/prefix"}, "", []string{"CHATLAKE_LAKE must be https://"}},
		{"keys of COS", map[string]string{"TENCENTCLOUD_SECRETID": "", "TENCENTCLOUD_SECRETKEY": ""}, "", []string{"TENCENTCLOUD_SECRETID is required", "TENCENTCLOUD_SECRETKEY is required", "execution role"}},
		{"apps are no JSON", map[string]string{"CHATLAKE_APPS": `[{"secret_key":"secret-of-app-1"`}, "", []string{"CHATLAKE_APPS: is not valid JSON (byte"}},
		{"apps are no list", map[string]string{"CHATLAKE_APPS": appOne}, "", []string{"CHATLAKE_APPS: must be a JSON array"}},
		{"no app", map[string]string{"CHATLAKE_APPS": "[]"}, "", []string{"has no app"}},
		{"apps in a file that is not there", map[string]string{"CHATLAKE_APPS": "file:/no/such/file"}, "", []string{"CHATLAKE_APPS (file:/no/such/file)", "no such file"}},
		{"apps in the bucket that are not there", map[string]string{"CHATLAKE_APPS": "cos:config/none.json"}, "", []string{"CHATLAKE_APPS (cos:config/none.json)", "NoSuchKey"}},
		{"apps inside the lake", map[string]string{"CHATLAKE_APPS": "cos:data/apps.json"}, "", []string{"inside the lake"}},
		{"apps in COS of a lake on disk", map[string]string{"CHATLAKE_LAKE": "file:///tmp/none", "CHATLAKE_APPS": "cos:apps.json"}, "", []string{"needs a lake in COS"}},
		{"one app of each fault", map[string]string{"CHATLAKE_APPS": `[` + appOne + `,` + appOne + `,
			{"sdk_app_id":1400000002,"secret_key":"","region":"moon"},
			{"sdk_app_id":"1400000003","secret_key":5,"regoin":"china"},
			{"sdk_app_id":1400000004,"secret_key":"s","endpoint":"http://example.com"},
			{"sdk_app_id":1400000005,"secret_key":"s","endpoint":"https://u:p@example.com","identifier":""},
			{"secret_key":"ssm:","region":"china"}, 7]`}, "", []string{
			"CHATLAKE_APPS[1] (app 1400000001): sdk_app_id is there twice",
			"[2] (app 1400000002): secret_key is empty", `[2] (app 1400000002): region "moon" is unknown: it is one of china, frankfurt`,
			"[3]: sdk_app_id is not a whole number", `[3]: "regoin" is not a key of an app`, "[3]: secret_key is not a string", "[3]: region is missing",
			"[4] (app 1400000004): endpoint must be https", "[5] (app 1400000005): endpoint is not a base URL", "[5] (app 1400000005): identifier is empty",
			"[6]: sdk_app_id is missing", "[6]: secret_key names no secret", "[7]: is not an object",
		}},
		{
			"a webhook, and checks",
			map[string]string{"CHATLAKE_ALERT_URL": "http://robot.example/secret-of-app-1"},
			`{"check":true}`,
			[]string{"CHATLAKE_ALERT_URL must be https", "asks for check, which is no run"},
		},
		{"a replay of fields", nil, `{"source":"raw","fields":["UpMsgNum"]}`, []string{"has fields, which the source raw has no use for"}},
		{"event is no JSON", nil, `{"from":`, []string{"the event is not a request"}},
		{"event is a list", nil, `[]`, []string{"the event is not a request"}},
		{
			"every fault of a request", nil, `{"from":"2026-11-31","to":5,"apps":[1400000009,1400000001],"fields":["UpMsgNum","Foo"],"sauce":"x","dry_run":"yes","source":"disk"}`,
			[]string{"has a bad from", "has a bad to", "app 1400000009, which CHATLAKE_APPS does not have", `unknown field "Foo"`, `unknown key "sauce"`, "has a bad dry_run", `the source "disk"`},
		},
		{"from after to", nil, `{"from":"2026-11-10","to":"2026-11-09"}`, []string{"from 2026-11-10 after to 2026-11-09"}},
		{"empty lists", nil, `{"apps":[],"fields":[]}`, []string{"an empty apps", "an empty fields"}},
		{"days that are gone", nil, `{"to":"2026-10-25"}`, []string{"no day that the API has, which are 2026-10-26 to 2026-11-24", "raw archive"}},
		{"days to come", nil, `{"from":"2026-11-25"}`, []string{"no day that the API has"}},
		{"another trigger", nil, `{"Type":"COS","Time":"2026-11-25T03:30:00Z"}`, []string{`Type "COS"`}},
		{"a timer without a time", nil, `{"Type":"Timer","TriggerName":"daily","Message":""}`, []string{"no Time"}},
		{"a timer's Message", nil, `{"Type":"Timer","Time":"2026-11-25 03:30","Message":"pull everything"}`, []string{"a bad or no Time: it must be as 2026-11-25T03:30:00Z", "the event's Message is not a request"}},
		{"a timer's request", nil, `{"Type":"Timer","Time":"2026-11-25T03:30:00Z","Message":"{\"form\":\"2026-11-01\"}"}`, []string{`Message has the unknown key "form"`}},
		{"keys that are there twice", map[string]string{"CHATLAKE_APPS": `[{"sdk_app_id":1400000001,"region":"moon","secret_key":"s","region":"china"}]`}, `{"from":"2026-11-01","from":"2026-11-02"}`, []string{
			`CHATLAKE_APPS[0] (app 1400000001): has the key "region" twice`, `the event has the key "from" twice`,
		}},
		{"a timer's keys that are there twice", nil, `{"Type":"Timer","Time":"2026-11-25T03:30:00Z","Time":"2026-11-24T03:30:00Z","Message":"{\"dry_run\":true,\"dry_run\":false}"}`, []string{
			`the event has the key "Time" twice`, `the event's Message has the key "dry_run" twice`,
		}},
		{"a list behind a name of a place", map[string]string{"CHATLAKE_APPS": "file:[" + appOne + "]"}, "", []string{"CHATLAKE_APPS: what stands behind file: is not the name of a place"}},
		{"a list that is no list", map[string]string{"CHATLAKE_APPS": "[" + strings.Repeat(" ", 4<<20) + "]"}, "", []string{"CHATLAKE_APPS: has 4194306 bytes, which no list of apps has"}},
		{"two tokens", map[string]string{
			"TENCENTCLOUD_SECRETID": "", "TENCENTCLOUD_SECRETKEY": "", "TENCENTCLOUD_SECRET_ID": "id", "TENCENTCLOUD_SECRET_KEY": "key",
			"TENCENTCLOUD_TOKEN": "one", "TENCENTCLOUD_SECURITY_TOKEN": "another",
		}, "", []string{"TENCENTCLOUD_SECURITY_TOKEN has another value"}},
		{"both", map[string]string{"CHATLAKE_QPS": "-1"}, `{"fields":["Foo"]}`, []string{"CHATLAKE_QPS", `"Foo"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				maps.Copy(w.env, c.env)
				s, err := w.run(c.event)
				var failure *handler.Failure
				if !asFailure(err, &failure) || s.Status != handler.Failed {
					t.Fatalf("err %v, summary %s", err, s.JSON())
				}
				line, text, _ := strings.Cut(err.Error(), "\n")
				if line != string(s.JSON()) || len(s.Errors) != 1 || s.Errors[0].Stage != "config" {
					t.Errorf("the error must begin with the summary, and that have one error: %v", err)
				}
				for _, want := range c.want {
					if !strings.Contains(text, want) {
						t.Errorf("not named: %s\nin: %s", want, text)
					}
				}
				w.wantNoSecrets("the error", text)
				w.wantNoSecrets("the log", w.log.String())
				if calls := w.chat.Calls(); len(calls) != 0 {
					t.Errorf("%d calls were made", len(calls))
				}
				if writes := w.writes(0); len(writes) != 0 {
					t.Errorf("written: %v", writes)
				}
			})
		})
	}
}

func FuzzEvent(f *testing.F) {
	for _, event := range []string{
		"", "null", "{}", `{"from":"2026-11-01","to":"2026-11-02","apps":[1400000001],"fields":["UpMsgNum"],"source":"api","dry_run":true,"check":false}`,
		`{"Type":"Timer","TriggerName":"daily","Time":"2026-11-25T03:30:00Z","Message":"{\"apps\":[1]}"}`,
		`{"check":true,"apps":[1]}`, `{"from":"0001-01-01"}`, `{"to":"9999-12-31"}`, `{"Type":1}`, `{"to":"2026-11-01","to":null,"TO":1}`, `{"apps":[1,1.0]}`, `{"Type":"Timer","Time":"0000-01-01T00:00:00Z"}`,
	} {
		f.Add([]byte(event))
	}
	f.Fuzz(func(t *testing.T, event []byte) { handler.CheckEvent(event) })
}

func FuzzApps(f *testing.F) {
	f.Add([]byte("[" + appOne + "]"))
	f.Add([]byte(`[{"sdk_app_id":1,"secret_key":"k","endpoint":"http://127.0.0.1:1/","identifier":"admin"}]`))
	f.Add([]byte(`[{"sdk_app_id":1,"sdk_app_id":2,"secret_key":"k","region":"china"}]`))
	f.Add([]byte(`[null,{},[],1,"x"]`))
	f.Fuzz(func(t *testing.T, list []byte) { handler.CheckApps(list) })
}
