package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/scf-go-lib/functioncontext"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/cloud/cloudtest"
)

// check does the checks, with a minute to their deadline, and holds them to what checks may do.
func (w *world) check(payload string) handler.Report {
	w.t.Helper()
	return w.checkFor(time.Minute, payload)
}

func (w *world) checkFor(limit time.Duration, payload string) handler.Report {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	since, before := len(w.bucket.Requests()), w.objects()
	report, err := handler.Check(ctx, handler.Job{Env: w.env, Payload: []byte(payload), Transport: w})
	if err != nil {
		w.t.Fatal(err)
	}
	w.wantNoSecrets("the report", string(report.JSON()))
	for _, key := range w.writes(since) {
		if !strings.Contains(key, "/_lock/") {
			w.t.Errorf("the checks wrote %s", key)
		}
	}
	for key, body := range w.objects() {
		if before[key] != body && !strings.Contains(key, "/_lock/") {
			w.t.Errorf("the checks changed %s", key)
		}
	}
	return report
}

func (w *world) objects() map[string]string {
	all := make(map[string]string)
	for _, key := range w.bucket.Keys("") {
		body, _ := w.bucket.Get(key)
		all[key] = string(body)
	}
	return all
}

// names returns the names of a report's checks, each once.
func names(r handler.Report) (list []string) {
	for _, f := range r.Checks {
		list = append(list, f.Name)
	}
	return slices.Compact(list)
}

// trouble is a check that is not ok, and what its message must say.
type trouble struct {
	name   string
	status handler.Status
	says   []string
}

// wantTrouble holds a report to the checks that are not ok, in their order.
func wantTrouble(t *testing.T, r handler.Report, want []trouble) {
	t.Helper()
	status := handler.OK
	var got []handler.Checked
	for _, f := range r.Checks {
		if f.Status != handler.OK {
			got = append(got, f)
		}
	}
	for _, w := range want {
		if status != handler.Failed {
			status = w.status
		}
	}
	if r.Status != status || !r.Check {
		t.Errorf("status %s, want %s", r.Status, status)
	}
	if len(got) != len(want) {
		t.Errorf("%d checks that are not ok, want %d: %s", len(got), len(want), indent(got))
		return
	}
	for i, w := range want {
		if got[i].Name != w.name || got[i].Status != w.status {
			t.Errorf("check %d is %s %s, want %s %s: %s", i, got[i].Name, got[i].Status, w.name, w.status, indent(got))
			continue
		}
		for _, part := range w.says {
			if !strings.Contains(got[i].Message, part) {
				t.Errorf("%s does not say %q: %s", w.name, part, got[i].Message)
			}
		}
	}
}

func indent(v any) string {
	text, _ := json.MarshalIndent(v, "", "  ")
	return string(text)
}

var allNames = []string{
	"configuration", "lake read", "clock", "lake list", "lake write", "lease", "newest run", "files", "gaps", "coverage",
	"limits", "apps", "app 1400000001", "app 1400000002", "app 1400000003",
}

func TestChecksOfAGoodLake(t *testing.T) {
	inWorld(t, func(w *world) {
		w.withCloud(cloudtest.Options{Secrets: map[string][]cloudtest.Version{"one": version("secret-of-app-1")}})
		w.env["CHATLAKE_APPS"] = strings.Replace(w.appList(), "secret-of-app-1", "ssm:one", 1)
		w.env["CHATLAKE_CATALOG"] = "dlc://engine/lake.app_daily_stats"
		w.env["CHATLAKE_ALERT_URL"] = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=secret-of-app-2"
		w.mustRun(w.timer())
		latest, _ := w.bucket.Get(prefix + "_runs/latest.json")
		calls := len(w.chat.Calls())
		report := w.check(`{"check":true}`)
		wantTrouble(t, report, nil)
		want := slices.Insert(slices.Clone(allNames), 10, "secrets", "catalog", "alert")
		if got := names(report); !slices.Equal(got, want) {
			t.Errorf("checks %q, want %q", got, want)
		}
		if now, _ := w.bucket.Get(prefix + "_runs/latest.json"); !bytes.Equal(now, latest) {
			t.Error("the newest run's summary was changed")
		}
		if made := w.chat.Calls()[calls:]; len(made) != 3 || len(made[0].Fields) != 1 {
			t.Errorf("calls %+v", made)
		}
		began := time.Now()
		w.mustRun(w.timer())
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("a run after the checks took %v: the lease was not given back", waited)
		}
	})
}

func TestChecksBeforeTheFirstRun(t *testing.T) {
	inWorld(t, func(w *world) {
		wantTrouble(t, w.check(`{"check":true}`), []trouble{{"newest run", handler.Warning, []string{"no run yet", "dry_run"}}})
		w.env["CHATLAKE_LAKE"] = "file://" + t.TempDir()
		report := w.check(`{"check":true}`)
		wantTrouble(t, report, []trouble{{"newest run", handler.Warning, nil}})
		if slices.Contains(names(report), "clock") {
			t.Error("a directory has no clock of its own")
		}
	})
}

func TestChecksOfTimeAndMemory(t *testing.T) {
	inWorldAlone(t, func(w *world) {
		w.mustRun(w.timer())
		w.env["CHATLAKE_QPS"] = "1"
		wantTrouble(t, w.checkFor(5*time.Second, `{"check":true}`), []trouble{{"limits", handler.Warning, []string{"3 apps take 3s", "raise the function's timeout to 6s"}}})
		w.env["CHATLAKE_QPS"] = "200"
		list := strings.TrimSuffix(w.appList(), "]")
		for n := range 10_000 {
			list += fmt.Sprintf(`,{"sdk_app_id":%d,"secret_key":"s","region":"china"}`, 1500000000+n)
		}
		w.env["CHATLAKE_APPS"] = list + "]"
		few := `{"check":true,"apps":[1400000001]}`
		wantTrouble(t, w.checkFor(15*time.Minute, few), nil)
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(64 << 20 / 10 * 9))
		wantTrouble(t, w.checkFor(15*time.Minute, few), []trouble{{"limits", handler.Warning, []string{"64 MB", "10003 apps", "128 MB"}}})
	})
}

func TestChecksOfManyApps(t *testing.T) {
	inWorld(t, func(w *world) {
		for n := range 40 {
			w.apps = append(w.apps, chattest.App{ID: int64(1400000100 + n), Key: "secret-of-app-n", Region: "china"})
		}
		w.chat.SetApps(w.apps...)
		w.env["CHATLAKE_APPS"] = w.appList()
		w.mustRun(w.timer())
		w.failApp(1400000120)
		report := w.check(`{"check":true}`)
		wantTrouble(t, report, []trouble{{"apps", handler.Failed, []string{"42 of 43"}}, {"app 1400000120", handler.Failed, []string{"60020"}}})
		if last := report.Checks[len(report.Checks)-2]; last.Name != "apps" {
			t.Errorf("apps that are ok have lines of their own: %s", indent(report.Checks))
		}
	})
}

func TestChecksEndInTime(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		w.withCloud(cloudtest.Options{Fault: func(cloudtest.Call) *cloudtest.Fault { return &cloudtest.Fault{Hang: true} }})
		w.env["CHATLAKE_CATALOG"] = "dlc://engine/lake.app_daily_stats"
		w.env["CHATLAKE_APPS"] = strings.Replace(w.appList(), "secret-of-app-1", "ssm:one", 1)
		w.chat.SetFault(func(chattest.Call) *chattest.Fault { return &chattest.Fault{Hang: true} })
		w.routes[bucketHost] = http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
		for _, limit := range []time.Duration{time.Second, time.Minute, 15 * time.Minute} {
			began := time.Now()
			report := w.checkFor(limit, `{"check":true}`)
			if took := time.Since(began); took >= limit || took > 5*time.Minute {
				t.Errorf("the checks took %v of %v", took, limit)
			}
			if got := names(report); !slices.Equal(got[:4], []string{"configuration", "lake read", "secrets", "catalog"}) || report.Status != handler.Failed {
				t.Errorf("checks %s", indent(report))
			}
		}
	})
}

// TestChecksThroughTheFunction has checks asked for by hand and by a timer; that some fail fails the invocation, by an error that begins with
// the report.
func TestChecksThroughTheFunction(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		w.failApp(1400000002)
		var log bytes.Buffer
		function := handler.NewFunction(nil, &log, w)
		ctx := functioncontext.NewContext(w.t.Context(), &functioncontext.FunctionContext{TimeLimitInMs: 60_000, Environment: w.env})
		before := w.table()
		for _, event := range []string{`{"check":true}`, `{"Type":"Timer","TriggerName":"weekly","Time":"2026-11-25T03:30:00Z","Message":"{\"check\":true,\"apps\":null}"}`} {
			log.Reset()
			_, err := function.Invoke(ctx, []byte(event))
			if err == nil {
				t.Fatal("the invocation did not fail")
			}
			answer, _, _ := strings.Cut(err.Error(), "\n")
			var report handler.Report
			if err := json.Unmarshal([]byte(answer), &report); err != nil {
				t.Fatal(err)
			}
			wantTrouble(t, report, []trouble{{"apps", handler.Failed, nil}, {"app 1400000002", handler.Failed, nil}})
			var line map[string]json.RawMessage
			if err := json.Unmarshal(log.Bytes(), &line); err != nil || string(line["msg"]) != `"check"` || string(line["status"]) != `"failed"` || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("logged %v %s", err, log.String())
			}
			w.wantNoSecrets("the answer", err.Error())
			w.wantNoSecrets("the log", log.String())
		}
		if now := w.table(); !maps.Equal(now, before) {
			t.Error("the table was changed")
		}
		for _, key := range []string{`"from":"2026-11-01"`, `"to":"2026-11-24"`, `"fields":["UpMsgNum"]`, `"source":"api"`, `"dry_run":false`} {
			_, err := function.Invoke(ctx, []byte(`{"check":true,`+key+`}`))
			name, _, _ := strings.Cut(key, ":")
			if err == nil || !strings.Contains(err.Error(), "check with "+strings.Trim(name, `"`)) {
				t.Errorf("check with %s: %v", key, err)
			}
		}
		if now := w.table(); !maps.Equal(now, before) {
			t.Error("a faulty event changed the table")
		}
		for _, event := range []string{"{}", `{"check":false}`, `{"check":true,"form":1}`} {
			if _, err := handler.Check(ctx, handler.Job{Env: w.env, Payload: []byte(event), Transport: w}); err == nil {
				t.Errorf("%s was checked", event)
			}
		}
	})
}

func TestReportIsCut(t *testing.T) {
	report := handler.Report{Check: true, Status: handler.Failed}
	for n := range 20_000 {
		report.Checks = append(report.Checks, handler.Checked{Name: fmt.Sprintf("app %d", n), Status: handler.Failed, Message: strings.Repeat("x", 100)})
	}
	for _, most := range []int{1 << 20, 64 << 10, 1000} {
		line := report.Line(most)
		var got handler.Report
		if err := json.Unmarshal(line, &got); err != nil || len(line) > most || len(line) < most-300 || !got.Truncated || got.Status != handler.Failed || got.Checks[0].Name != "app 0" {
			t.Errorf("%d bytes of %d, %v", len(line), most, err)
		}
	}
	report.Checks = report.Checks[:1]
	if string(report.Line(1<<20)) != string(report.JSON()) || strings.Contains(string(report.JSON()), "truncated") {
		t.Errorf("%s", report.JSON())
	}
}
