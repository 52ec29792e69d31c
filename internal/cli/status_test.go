package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/handler"
	"chatlake/internal/stats"
	"chatlake/storage"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func day(text string) stats.Day {
	d, err := stats.ParseDay(text)
	if err != nil {
		panic(err)
	}
	return d
}

// left is a lake as runs have left it.
type left struct {
	t    *testing.T
	dir  string
	lake *storage.Lake
}

// onLake runs a test at a time, in a bubble of virtual time, on a lake that is empty yet.
func onLake(t *testing.T, now string, test func(*left)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at(now)))
		l := &left{t: t, dir: t.TempDir()}
		l.lake = storage.NewLake(storage.NewDir(l.dir), "", false)
		test(l)
	})
}

// run stores the summary of a run of a clock.
func (l *left) run(clock string, s handler.Summary) handler.Summary {
	l.t.Helper()
	started := at(clock)
	s.RunID, s.StartedAt = started.Format("20060102T150405Z")+"-0000abcd", clock
	if err := l.lake.PutRun(l.t.Context(), stats.DayIn(started, time.UTC), s.RunID, s.JSON()); err != nil {
		l.t.Fatal(err)
	}
	return s
}

// newest stores the summary of the newest run.
func (l *left) newest(clock string, s handler.Summary, coverage ...handler.Coverage) {
	l.t.Helper()
	text, err := json.Marshal(handler.Latest{Summary: l.run(clock, s), Coverage: coverage})
	if err == nil {
		err = l.lake.PutLatestRun(l.t.Context(), text)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// rows stores a row of each app on a day.
func (l *left) rows(on string, names map[int64]string) {
	l.t.Helper()
	var rows []stats.Row
	for app, name := range names {
		text, _ := json.Marshal(name)
		row, err := stats.Parse(app, fmt.Appendf(nil, `{"Date":%q,"AppName":%s}`, strings.ReplaceAll(on, "-", ""), text))
		if err != nil {
			l.t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if _, err := l.lake.Merge(l.t.Context(), day(on), rows, time.Now()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *left) status(args ...string) (code int, out string) {
	l.t.Helper()
	code, out, errs := run(l.t, []string{"CHATLAKE_LAKE=file://" + l.dir}, append([]string{"status"}, args...)...)
	if errs != "" {
		l.t.Errorf("stderr: %s", errs)
	}
	return code, strings.ReplaceAll(out, l.dir, "/srv/lake")
}

// TestStatusTables holds what is printed to a file each: go test -run TestStatusTables ./internal/cli -update.
func TestStatusTables(t *testing.T) {
	for name, test := range map[string]struct {
		now  string
		code int
		left func(l *left)
		args []string
	}{
		"one_app": {"2026-11-25T04:00:00Z", 0, func(l *left) {
			l.rows("2026-11-24", map[int64]string{1400000001: "Harbour Chat"})
			l.newest("2026-11-25T03:30:00Z", handler.Summary{Status: handler.OK, Trigger: "timer", Source: "api", DurationMS: 1830, Apps: handler.AppCounts{Total: 1, OK: 1}},
				handler.Coverage{AppID: 1400000001, First: day("2026-10-26"), Last: day("2026-11-24")})
		}, nil},
		"stopped": { // the timer was off for ten days: what no run has found is found
			"2026-12-05T04:00:00Z", 1, func(l *left) {
				l.rows("2026-11-24", map[int64]string{1400000001: "Harbour Chat", 1400000002: "海港聊天\x1b[31m"})
				l.newest("2026-11-25T03:30:00Z", handler.Summary{
					Status: handler.OK, Trigger: "timer", Source: "api", Apps: handler.AppCounts{Total: 2, OK: 2},
					Gaps: []handler.Gap{
						{AppID: 1400000002, From: day("2026-10-28"), To: day("2026-11-09"), LostAfter: day("2026-11-26")},
						{AppID: 1400000002, From: day("2026-11-12"), To: day("2026-11-12"), LostAfter: day("2026-12-11"), SourceLacks: true},
					},
				},
					handler.Coverage{AppID: 1400000001, First: day("2026-10-26"), Last: day("2026-11-24")},
					handler.Coverage{AppID: 1400000002, First: day("2026-10-26"), Last: day("2026-11-24")},
					handler.Coverage{AppID: 1400000003, First: day("2026-10-26"), Last: day("2026-11-20")})
			}, nil,
		},
		"many": {"2026-11-25T04:00:00Z", 1, func(l *left) { l.many(200) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			onLake(t, test.now, func(l *left) {
				test.left(l)
				code, out := l.status(test.args...)
				if code != test.code {
					t.Errorf("exit code %d, want %d", code, test.code)
				}
				golden(t, name, out)
			})
		})
	}
}

// many leaves a lake of so many apps, of which three lack days.
func (l *left) many(n int) {
	names := make(map[int64]string)
	var coverage []handler.Coverage
	for app := int64(1400000001); app <= 1400000000+int64(n); app++ {
		names[app] = fmt.Sprintf("应用 %d", app%1000)
		coverage = append(coverage, handler.Coverage{AppID: app, First: day("2026-01-01"), Last: day("2026-11-24")})
	}
	l.rows("2026-11-24", names)
	for d := range 12 {
		l.run(fmt.Sprintf("2026-11-%02dT03:30:00Z", 13+d), handler.Summary{Status: handler.OK, Trigger: "timer", Source: "api", DurationMS: 95_000, Apps: handler.AppCounts{Total: n, OK: n}})
	}
	gap := func(app int64, from, to string) handler.Gap {
		return handler.Gap{AppID: app, From: day(from), To: day(to), LostAfter: day(from) + 29}
	}
	l.newest("2026-11-25T03:30:00Z", handler.Summary{
		Status: handler.Partial, Trigger: "timer", Source: "api", DurationMS: 12_345, Apps: handler.AppCounts{Total: n, OK: n - 1, Failed: 1},
		Gaps: []handler.Gap{
			gap(1400000007, "2026-11-20", "2026-11-23"), gap(1400000042, "2026-10-29", "2026-10-29"), gap(1400000042, "2026-11-02", "2026-11-02"),
			gap(1400000042, "2026-11-04", "2026-11-04"), gap(1400000042, "2026-11-06", "2026-11-06"), gap(1400000099, "2026-10-20", "2026-10-21"),
		},
		Errors: []handler.RunError{{AppID: 1400000042, Stage: "pull", Code: 70003, Message: "the UserSig can't be parsed: check secret_key"}},
	}, coverage...)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%v: got\n%s\nwant\n%s", err, got, want)
	}
}

func TestStatusOfManyApps(t *testing.T) {
	onLake(t, "2026-11-25T04:00:00Z", func(l *left) {
		l.many(200)
		if _, out := l.status("--all"); strings.Count(out, "  应用 ") != 200 || strings.Contains(out, "more") {
			t.Errorf("--all shows %d apps:\n%s", strings.Count(out, "  应用 "), out)
		}
		code, out := l.status("--json")
		var s struct {
			NextLoss string `json:"next_loss"`
			Apps     []struct {
				Name     string
				DaysLeft *int `json:"days_left"`
				Gaps     []handler.Gap
			}
		}
		if err := json.Unmarshal([]byte(out), &s); err != nil || code != 1 || len(s.Apps) != 200 || s.NextLoss != "2026-11-27" || s.Apps[0].Name != "应用 42" || *s.Apps[0].DaysLeft != 2 || len(s.Apps[0].Gaps) != 4 || s.Apps[9].DaysLeft != nil {
			t.Errorf("exit code %d, %v: %+v", code, err, s)
		}
	})
}

// TestStatusExitCodes: what makes a status need attention, each alone.
func TestStatusExitCodes(t *testing.T) {
	covers := handler.Coverage{AppID: 1400000001, First: day("2026-01-01"), Last: day("2026-11-24")}
	ok := handler.Summary{Status: handler.OK}
	gapTo := func(from, to string) handler.Summary {
		s := ok
		s.Gaps = []handler.Gap{{AppID: 1400000001, From: day(from), To: day(to), LostAfter: day(from) + 29}}
		return s
	}
	gapFrom := func(from string) handler.Summary { return gapTo(from, from) }
	for name, test := range map[string]struct {
		clock string
		s     handler.Summary
		last  string // of the app; empty for the day before the run
		code  int
		says  string
	}{
		"well":                          {"2026-11-25T03:30:00Z", ok, "", 0, "All is well."},
		"before the daily run":          {"2026-11-24T03:30:00Z", ok, "2026-11-23", 0, "of which 0 lack days"},
		"a gap up to yesterday":         {"2026-11-25T03:30:00Z", gapTo("2026-11-21", "2026-11-24"), "2026-11-20", 0, "2026-11-20  2026-11-21 to 2026-11-24 (4)  25 days left"},
		"late":                          {"2026-11-23T15:00:00Z", ok, "2026-11-22", 1, "37 hours old"},
		"partial":                       {"2026-11-25T03:30:00Z", handler.Summary{Status: handler.Partial}, "", 1, "is partial"},
		"failed":                        {"2026-11-25T03:30:00Z", handler.Summary{Status: handler.Failed}, "", 1, "is failed"},
		"a gap, 7 days before its loss": {"2026-11-25T03:30:00Z", gapFrom("2026-11-03"), "", 0, "7 days left"},
		"a gap, 6 days before its loss": {"2026-11-25T03:30:00Z", gapFrom("2026-11-02"), "", 1, "6 days left"},
		"a gap on its last day":         {"2026-11-25T03:30:00Z", gapFrom("2026-10-27"), "", 1, "today is the last day"},
		"a gap that may go today":       {"2026-11-25T03:30:00Z", gapFrom("2026-10-26"), "", 1, "may be today"},
		"a gap that is lost":            {"2026-11-25T03:30:00Z", gapFrom("2026-10-25"), "", 0, "lost, unless"},
		"an app that left":              {"2026-11-25T03:30:00Z", ok, "2026-10-31", 0, "not in the configuration any more"},
	} {
		t.Run(name, func(t *testing.T) {
			onLake(t, "2026-11-25T04:00:00Z", func(l *left) {
				covers := covers
				if test.last != "" {
					covers.Last = day(test.last)
				}
				l.newest(test.clock, test.s, covers)
				if code, out := l.status(); code != test.code || !strings.Contains(out, test.says) {
					t.Errorf("exit code %d, want %d and %q:\n%s", code, test.code, test.says, out)
				}
			})
		})
	}
}

// TestStatusOfADamagedLake shows as much as can be seen.
func TestStatusOfADamagedLake(t *testing.T) {
	onLake(t, "2026-11-25T04:00:00Z", func(l *left) {
		l.run("2026-11-24T03:30:00Z", handler.Summary{Status: handler.OK})
		l.newest("2026-11-25T03:30:00Z", handler.Summary{Status: handler.OK}, handler.Coverage{AppID: 1400000001, First: day("2026-11-24"), Last: day("2026-11-24")})
		write := func(key, text string) {
			path := filepath.Join(l.dir, filepath.FromSlash(key))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("app_daily_stats/dt=2026-11-24/part-0.parquet", "PAR1")
		if code, out := l.status(); code != 1 || !strings.Contains(out, "dt=2026-11-24/part-0.parquet cannot be read") {
			t.Errorf("a damaged file: exit code %d:\n%s", code, out)
		}
		write("_runs/dt=2026-11-24/20261124T033000Z-0000abcd.json", "{")
		write("_runs/latest.json", "[")
		if code, out := l.status(); code != 1 || !strings.Contains(out, "latest.json, cannot be read") || !strings.Contains(out, "one of the newest runs cannot be read") ||
			!strings.Contains(out, "Newest run  20261125T033000Z-0000abcd, ok, 0 hours ago") {
			t.Errorf("damaged summaries: exit code %d:\n%s", code, out)
		}
		// A run whose summary could not be stored as the newest one is the newest all the same.
		l.newest("2026-11-24T03:30:00Z", handler.Summary{Status: handler.OK})
		l.run("2026-11-25T03:30:00Z", handler.Summary{Status: handler.Failed})
		if code, out := l.status(); code != 1 || !strings.Contains(out, "the newest run, 20261125T033000Z-0000abcd, is failed") {
			t.Errorf("exit code %d:\n%s", code, out)
		}
	})
}
