package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/report"
	"chatlake/internal/stats"
	"chatlake/storage"
)

// made is when the reports of these tests are made: after the day's run, at 12:30 in Beijing.
var made = time.Date(2026, 11, 25, 4, 30, 0, 0, time.UTC)

// yesterday is Beijing's, before made.
const yesterday = stats.Day(20781) // 2026-11-24

// world is a lake in a directory that daily runs fill from an emulator.
type world struct {
	t     testing.TB
	dir   string
	chat  *chattest.Server
	url   string
	clock atomic.Pointer[time.Time]
	apps  []chattest.App // that are configured
}

func newWorld(t testing.TB, apps ...chattest.App) *world {
	w := &world{t: t, dir: t.TempDir(), apps: apps}
	for i := range apps {
		apps[i].Key = fmt.Sprintf("key-of-app-%d", apps[i].ID)
	}
	w.chat = chattest.New(chattest.Options{Apps: apps, Now: func() time.Time { return *w.clock.Load() }})
	server := httptest.NewServer(w.chat)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// run does the daily run of a day, counted from the one on which reports are made, an hour before that.
func (w *world) run(day int) handler.Summary {
	w.t.Helper()
	at := made.AddDate(0, 0, day).Add(-time.Hour)
	w.clock.Store(&at)
	list := make([]map[string]any, len(w.apps))
	for i, app := range w.apps {
		list[i] = map[string]any{"sdk_app_id": app.ID, "secret_key": app.Key, "endpoint": w.url}
	}
	apps, _ := json.Marshal(list)
	event, _ := json.Marshal(map[string]string{"Type": "Timer", "TriggerName": "daily", "Time": at.Format(time.RFC3339), "Message": ""})
	summary, err := handler.Run(w.t.Context(), handler.Job{
		Env: map[string]string{
			"CHATLAKE_LAKE": "file://" + filepath.ToSlash(w.dir), "CHATLAKE_APPS": string(apps), "CHATLAKE_FAIL_ON": "never",
		},
		Payload: event,
		Logger:  func(slog.Level) *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) },
	})
	if err != nil && summary.Status != handler.Failed {
		w.t.Fatal(err)
	}
	return summary
}

func (w *world) lake() *storage.Lake { return storage.NewLake(storage.NewDir(w.dir), "", false) }

// damage makes a day's file unreadable.
func (w *world) damage(day stats.Day) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, filepath.FromSlash(storage.PartitionKey(day))), []byte("PAR1 no more"), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(days int) *report.Report {
	w.t.Helper()
	return read(w.t, w.lake(), days, made)
}

func read(t testing.TB, lake *storage.Lake, days int, now time.Time) *report.Report {
	t.Helper()
	r, err := report.Read(t.Context(), lake, "file:///srv/lake", days, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t testing.TB, r *report.Report) []byte {
	t.Helper()
	var page bytes.Buffer
	if err := r.Write(&page); err != nil {
		t.Fatal(err)
	}
	return page.Bytes()
}

// bad makes an app's answers of some days, counted as in run, an API error.
func bad(app int64, from, to int, code int) func(chattest.Call, int) *chattest.Fault {
	return func(c chattest.Call, day int) *chattest.Fault {
		if c.App != app || day < from || day > to {
			return nil
		}
		return &chattest.Fault{Code: code, Info: "made to fail"}
	}
}

// rows changes each row of an app's answers; nil leaves it out.
func rows(app int64, change func(date string, row map[string]any) map[string]any) func(chattest.Call, int) *chattest.Fault {
	return func(c chattest.Call, _ int) *chattest.Fault {
		if c.App != app {
			return nil
		}
		return &chattest.Fault{Rows: func(all []map[string]any) (kept []map[string]any) {
			for _, row := range all {
				if row = change(row["Date"].(string), row); row != nil {
					kept = append(kept, row)
				}
			}
			return kept
		}}
	}
}

// faults sets what goes wrong on a day: the first that is not nil.
func (w *world) faults(all ...func(chattest.Call, int) *chattest.Fault) {
	w.chat.SetFault(func(c chattest.Call) *chattest.Fault {
		day := int(stats.DayIn(*w.clock.Load(), time.UTC) - yesterday - 1)
		for _, f := range all {
			if fault := f(c, day); fault != nil {
				return fault
			}
		}
		return nil
	})
}

// troubled is a lake of 60 days of runs in which each thing has happened that a report tells of.
func troubled(t testing.TB) *world {
	w := newWorld(
		t,
		chattest.App{ID: 1400000001, Name: "Harbour Chat", Company: "Harbour Ltd"},
		chattest.App{ID: 1400000002, Name: "Harbour Support", Company: "Harbour Ltd", Size: 800},
		chattest.App{ID: 1400000003, Name: "海港聊天", Company: "海港科技", Size: 52000},
		chattest.App{ID: 1400000004, Name: "Lantern Live", Company: "Lantern Media", Size: 9000},
		chattest.App{ID: 1400000005, Name: "云帆课堂", Company: "云帆教育", Size: 21000, Since: yesterday - 19},
		chattest.App{ID: 1400000006, Name: "Tide <script>alert(1)</script>", Company: `"Tide" & Labs`, Size: 3000},
	)
	w.faults(
		bad(1400000002, -8, 0, 70003),
		bad(1400000004, -55, -18, 60006),
		rows(1400000001, func(date string, row map[string]any) map[string]any {
			if date == "20261103" || date == "20261104" {
				return nil
			}
			return row
		}),
		rows(1400000003, func(date string, row map[string]any) map[string]any {
			if date == "20261112" {
				row["UpMsgNum"] = "12.0"
			}
			return row
		}),
	)
	for day := -59; day <= 0; day++ {
		if day > -56 && day < -17 && day%8 != 0 {
			continue // a run pulls 30 days: what is missing is made up for
		}
		if day == -10 {
			w.apps = w.apps[:5]
		}
		w.run(day)
	}
	w.damage(yesterday - 30)
	return w
}
