package handler_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/cloud/cloudtest"
	"chatlake/internal/secret"
	"chatlake/internal/stats"
	"chatlake/storage"
	"chatlake/storage/costest"
	"chatlake/storage/lease"
)

// without takes rights from README's policy.
func (w *world) without(actions ...string) {
	p := rolePolicy(w.t)
	for i := range p.Statement {
		p.Statement[i].Action = slices.DeleteFunc(p.Statement[i].Action, func(a string) bool { return slices.Contains(actions, a) })
	}
	p.Statement = slices.DeleteFunc(p.Statement, func(s policyElement) bool { return len(s.Action) == 0 })
	w.enforce(p)
}

// rebucket gives the world another bucket, and a run in it.
func (w *world) rebucket(o costest.Options) {
	o.Credentials = []costest.Credentials{bucketKey}
	w.bucket = costest.New(o)
	w.routes[bucketHost] = w.bucket
	w.mustRun(w.timer())
}

// TestChecksFindTrouble breaks a good world in each way that checks look for.
func TestChecksFindTrouble(t *testing.T) {
	const failed, warning = handler.Failed, handler.Warning
	setenv := func(pairs ...string) func(*world) {
		return func(w *world) {
			for i := 0; i < len(pairs); i += 2 {
				w.env[pairs[i]] = pairs[i+1]
			}
		}
	}
	apps := func(fault chattest.Fault) func(*world) {
		return func(w *world) {
			w.chat.SetFault(func(c chattest.Call) *chattest.Fault {
				if c.App == 1400000002 {
					return &fault
				}
				return nil
			})
		}
	}
	// policy repeats the good world's run in README's example, whose policy is for its bucket and prefix.
	policy := func(without ...string) func(*world) {
		return func(w *world) {
			w.deploy(rolePolicy(w.t))
			w.mustRun(w.timer())
			w.without(without...)
		}
	}
	two := func(status handler.Status, says ...string) []trouble {
		return []trouble{{"apps", status, []string{"2 of 3"}}, {"app 1400000002", status, says}}
	}
	const gap = `pull them by {"apps":[1400000003],"from":"2026-11-25","to":"2026-11-27"}`
	for _, c := range []struct {
		name    string
		payload string
		prepare func(*world)
		want    []trouble
	}{
		{"each fault of the configuration", "", setenv("CHATLAKE_QPS", "0", "CHATLAKE_FAIL_ON", "secret-of-app-1-is-not-here"), []trouble{
			{"configuration", failed, []string{"CHATLAKE_QPS"}}, {"configuration", failed, []string{"CHATLAKE_FAIL_ON"}},
		}},
		{"no lake", "", setenv("CHATLAKE_LAKE", ""), []trouble{{"configuration", failed, []string{"CHATLAKE_LAKE is required"}}}},
		{"no keys of COS", "", setenv("TENCENTCLOUD_SECRETID", "", "TENCENTCLOUD_SECRETKEY", ""), []trouble{
			{"configuration", failed, []string{"TENCENTCLOUD_SECRETID is required", "execution role"}}, {"configuration", failed, nil},
		}},
		{"a list of apps in COS beside a fault", "", func(w *world) {
			w.bucket.Put("apps.json", []byte(w.appList()))
			setenv("CHATLAKE_APPS", "cos:apps.json", "CHATLAKE_RAW", "of")(w)
			apps(chattest.Fault{Code: 60020})(w)
		}, []trouble{{"configuration", failed, []string{"CHATLAKE_RAW"}}}},
		{"a list of apps that is not there", "", setenv("CHATLAKE_APPS", "cos:none.json"), []trouble{{"configuration", failed, []string{"CHATLAKE_APPS (cos:none.json)"}}}},
		{"a misspelt variable", "", setenv("CHATLAKE_QSP", "1"), []trouble{{"configuration", warning, []string{"CHATLAKE_QSP", "spelling"}}}},
		{"an app that is not configured", `{"check":true,"apps":[1400000001,7]}`, nil, []trouble{{"configuration", failed, []string{"asks for app 7"}}}},
		{"faults of apps in the list", "", func(w *world) {
			w.env["CHATLAKE_APPS"] = strings.Replace(w.appList(), `"region":"china"`, `"region":"moon"`, 1)
			w.env["CHATLAKE_APPS"] = strings.TrimSuffix(w.env["CHATLAKE_APPS"], "]") + `,{"secret_key":"s","region":"china"},{"sdk_app_id":5,"region":"china"},` + appOne + "]"
			apps(chattest.Fault{Code: 60020})(w)
		}, []trouble{
			{"configuration", failed, []string{"[2] (app 1400000003)", "moon"}},
			{"configuration", failed, []string{"[3]: sdk_app_id"}},
			{"configuration", failed, []string{"[4] (app 5): secret_key"}},
			{"configuration", failed, []string{"[5] (app 1400000001)", "twice"}},
		}},
		{"faults of apps in the list, and apps that are asked for", `{"check":true,"apps":[1400000001]}`, func(w *world) {
			w.env["CHATLAKE_APPS"] = strings.Replace(w.appList(), `"region":"china"`, `"region":"moon"`, 1)
			apps(chattest.Fault{Code: 60020})(w)
		}, []trouble{{"configuration", failed, []string{"[2] (app 1400000003)", "moon"}}}},
		{"many faults", "", setenv("CHATLAKE_APPS", "["+strings.Repeat("7,", 59)+"7]"), append(slices.Repeat([]trouble{{"configuration", failed, nil}}, 50), trouble{"configuration", failed, []string{"10 more"}})},

		{"a wrong key", "", func(w *world) {
			setenv("CHATLAKE_APPS", strings.Replace(w.appList(), "secret-of-app-2", "another", 1))(w)
		}, two(failed, "the API answered 700", "check secret_key")},
		{"a wrong region", "", func(w *world) {
			setenv("CHATLAKE_APPS", strings.Replace(w.appList(), `"region":"singapore","sdk_app_id":1400000002`, `"region":"china","sdk_app_id":1400000002`, 1))(w)
		}, two(failed, "check that region is where the app was created")},
		{"the API is not reached", "", apps(chattest.Fault{Drop: true}), two(failed, "check that the function can reach https://adminapisgp.im.qcloud.com")},
		{"an app without days", "", apps(chattest.Fault{Rows: func([]map[string]any) []map[string]any { return nil }}), two(warning, "has no day yet")},
		{"an app without a day that can be read", "", apps(chattest.Fault{Rows: func([]map[string]any) []map[string]any {
			return []map[string]any{{"Date": "never"}}
		}}), two(failed, "no day of its answer can be read")},
		{"an app without yesterday", "", func(w *world) {
			w.chat.SetData(func(a chattest.App, d stats.Day, asOf time.Time) map[string]any {
				if a.ID == 1400000002 && d >= day("2026-11-23") {
					return nil
				}
				return chattest.Values(a, d, asOf)
			})
		}, two(warning, "newest day is 2026-11-22, and yesterday was 2026-11-24")},

		{"no bucket's host", "", func(w *world) { delete(w.routes, bucketHost) }, []trouble{{"lake read", failed, []string{"no such host", "CHATLAKE_LAKE"}}}},
		{"no bucket", "", func(w *world) {
			w.bucket.SetFault(func(costest.Request) costest.Fault { return costest.Fault{Status: 404, Code: "NoSuchBucket"} })
		}, []trouble{{"lake read", failed, []string{"NoSuchBucket", "CHATLAKE_LAKE"}}}},
		{"all rights of README's policy, and no more", "", policy(), nil},
		{"the right to read", "", policy("name/cos:GetObject"), []trouble{
			{"configuration", failed, []string{"CHATLAKE_APPS (cos:" + exampleApps + ")", "name/cos:GetObject"}}, {"lake read", failed, []string{"allow the execution role name/cos:GetObject"}},
		}},
		{"the rights to read and to list", "", policy("name/cos:GetObject", "name/cos:GetBucket"), []trouble{
			{"configuration", failed, nil}, {"lake read", failed, nil}, {"lake list", failed, []string{"allow the execution role name/cos:GetBucket"}},
		}},
		{"the right to read the lock", "", func(w *world) {
			w.deploy(rolePolicy(w.t))
			w.mustRun(w.timer())
			p := rolePolicy(w.t)
			p.Statement = append(p.Statement, policyElement{"deny", []string{"name/cos:GetObject"}, []string{exampleResource + exampleLake + "_lock/*"}, nil})
			w.enforce(p)
		}, []trouble{{"lake read", failed, []string{"_lock/latest.json", "name/cos:GetObject"}}}},
		{"the right to write", "", policy("name/cos:PutObject"), []trouble{{"lake write", failed, []string{"allow the execution role name/cos:PutObject"}}}},
		{"the right to list", "", policy("name/cos:GetBucket"), []trouble{{"lake list", failed, []string{"allow the execution role name/cos:GetBucket"}}}},
		{"COS's clock is ahead", "", func(w *world) {
			w.rebucket(costest.Options{Now: func() time.Time { return time.Now().Add(7 * time.Minute) }})
		}, []trouble{{"clock", failed, []string{"7m", "behind that of COS"}}}},
		{"COS's clock is behind", "", func(w *world) {
			w.rebucket(costest.Options{Now: func() time.Time { return time.Now().Add(-7 * time.Minute) }})
		}, []trouble{{"clock", failed, []string{"7m", "ahead of that of COS"}}}},
		{"COS refuses what is so late", "", func(w *world) {
			w.bucket = costest.New(costest.Options{Credentials: []costest.Credentials{bucketKey}, Now: func() time.Time { return time.Now().Add(3 * time.Hour) }})
			w.routes[bucketHost] = w.bucket
		}, []trouble{{"clock", failed, []string{"3h", "behind that of COS"}}}},
		{"a bucket that had versioning", "", func(w *world) { w.rebucket(costest.Options{Versioned: true}) }, []trouble{{"lease", warning, []string{"versioning", "concurrency to 1"}}}},
		{"another run", "", func(w *world) {
			store := storage.NewCOS(&url.URL{Scheme: "https", Host: bucketHost}, roleKeys(), w)
			if _, err := lease.Acquire(w.t.Context(), store, prefix, "another", time.Now().Add(time.Hour), time.Now()); err != nil {
				w.t.Fatal(err)
			}
		}, []trouble{{"lease", warning, []string{"run another is writing", "was not tried"}}}},
		{"a damaged record of a lease", "", func(w *world) {
			w.bucket.Put(prefix+"_lock/latest.json", []byte(`{"generation":1}`))
			w.bucket.Put(prefix+"_lock/0000000001.json", []byte("x"))
		}, []trouble{{"lake write", failed, []string{"overwrite it"}}}},

		{"no run for 37 hours", "", func(*world) { time.Sleep(37 * time.Hour) }, []trouble{
			{"newest run", failed, []string{"37 hours ago", "timer"}},
			{"gaps", warning, []string{"app 1400000001: the lake lacks 2026-11-25", `{"apps":[1400000001],"from":"2026-11-25","to":"2026-11-26"}`}},
		}},
		{"the night after a run", "", func(w *world) {
			time.Sleep(15 * time.Hour) // it is 2:30 in Beijing, and the run of 11:30 is to come
			w.chat.SetData(func(a chattest.App, d stats.Day, asOf time.Time) map[string]any {
				if d >= day("2026-11-25") {
					return nil
				}
				return chattest.Values(a, d, asOf)
			})
		}, nil},
		{"a partial run", "", func(w *world) {
			w.failApp(1400000003)
			w.runDaily(3)
			w.chat.SetFault(nil)
		}, []trouble{
			{"newest run", warning, []string{"partial", "1 errors, first: app 1400000003, pull: the API answered 60020"}},
			{"gaps", warning, []string{gap}},
		}},
		{"a failed run", "", func(w *world) {
			w.chat.SetFault(func(chattest.Call) *chattest.Fault { return &chattest.Fault{Code: 60020} })
			w.runDaily(1)
			w.chat.SetFault(nil)
		}, []trouble{{"newest run", failed, []string{"failed", "3 errors"}}, {"gaps", warning, nil}}},
		{"a newest run that can't be read", "", func(w *world) { w.bucket.Put(prefix+"_runs/latest.json", []byte("{")) }, []trouble{{"newest run", failed, []string{"can't be read"}}}},
		{"days that will soon be lost", "", func(w *world) {
			w.failApp(1400000003)
			w.runDaily(24)
			w.chat.SetFault(nil)
		}, []trouble{{"newest run", warning, nil}, {"gaps", failed, []string{"until 2026-12-24 only (5 days left)", `"apps":[1400000003],"from":"2026-11-25"`}}}},
		{"days that are lost", "", func(w *world) {
			w.failApp(1400000003)
			w.runDaily(35)
			w.chat.SetFault(nil)
			w.runDaily(1)
		}, []trouble{{"gaps", warning, []string{"has no more", `{"source":"raw","apps":[1400000003],"from":"2026-11-25","to":"2026-11-30"}`}}}},
		{"days that the API never had", "", func(w *world) {
			w.chat.SetData(func(a chattest.App, d stats.Day, asOf time.Time) map[string]any {
				if a.ID == 1400000002 && d == day("2026-11-26") {
					return nil
				}
				return chattest.Values(a, d, asOf)
			})
			w.runDaily(28)
		}, nil},
		{"an app that never had a row", "", func(w *world) {
			w.drop("")
			w.failApp(1400000003)
			w.run(w.timer())
			w.chat.SetFault(nil)
		}, []trouble{{"newest run", warning, nil}, {"gaps", failed, []string{"app 1400000003"}}, {"coverage", warning, []string{"1400000003"}}}},
		{"a new app", "", func(w *world) {
			w.apps = append(w.apps, chattest.App{ID: 1400000004, Key: "secret-of-app-4", Region: "china"})
			w.chat.SetApps(w.apps...)
			w.env["CHATLAKE_APPS"] = w.appList()
		}, []trouble{{"coverage", warning, []string{"no row of apps that are configured: 1400000004"}}}},
		{"an app that left", "", func(w *world) {
			w.apps = w.apps[:2]
			w.env["CHATLAKE_APPS"] = w.appList()
		}, []trouble{{"coverage", warning, []string{"app 1400000003 (rows to 2026-11-24)", "CHATLAKE_APPS"}}}},
		{"damaged files", "", func(w *world) {
			for _, d := range []string{"2026-11-20", "2026-11-22"} {
				whole, _ := w.bucket.Get(partitionKey(d))
				w.bucket.Put(partitionKey(d), whole[:len(whole)/2])
			}
		}, []trouble{
			{"files", failed, []string{`{"source":"raw","from":"2026-11-20","to":"2026-11-20"}`}},
			{"files", failed, []string{`{"source":"raw","from":"2026-11-22","to":"2026-11-22"}`}},
		}},
		{"a file that is gone", "", func(w *world) { w.bucket.Delete(partitionKey("2026-11-20")) }, []trouble{{"gaps", warning, []string{"lacks 2026-11-20"}}}},
		{"a file that is gone, of an app that is not asked for", `{"check":true,"apps":[1400000001]}`, func(w *world) {
			w.failApp(1400000003)
			w.runDaily(3)
		}, []trouble{{"newest run", warning, nil}}},

		{"a secret that is gone", "", func(w *world) {
			w.withCloud(cloudtest.Options{Secrets: map[string][]cloudtest.Version{"one": version("secret-of-app-1")}})
			list := strings.Replace(w.appList(), "secret-of-app-1", "ssm:one", 1)
			w.env["CHATLAKE_APPS"] = strings.Replace(list, "secret-of-app-2", "ssm:gone", 1)
		}, append([]trouble{{"secrets", failed, []string{"1 apps"}}}, two(failed, "ssm:gone", "ResourceNotFound")...)},
		{"a new app whose secret is gone", "", func(w *world) {
			w.withCloud(cloudtest.Options{})
			w.env["CHATLAKE_APPS"] = strings.TrimSuffix(w.appList(), "]") + `,{"sdk_app_id":1400000004,"secret_key":"ssm:gone","region":"china"}]`
		}, []trouble{{"coverage", warning, []string{"1400000004"}}, {"secrets", failed, nil}, {"apps", failed, []string{"3 of 4"}}, {"app 1400000004", failed, nil}}},
		{"the API of Tencent Cloud that can't be", "", func(w *world) {
			w.env["CHATLAKE_API_ENDPOINT"] = "http://example.com"
			w.env["CHATLAKE_APPS"] = strings.Replace(w.appList(), "secret-of-app-1", "ssm:one", 1)
		}, []trouble{{"configuration", failed, []string{"CHATLAKE_API_ENDPOINT"}}}},
		{"no right to DLC", "", func(w *world) {
			w.withCloud(cloudtest.Options{Allowed: []string{"dlc:CreateTask"}})
			w.env["CHATLAKE_CATALOG"] = "dlc://engine/lake.app_daily_stats"
		}, []trouble{{"catalog", failed, []string{"allow the execution role dlc:DescribeTaskResult"}}}},
		{"DLC is not reached", "", setenv("CHATLAKE_CATALOG", "dlc://engine/lake.app_daily_stats"), []trouble{{"catalog", failed, []string{"no such host"}}}},
		{"a table that DLC does not have", "", func(w *world) {
			s := w.withCloud(cloudtest.Options{Fault: func(cloudtest.Call) *cloudtest.Fault { return &cloudtest.Fault{TaskFailure: "no such table"} }})
			w.env["CHATLAKE_CATALOG"] = "dlc://engine/lake.app_daily_stats"
			w.run(w.timer())
			s.SetFault(func(cloudtest.Call) *cloudtest.Fault { return &cloudtest.Fault{Code: "ResourceNotFound"} })
		}, []trouble{{"newest run", warning, nil}, {"catalog", failed, []string{"no such table"}}}},
		{"a webhook that takes nothing", "", func(w *world) {
			w.env["CHATLAKE_ALERT_URL"] = "https://robot.example/send?key=secret-of-app-1"
			w.failApp(1400000002)
			w.runDaily(1)
			w.chat.SetFault(nil)
		}, []trouble{{"newest run", warning, nil}, {"gaps", warning, nil}, {"alert", failed, []string{"check CHATLAKE_ALERT_URL"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.mustRun(w.timer())
				if c.prepare != nil {
					c.prepare(w)
				}
				if c.payload == "" {
					c.payload = `{"check":true}`
				}
				calls, requests := len(w.chat.Calls()), len(w.bucket.Requests())
				report := w.check(c.payload)
				wantTrouble(t, report, c.want)
				// A bad configuration is told of before any call and any write.
				if first := report.Checks[0]; first.Name == "configuration" && first.Status == failed && (len(w.chat.Calls()) != calls || len(w.writes(requests)) != 0) {
					t.Errorf("%d calls, written %v", len(w.chat.Calls())-calls, w.writes(requests))
				}
			})
		})
	}
}

func roleKeys() secret.Keys {
	return secret.Keys{ID: secret.New(bucketKey.SecretID), Key: secret.New(bucketKey.SecretKey), Token: secret.New(bucketKey.SessionToken)}
}
