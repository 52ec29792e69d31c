package handler_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/storage"
	"chatlake/storage/costest"
)

// everyRow returns all rows of the table in a form that compares.
func (w *world) everyRow() map[string]string {
	rows := make(map[string]string)
	for key := range w.table() {
		d := strings.TrimSuffix(strings.TrimPrefix(key, prefix+"app_daily_stats/dt="), "/part-0.parquet")
		for app, r := range w.rows(d) {
			rows[fmt.Sprintf("%s %d", d, app)] = fmt.Sprint(text(r.AppName), " ", number(r.Active), " ", number(r.Up), " ", number(r.CallBackRsp), " ",
				r.Extra, " first ", number(r.FirstPulledAt), " updated ", number(r.UpdatedAt), " revision ", *r.Revision)
		}
	}
	return rows
}

func text(s *string) string {
	if s == nil {
		return "NULL"
	}
	return *s
}

func number(n *int64) string {
	if n == nil {
		return "NULL"
	}
	return fmt.Sprint(*n)
}

// answers reads all answers of the raw archive.
func (w *world) answers() (all []storage.RawAnswer) {
	w.t.Helper()
	for _, key := range w.bucket.Keys(prefix + "_raw/") {
		body, _ := w.bucket.Get(key)
		if err := storage.ReadArchive(bytes.NewReader(body), func(a storage.RawAnswer) error {
			all = append(all, a)
			return nil
		}); err != nil {
			w.t.Errorf("%s: %v", key, err)
		}
	}
	return all
}

// history makes a lake of some days of runs: daily ones, a backfill of some days, one of some fields, an app that fails at
// times, revisions.
func (w *world) history() {
	w.env["CHATLAKE_FAIL_ON"] = "all"
	w.chat.SetFault(func(chattest.Call) *chattest.Fault {
		return &chattest.Fault{Rows: func(rows []map[string]any) []map[string]any {
			ahead := maps.Clone(rows[0])
			ahead["Date"] = "20261215" // a day to come
			return append(rows, ahead)
		}}
	})
	w.mustRun(w.timer())
	w.chat.SetFault(nil)
	w.runDaily(2)
	w.revise(1400000001, day("2026-11-20"), map[string]any{"ActiveUserNum": "111", "Newcomer": "x"})
	w.failApp(1400000002)
	w.runDaily(2)
	w.chat.SetFault(nil)
	time.Sleep(time.Hour)
	w.mustRun(`{"from":"2026-11-26","to":"2026-11-27","apps":[1400000002]}`)
	w.revise(1400000001, day("2026-11-20"), map[string]any{"ActiveUserNum": "222", "UpMsgNum": "333"})
	time.Sleep(time.Hour)
	w.mustRun(`{"fields":["UpMsgNum"],"from":"2026-11-18"}`)
	w.runDaily(3)
}

func TestReplayOverAnIntactLake(t *testing.T) {
	inWorld(t, func(w *world) {
		w.history()
		before := w.table()
		calls := len(w.chat.Calls())
		s := w.mustRun(`{"source":"raw"}`)
		if got := changed(before, w.table()); len(got) != 0 || s.Rows.Inserted+s.Rows.Updated != 0 || s.Rows.Unchanged == 0 {
			t.Errorf("changed %v: %s", got, s.JSON())
		}
		if s.Source != "raw" || s.Apps.Total != 3 || len(w.chat.Calls()) != calls {
			t.Errorf("summary %s", s.JSON())
		}
	})
}

func TestReplayIntoAnEmptyLake(t *testing.T) {
	inWorld(t, func(w *world) {
		w.history()
		before := w.everyRow()
		w.drop("app_daily_stats/")
		w.apps = w.apps[:2] // an app that has left the configuration is rebuilt too
		w.env["CHATLAKE_APPS"] = w.appList()
		w.mustRun(`{"source":"raw"}`)
		if after := w.everyRow(); !maps.Equal(before, after) {
			for key, row := range before {
				if after[key] != row {
					t.Errorf("%s was %s\nand is %s", key, row, after[key])
				}
			}
			t.Errorf("%d rows before, %d after", len(before), len(after))
		}
	})
}

func TestReplayOfSomeDaysAndApps(t *testing.T) {
	inWorld(t, func(w *world) {
		w.history()
		time.Sleep(60 * 24 * time.Hour) // far past the API's reach
		before := w.everyRow()
		w.drop("app_daily_stats/")
		s := w.mustRun(`{"source":"raw","from":"2026-11-19","to":"2026-11-21","apps":[1400000001]}`)
		if len(s.Partitions.Written) != 3 || s.Rows.Inserted != 3 || s.Window.From != day("2026-11-19") || s.Window.To != day("2026-11-21") {
			t.Errorf("summary %s", s.JSON())
		}
		after := w.everyRow()
		if len(after) != 3 || after["2026-11-20 1400000001"] != before["2026-11-20 1400000001"] {
			t.Errorf("rows %v, before %s", after, before["2026-11-20 1400000001"])
		}
		if !strings.Contains(strings.Join(s.Warnings, "; "), "no object of the runs of 2026-11-19 to 2026-11-24, ") {
			t.Errorf("warnings %v", s.Warnings)
		}
	})
}

func TestReplayOfAnArchiveWithHoles(t *testing.T) {
	inWorld(t, func(w *world) {
		w.revise(1400000001, day("2026-11-20"), map[string]any{"ActiveUserNum": "1", "Only": "first"})
		w.mustRun(w.timer())
		w.revise(1400000001, day("2026-11-20"), map[string]any{"ActiveUserNum": "2"})
		w.runDaily(1)
		stale := w.table()[partitionKey("2026-11-20")]
		w.revise(1400000001, day("2026-11-20"), map[string]any{"ActiveUserNum": "3"})
		w.runDaily(1)

		// The newest answer is missing in the archive: what it brought must stay.
		newest := w.bucket.Keys(prefix + "_raw/dt=2026-11-27/")[0]
		body, _ := w.bucket.Get(newest)
		w.bucket.Delete(newest)
		before := w.table()
		w.mustRun(`{"source":"raw"}`)
		if got := changed(before, w.table()); len(got) != 0 {
			t.Errorf("an older answer changed %v", got)
		}
		// The lake's file is an old one: what the archive has newer comes back, whatever has been lost beside it.
		w.bucket.Put(newest, body)
		w.bucket.Put(partitionKey("2026-11-20"), []byte(stale))
		w.mustRun(`{"source":"raw","from":"2026-11-20"}`)
		r := w.rows("2026-11-20")[1400000001]
		if *r.Active != 3 || *r.Revision != 3 || *r.UpdatedAt != time.Date(2026, 11, 27, 3, 30, 0, 0, time.UTC).UnixMilli() || r.Extra["Only"] != "first" {
			t.Errorf("active %d, revision %d, updated %d, extra %v", *r.Active, *r.Revision, *r.UpdatedAt, r.Extra)
		}
	})
}

// TestReplayThatIsCutShort names the days that it did not rebuild, and another one goes on.
func TestReplayThatIsCutShort(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		w.runDaily(45)
		before := w.everyRow()
		w.drop("app_daily_stats/")
		bucket := w.routes[bucketHost]
		w.late(time.Second)
		s, err := w.runFor(85*time.Second, `{"source":"raw"}`)
		last := s.Errors[len(s.Errors)-1]
		if err == nil || s.Status != handler.Partial || len(s.Partitions.Written) < 30 || last.Stage != "store" || !last.Retryable || !strings.Contains(last.Message, "time ended before 20") {
			t.Fatalf("%s, %v", s.JSON(), err)
		}
		for _, e := range s.Errors {
			if strings.Contains(e.Message, "no answer of the apps") || e.Stage == "archive" {
				t.Errorf("error %+v", e)
			}
		}
		w.routes[bucketHost] = bucket
		w.mustRun(`{"source":"raw"}`)
		if after := w.everyRow(); !maps.Equal(before, after) {
			t.Errorf("%d rows before, %d after", len(before), len(after))
		}
	})
}

// TestADamagedObjectIsToldOfOnce, though it reaches into two batches of days.
func TestADamagedObjectIsToldOfOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		w.runDaily(40)
		key := w.bucket.Keys(prefix + "_raw/")[20]
		body, _ := w.bucket.Get(key)
		w.bucket.Put(key, body[:len(body)-1])
		s, err := w.run(`{"source":"raw"}`)
		if err != nil || s.Status != handler.Partial || len(s.Errors) != 1 || s.Errors[0].Stage != "archive" || !strings.Contains(s.Errors[0].Message, key) {
			t.Errorf("%v %s", err, s.JSON())
		}
		if s.Window.From != day("2026-10-26") || s.Window.To != day("2027-01-03") {
			t.Errorf("window %v", s.Window)
		}
	})
}

func TestReplayOfNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		s, err := w.run(`{"source":"raw","from":"2026-01-01","to":"2026-01-31"}`)
		if err == nil || s.Status != handler.Failed || !strings.Contains(err.Error(), "the raw archive has nothing of 2026-01-01 to 2026-01-31") {
			t.Errorf("%v %s", err, s.JSON())
		}
	})
}

func TestRepair(t *testing.T) {
	inWorld(t, func(w *world) {
		w.history()
		before := w.everyRow()
		key := partitionKey("2026-11-20")
		whole, _ := w.bucket.Get(key)
		damaged := whole[:len(whole)-20]
		w.bucket.Put(key, damaged)

		s, _ := w.run(`{"source":"raw"}`)
		if body, _ := w.bucket.Get(key); !bytes.Equal(body, damaged) || len(s.Partitions.Failed) != 1 {
			t.Errorf("a replay of everything must leave it: %s", s.JSON())
		}
		if !strings.Contains(s.Errors[0].Message, `{"source":"raw","from":"2026-11-20","to":"2026-11-20"}`) {
			t.Errorf("the error must say how to repair: %s", s.Errors[0].Message)
		}
		table := w.table()
		s = w.mustRun(`{"source":"raw","from":"2026-11-20","to":"2026-11-20"}`)
		if got := changed(table, w.table()); !slices.Equal(got, []string{key}) {
			t.Errorf("the repair changed %v", got)
		}
		if after := w.everyRow(); !maps.Equal(before, after) {
			t.Errorf("before %s, after %s", before["2026-11-20 1400000001"], after["2026-11-20 1400000001"])
		}
		if body, _ := w.bucket.Get(key); len(body) <= len(damaged) {
			t.Errorf("%d bytes where %d were", len(body), len(damaged))
		}
		if kept, _ := w.bucket.Get(prefix + "_damaged/dt=2026-11-20/" + s.RunID + ".parquet"); !bytes.Equal(kept, damaged) {
			t.Error("the damaged file was not kept")
		}
	})
}

func TestArchiveKeepsEveryAnswer(t *testing.T) {
	inWorld(t, func(w *world) {
		long := bytes.Repeat([]byte("<html>"), 20<<10)
		w.chat.SetFault(func(c chattest.Call) *chattest.Fault {
			switch {
			case c.App == 1400000001 && c.NApp == 1:
				return &chattest.Fault{Body: long, Status: 502}
			case c.App == 1400000001 && c.NApp == 2:
				return &chattest.Fault{Body: []byte("\xff\xfe not UTF-8")}
			case c.App == 1400000002:
				return &chattest.Fault{Code: 70003, Info: "bad sig"}
			}
			return nil
		})
		echo := w.routes["console.tim.qq.com"]
		w.routes["console.tim.qq.com"] = http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(rw, `{"ErrorCode":0,"ErrorInfo":"you sent %s","Result":[]}`, req.URL.Query().Get("usersig"))
		})
		w.env["CHATLAKE_FAIL_ON"] = "all"
		s, err := w.run(`{"from":"2026-11-20"}`)
		if err != nil || s.Apps.OK != 2 {
			t.Fatalf("%v %s", err, s.JSON())
		}
		answers := w.answers()
		if len(answers) != 5 || int64(len(answers)) != s.Requests.Chat {
			t.Fatalf("%d answers are kept of %d calls", len(answers), s.Requests.Chat)
		}
		slices.SortStableFunc(answers, func(a, b storage.RawAnswer) int { return int(a.AppID - b.AppID) })
		first, second, third, fourth, fifth := answers[0], answers[1], answers[2], answers[3], answers[4]
		if first.Good || first.Status != 502 || first.Cut != len(long) || len(first.Body) != 64<<10 {
			t.Errorf("the long error: good %v, status %d, cut from %d to %d", first.Good, first.Status, first.Cut, len(first.Body))
		}
		if second.Good || string(second.Body) != "\xff\xfe not UTF-8" {
			t.Errorf("the bytes that are no text: %q", second.Body)
		}
		if !third.Good || third.RunID != s.RunID || !third.Clock.Equal(time.Date(2026, 11, 25, 3, 30, 0, 0, time.UTC)) || third.Region != "singapore" || *third.From != day("2026-11-20") || third.To != nil {
			t.Errorf("the good one: %+v", third)
		}
		if fourth.Good || !strings.Contains(string(fourth.Body), "70003") {
			t.Errorf("the API's error: %s", fourth.Body)
		}
		if !fifth.Good || string(fifth.Body) != `{"ErrorCode":0,"ErrorInfo":"you sent REDACTED","Result":[]}` {
			t.Errorf("the echo: %s", fifth.Body)
		}
		w.routes["console.tim.qq.com"] = echo
	})
}

func TestArchiveThatCannotBeStored(t *testing.T) {
	inWorld(t, func(w *world) {
		w.bucket.SetFault(func(r costest.Request) costest.Fault {
			if r.Method == http.MethodPut && strings.Contains(r.Key, "_raw/") {
				return costest.Fault{Status: 403, Code: "AccessDenied"}
			}
			return costest.Fault{}
		})
		s, err := w.run(w.timer())
		if err != nil || s.Status != handler.Partial || s.Rows.Inserted != 90 || len(s.Errors) != 1 || s.Errors[0].Stage != "archive" {
			t.Errorf("%v %s", err, s.JSON())
		}
	})
}

func TestArchiveIsOff(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["CHATLAKE_RAW"] = "off"
		w.mustRun(w.timer())
		w.env["CHATLAKE_RAW"] = "on"
		w.mustRun(`{"dry_run":true}`)
		if keys := w.bucket.Keys(prefix + "_raw/"); len(keys) != 0 {
			t.Errorf("kept %v", keys)
		}
	})
}

func TestRejects(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		if keys := w.bucket.Keys(prefix + "_rejects"); len(keys) != 0 {
			t.Errorf("rejects without a refused row: %v", keys)
		}
		w.revise(1400000001, day("2026-11-10"), map[string]any{"UpMsgNum": "<many>", "DownMsgNum": "-1"})
		s, _ := w.run(w.timer())
		body, ok := w.bucket.Get(prefix + "_rejects/dt=2026-11-25/" + s.RunID + ".ndjson")
		if !ok || strings.Count(string(body), "\n") != 1 {
			t.Fatalf("rejects %q", body)
		}
		for _, want := range []string{
			`{"sdk_app_id":1400000001,"run_id":"` + s.RunID + `","reason":"2026-11-10: DownMsgNum \"-1\"`, `; UpMsgNum \"<many>\" is no whole number`,
			`"row":{`, `"UpMsgNum":"<many>"`, `"Date":"20261110"`,
		} {
			if !strings.Contains(string(body), want) {
				t.Errorf("rejects lack %s: %s", want, body)
			}
		}
		if s.Status != handler.Partial || s.Rows.Rejected != 1 {
			t.Errorf("summary %s", s.JSON())
		}
	})
}
