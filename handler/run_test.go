package handler_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
	"chatlake/storage/costest"
)

func TestRunStoresWhatTheAPIGave(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.mustRun(w.timer())
		if s.Window.From.String() != "2026-10-26" || s.Window.To.String() != "2026-11-24" {
			t.Errorf("the window is %v", s.Window)
		}
		if want := (handler.AppCounts{Total: 3, OK: 3}); s.Apps != want {
			t.Errorf("apps %+v, want %+v", s.Apps, want)
		}
		if want := (handler.RowCounts{Pulled: 90, Inserted: 90}); s.Rows != want {
			t.Errorf("rows %+v, want %+v", s.Rows, want)
		}
		if len(s.Partitions.Written) != 30 || s.Partitions.Unchanged != 0 || len(s.Partitions.Failed) != 0 {
			t.Errorf("partitions %+v", s.Partitions)
		}
		if s.Requests.Chat != 3 || s.Requests.ChatRetries != 0 || s.Trigger != "timer" || !strings.HasPrefix(s.RunID, "20261125T033000Z-") {
			t.Errorf("summary %s", s.JSON())
		}
		clock := time.Date(2026, 11, 25, 3, 30, 0, 0, time.UTC).UnixMilli()
		for d := s.Window.From; d <= s.Window.To; d++ {
			rows := w.rows(d.String())
			for _, app := range w.apps {
				want, got := chattest.Values(app, d, time.Now()), rows[app.ID]
				if fmt.Sprint(*got.Active) != want["ActiveUserNum"] || fmt.Sprint(*got.Up) != want["UpMsgNum"] || *got.AppName != want["AppName"] {
					t.Errorf("%s of %d: active %d, up %d, name %s; the API gave %v", d, app.ID, *got.Active, *got.Up, *got.AppName, want)
				}
				if got.Date != int32(d) || *got.Revision != 1 || *got.FirstPulledAt != clock || *got.UpdatedAt != *got.FirstPulledAt {
					t.Errorf("%s of %d: %+v", d, app.ID, got)
				}
			}
		}
	})
}

func TestSummaryIsStoredAsReturned(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.mustRun(w.timer())
		stored, ok := w.bucket.Get(prefix + "_runs/dt=2026-11-25/" + s.RunID + ".json")
		latest, ok2 := w.bucket.Get(prefix + "_runs/latest.json")
		withoutEnd := strings.TrimSuffix(string(stored), "}")
		coverage := `,"coverage":[{"sdk_app_id":1400000001,"first":"2026-10-26","last":"2026-11-24"},`
		if !ok || !ok2 || string(stored) != string(s.JSON()) || !strings.HasPrefix(string(latest), withoutEnd+coverage) {
			t.Errorf("returned %s\nstored   %s\nlatest   %s", s.JSON(), stored, latest)
		}
	})
}

func TestSecondRun(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		before, since := w.table(), len(w.bucket.Requests())
		time.Sleep(time.Hour)

		s := w.mustRun(w.timer())
		if s.Rows.Unchanged != 90 || s.Partitions.Unchanged != 30 || len(s.Partitions.Written) != 0 {
			t.Errorf("an identical run: %s", s.JSON())
		}
		for _, key := range w.writes(since) {
			if strings.HasPrefix(key, prefix+"app_daily_stats/") {
				t.Errorf("an identical run wrote %s", key)
			}
		}

		w.revise(1400000002, day("2026-11-10"), map[string]any{"ActiveUserNum": "424242"})
		first := w.rows("2026-11-10")[1400000002]
		time.Sleep(time.Hour)
		clock := time.Now().Truncate(time.Second).UnixMilli()
		s = w.mustRun(w.timer())
		if s.Rows.Updated != 1 || s.Rows.Unchanged != 89 {
			t.Errorf("a revised value: %s", s.JSON())
		}
		if got := changed(before, w.table()); !reflect.DeepEqual(got, []string{partitionKey("2026-11-10")}) {
			t.Errorf("a revised value changed %v", got)
		}
		row := w.rows("2026-11-10")[1400000002]
		if *row.Active != 424242 || *row.Revision != 2 || *row.FirstPulledAt != *first.FirstPulledAt || *row.UpdatedAt != clock {
			t.Errorf("the revised row: active %d, revision %d, first %d (was %d), updated %d", *row.Active, *row.Revision, *row.FirstPulledAt, *first.FirstPulledAt, *row.UpdatedAt)
		}
		if other := w.rows("2026-11-10")[1400000001]; *other.Revision != 1 {
			t.Errorf("another app's row has revision %d", *other.Revision)
		}
		old, rewritten := before[partitionKey("2026-11-10")], w.table()[partitionKey("2026-11-10")]
		if len(rewritten) <= len(old) {
			t.Errorf("rewritten from %d to %d bytes: the length must grow", len(old), len(rewritten))
		}
	})
}

func TestOneAppsFaultCostsOnlyItself(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["CHATLAKE_LOG_LEVEL"] = "debug"
		w.mustRun(w.timer())
		before := w.table()
		time.Sleep(24 * time.Hour)

		w.env["CHATLAKE_APPS"] = strings.Replace(w.appList(), "secret-of-app-1", "wrong-secret", 1)
		w.chat.SetFault(func(c chattest.Call) *chattest.Fault {
			if c.App == 1400000002 {
				return &chattest.Fault{Hang: true}
			}
			return nil
		})
		s, err := w.run(w.timer())
		if s.Status != handler.Partial || s.Apps != (handler.AppCounts{Total: 3, OK: 1, Failed: 2}) || s.Rows.Inserted != 1 {
			t.Errorf("summary %s", s.JSON())
		}
		var failure *handler.Failure
		line, _, _ := strings.Cut(fmt.Sprint(err), "\n")
		if !asFailure(err, &failure) || line != string(s.JSON()) {
			t.Errorf("the error must begin with the summary: %v", err)
		}
		if len(s.Errors) != 2 {
			t.Fatalf("errors %+v", s.Errors)
		}
		bad, hung := s.Errors[0], s.Errors[1]
		if bad.AppID != 1400000001 || bad.Stage != "pull" || bad.Code != 70009 || bad.Retryable || bad.Attempts != 1 || !strings.Contains(bad.Message, "secret_key") || !strings.Contains(bad.Message, "region") {
			t.Errorf("of the wrong secret: %+v", bad)
		}
		if hung.AppID != 1400000002 || hung.Stage != "pull" || hung.Code != 0 || !hung.Retryable || hung.Attempts < 2 || !strings.Contains(hung.Message, "no whole answer") {
			t.Errorf("of the app that hangs: %+v", hung)
		}
		if rows := w.rows("2026-11-25"); len(rows) != 1 || rows[1400000003].Active == nil {
			t.Errorf("the fine app's new day: %v", rows)
		}
		for key, body := range before {
			if day := strings.TrimSuffix(strings.TrimPrefix(key, prefix+"app_daily_stats/dt="), "/part-0.parquet"); len(w.rows(day)) != 3 {
				t.Errorf("%s lost rows: %v (%d bytes before)", key, w.rows(day), len(body))
			}
		}
		w.wantNoSecrets("the log", w.log.String())
		w.wantNoSecrets("the error", err.Error())

		w.env["CHATLAKE_FAIL_ON"] = "all"
		if s, err := w.run(w.timer()); err != nil || s.Status != handler.Partial {
			t.Errorf("with CHATLAKE_FAIL_ON=all: %v, %s", err, s.Status)
		}
	})
}

func asFailure(err error, f **handler.Failure) bool {
	failure, ok := err.(*handler.Failure)
	*f = failure
	return ok
}

func TestAllFailed(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["CHATLAKE_FAIL_ON"] = "never"
		w.chat.SetFault(func(chattest.Call) *chattest.Fault { return &chattest.Fault{Code: 60020} })
		if s, err := w.run(""); s.Status != handler.Failed || err == nil || !strings.Contains(s.Errors[0].Message, "renew") {
			t.Errorf("no app could be pulled: %v %s", err, s.JSON())
		}
		w.chat.SetFault(nil)
		w.bucket.SetFault(func(r costest.Request) costest.Fault {
			if r.Method == http.MethodPut && !strings.Contains(r.Key, "_lock/") {
				return costest.Fault{Status: 403, Code: "AccessDenied"}
			}
			return costest.Fault{}
		})
		s, err := w.run("")
		if s.Status != handler.Failed || err == nil || len(s.Partitions.Failed) != 30 || s.Apps.OK != 3 {
			t.Errorf("nothing could be written: %v %s", err, s.JSON())
		}
		if e := s.Errors[1]; e.Day == nil || e.Stage != "store" || !strings.Contains(e.Message, "AccessDenied") || !strings.Contains(e.Message, "role") {
			t.Errorf("error %+v", e)
		}
	})
}

func TestDaysFailAlone(t *testing.T) {
	inWorld(t, func(w *world) {
		w.bucket.Put(partitionKey("2026-11-20"), []byte("PAR1 this is no Parquet file PAR1"))
		s, err := w.run(w.timer())
		if s.Status != handler.Partial || err == nil || len(s.Partitions.Written) != 29 || !slices.Equal(s.Partitions.Failed, []stats.Day{day("2026-11-20")}) {
			t.Errorf("summary %s", s.JSON())
		}
		if body, _ := w.bucket.Get(partitionKey("2026-11-20")); string(body) != "PAR1 this is no Parquet file PAR1" {
			t.Errorf("the unreadable file was overwritten by %q", body)
		}
		if e := s.Errors[0]; e.Day == nil || *e.Day != day("2026-11-20") || e.Stage != "store" || e.Retryable {
			t.Errorf("error %+v", e)
		}
	})
}

func TestSummaryThatCannotBeStored(t *testing.T) {
	inWorld(t, func(w *world) {
		w.bucket.SetFault(func(r costest.Request) costest.Fault {
			if r.Method == http.MethodPut && strings.Contains(r.Key, "_runs/") {
				return costest.Fault{Status: 403, Code: "AccessDenied"}
			}
			return costest.Fault{}
		})
		if s, err := w.run(""); err != nil || s.Status != handler.Partial || len(s.Errors) != 1 || len(s.Partitions.Written) != 30 {
			t.Errorf("the rows are safe, the summary is not: %v %s", err, s.JSON())
		}
		if s, err := w.run(""); err == nil || s.Status != handler.Failed {
			t.Errorf("nothing could be written: %v %s", err, s.JSON())
		}
	})
}

func TestDeadline(t *testing.T) {
	for _, limit := range []time.Duration{3 * time.Second, 20 * time.Second, 60 * time.Second, 900 * time.Second} {
		t.Run(limit.String(), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.chat.SetFault(func(c chattest.Call) *chattest.Fault {
					if c.App == 1400000001 {
						return &chattest.Fault{Hang: true}
					}
					return nil
				})
				w.bucket.SetFault(func(costest.Request) costest.Fault { return costest.Fault{Delay: 20 * time.Millisecond} })
				started := time.Now()
				s, err := w.runFor(limit, w.timer())
				if took := time.Since(started); took >= limit {
					t.Errorf("returned after %v of %v", took, limit)
				}
				if err == nil || s.Apps.OK != 2 || s.Rows.Inserted != 60 || len(s.Partitions.Written) != 30 {
					t.Errorf("%v %s", err, s.JSON())
				}
				if _, ok := w.bucket.Get(prefix + "_runs/latest.json"); !ok {
					t.Error("the summary was not stored")
				}
			})
		})
	}
}

func TestAppsThatWereNotReached(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["CHATLAKE_CONCURRENCY"] = "1"
		w.chat.SetFault(func(c chattest.Call) *chattest.Fault {
			return &chattest.Fault{Hang: c.App == 1400000001}
		})
		s, _ := w.runFor(10*time.Second, "")
		if len(s.Errors) != 3 {
			t.Fatalf("errors %+v", s.Errors)
		}
		if e := s.Errors[2]; e.AppID != 1400000003 || e.Attempts != 0 || !e.Retryable || !strings.Contains(e.Message, "before this app's turn") || !strings.Contains(e.Message, "timeout") {
			t.Errorf("error %+v", e)
		}
	})
}

func TestDryRunWritesNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun("")
		time.Sleep(24 * time.Hour)
		since := len(w.bucket.Requests())
		s := w.mustRun(`{"dry_run":true}`)
		if !s.DryRun || s.Rows.Inserted != 3 || s.Rows.Updated == 0 || len(s.Partitions.Written) < 2 {
			t.Errorf("summary %s", s.JSON())
		}
		if got := w.writes(since); got != nil {
			t.Errorf("a dry run wrote %v", got)
		}
	})
}

func TestBackfill(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.mustRun(`{"from":"2026-11-01","to":"2026-11-03","apps":[1400000003,1400000003],"fields":["UpMsgNum"]}`)
		if s.Rows != (handler.RowCounts{Pulled: 3, Inserted: 3}) || s.Apps.Total != 1 || s.Trigger != "manual" || s.Window.From != day("2026-11-01") || s.Window.To != day("2026-11-03") {
			t.Errorf("summary %s", s.JSON())
		}
		if calls := w.chat.Calls(); len(calls) != 1 || !slices.Equal(calls[0].Fields, []string{"UpMsgNum"}) {
			t.Errorf("calls %+v", calls)
		}
		if r := w.rows("2026-11-02")[1400000003]; r.Up == nil || r.Active != nil || r.AppName != nil {
			t.Errorf("a pull of one field stored %+v", r)
		}
		// The whole pull fills the rest, and a later pull of one field blanks nothing.
		w.mustRun("")
		time.Sleep(time.Minute)
		w.mustRun(`{"fields":["UpMsgNum","AppId"]}`)
		r := w.rows("2026-11-02")[1400000003]
		if r.Up == nil || r.Active == nil || r.AppName == nil || *r.Revision != 2 {
			t.Errorf("after all: %+v", r)
		}
	})
}

func TestWindowOfTheRequest(t *testing.T) {
	for _, c := range []struct {
		name, request, from, to string
		rows                    int
		warning                 string
	}{
		{"days that are gone", `{"from":"2026-10-01","to":"2026-10-27"}`, "2026-10-26", "2026-10-27", 2, "no longer has 2026-10-01 to 2026-10-25"},
		{"days to come", `{"from":"2026-11-23","to":"2026-12-01"}`, "2026-11-23", "2026-11-24", 3, "2026-11-25 to 2026-12-01 are not over"},
		{"from alone", `{"from":"2026-11-20"}`, "2026-11-20", "2026-11-24", 6, ""},
		{"to alone", `{"to":"2026-10-26"}`, "2026-10-26", "2026-10-26", 1, ""},
		{"all", `{"from":null,"apps":null}`, "2026-10-26", "2026-11-24", 31, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.chat = chattest.New(chattest.Options{Apps: w.apps, Today: true})
				w.routes["console.tim.qq.com"] = w.chat
				w.env["CHATLAKE_APPS"] = `[{"sdk_app_id":1400000003,"secret_key":"secret-of-app-3","region":"china"}]`
				s := w.mustRun(c.request)
				if s.Window.From.String() != c.from || s.Window.To.String() != c.to || s.Rows.Inserted != c.rows {
					t.Errorf("summary %s", s.JSON())
				}
				if got := strings.Join(s.Warnings, "; "); !strings.Contains(got, c.warning) {
					t.Errorf("warnings %q, want %q", got, c.warning)
				}
			})
		})
	}
}

func TestClocks(t *testing.T) {
	inWorld(t, func(w *world) {
		// A timer's retry two days late does the work of its own day, and says so.
		s := w.mustRun(`{"Type":"Timer","TriggerName":"daily","Time":"2026-11-23T03:30:00Z","Message":"{\"fields\":[\"UpMsgNum\"]}"}`)
		if s.Window.To != day("2026-11-22") || !strings.HasPrefix(s.RunID, "20261123T033000Z-") || s.StartedAt != "2026-11-25T03:30:00Z" {
			t.Errorf("summary %s", s.JSON())
		}
		all := strings.Join(s.Warnings, "; ")
		if !strings.Contains(all, "48h") || !strings.Contains(all, "fields") {
			t.Errorf("warnings %q", all)
		}
		if _, ok := w.bucket.Get(prefix + "_runs/dt=2026-11-23/" + s.RunID + ".json"); !ok {
			t.Error("the summary is not under the run's day")
		}
	})
}

func TestRefusedRows(t *testing.T) {
	inWorld(t, func(w *world) {
		w.chat.SetFault(func(c chattest.Call) *chattest.Fault {
			if c.App != 1400000001 {
				return nil
			}
			return &chattest.Fault{Rows: func(rows []map[string]any) []map[string]any {
				slices.SortFunc(rows, func(a, b map[string]any) int { return strings.Compare(a["Date"].(string), b["Date"].(string)) })
				rows[0]["UpMsgNum"] = "12.0"
				rows[1]["AppId"] = "1400000009"
				rows[2]["Date"] = "20261345"
				twice := maps.Clone(rows[3])
				twice["UpMsgNum"] = "1"
				same := maps.Clone(rows[4])
				rows[5]["NewCounter"] = "17"
				rows[6]["NewThing"] = map[string]any{"a": []any{1, "x"}}
				return append(rows, twice, same)
			}}
		})
		s, err := w.run("")
		if err != nil || s.Status != handler.Partial || s.Apps.Failed != 0 {
			t.Errorf("a refused row must fail nothing: %v %s", err, s.JSON())
		}
		if want := (handler.RowCounts{Pulled: 91, Inserted: 86, Rejected: 5}); s.Rows != want {
			t.Errorf("rows %+v, want %+v", s.Rows, want)
		}
		for d, there := range map[string]bool{"2026-10-26": false, "2026-10-27": false, "2026-10-28": false, "2026-10-29": false, "2026-10-30": true} {
			if _, ok := w.rows(d)[1400000001]; ok != there {
				t.Errorf("%s is stored: %v", d, ok)
			}
		}
		if got := w.rows("2026-10-31")[1400000001].Extra["NewCounter"]; got != "17" {
			t.Errorf("extra has NewCounter %q", got)
		}
		if got := w.rows("2026-11-01")[1400000001].Extra["NewThing"]; got != `{"a":[1,"x"]}` {
			t.Errorf("extra has NewThing %q", got)
		}
	})
}

func TestWhereTheAppsAre(t *testing.T) {
	inWorld(t, func(w *world) {
		list := w.env["CHATLAKE_APPS"]
		path := filepath.Join(t.TempDir(), "apps.json")
		if err := os.WriteFile(path, []byte("\xef\xbb\xbf"+list), 0o600); err != nil {
			t.Fatal(err)
		}
		w.bucket.Put("config/apps.json", []byte(list))
		for _, from := range []string{"file:" + path, "cos:config/apps.json"} {
			w.env["CHATLAKE_APPS"] = from
			if s := w.mustRun(""); s.Apps.OK != 3 || len(s.Warnings) != 0 {
				t.Errorf("apps from %s: %s", from, s.JSON())
			}
		}
	})
}

func TestLakeInADirectory(t *testing.T) {
	inWorld(t, func(w *world) {
		dir := t.TempDir()
		w.env["CHATLAKE_LAKE"] = "file://" + dir
		for name := range w.env {
			if strings.HasPrefix(name, "TENCENTCLOUD_") {
				delete(w.env, name)
			}
		}
		s := w.mustRun("")
		if s.Requests.COS != 0 {
			t.Errorf("%d requests to COS", s.Requests.COS)
		}
		if files, _ := filepath.Glob(dir + "/app_daily_stats/dt=*/part-0.parquet"); len(files) != 30 {
			t.Errorf("files %v", files)
		}
		latest, err := os.ReadFile(dir + "/_runs/latest.json")
		var stored handler.Summary
		if err != nil || json.Unmarshal(latest, &stored) != nil || stored.RunID != s.RunID {
			t.Errorf("latest %s, %v", latest, err)
		}
	})
}

// TestTheNewestSummaryCannotBeStored: the answer and the stored summary say so alike.
func TestTheNewestSummaryCannotBeStored(t *testing.T) {
	inWorld(t, func(w *world) {
		w.bucket.SetFault(func(r costest.Request) costest.Fault {
			if r.Method == http.MethodPut && strings.HasSuffix(r.Key, "_runs/latest.json") {
				return costest.Fault{Status: 403, Code: "AccessDenied"}
			}
			return costest.Fault{}
		})
		s, err := w.run(w.timer())
		stored, _ := w.bucket.Get(prefix + "_runs/dt=2026-11-25/" + s.RunID + ".json")
		if err != nil || s.Status != handler.Partial || len(s.Errors) != 1 || s.Errors[0].Stage != "store" || string(stored) != string(s.JSON()) {
			t.Errorf("%v %s, stored %s", err, s.JSON(), stored)
		}
	})
}

// TestNewRowsOfSomeFields: they close gaps, so that it must be told that they are not whole.
func TestNewRowsOfSomeFields(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.mustRun(`{"fields":["UpMsgNum"],"from":"2026-11-23"}`)
		if len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "6 rows are new and have nothing but the fields") {
			t.Errorf("warnings %q", s.Warnings)
		}
		if s := w.mustRun(`{"fields":["UpMsgNum"],"from":"2026-11-23"}`); len(s.Warnings) != 0 {
			t.Errorf("warnings %q", s.Warnings)
		}
	})
}

// TestThousandsOfFaults: the answer, an error, and the log line stay within their bounds.
func TestThousandsOfFaults(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["CHATLAKE_APPS"] = "[" + strings.Repeat(`{"regoin":1},`, 20_000) + "1]"
		s, err := w.run("")
		if text := fmt.Sprint(err); len(text) > 64<<10 || !strings.Contains(text, "more faults") || s.Status != handler.Failed {
			t.Errorf("%d bytes: %.500s", len(text), text)
		}
	})
}
