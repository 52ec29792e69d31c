package handler_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
	"chatlake/storage/costest"
)

// show writes the gaps of an app as an operator would note them.
func show(s handler.Summary, app int64) string {
	var parts []string
	for _, g := range s.Gaps {
		if g.AppID != app {
			continue
		}
		text := g.From.String() + ".." + g.To.String() + " until " + g.LostAfter.String()
		if g.Lost {
			text += " lost"
		}
		if g.SourceLacks {
			text += " source"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// about returns the warnings that name an app.
func about(s handler.Summary, app int64) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(s.Warnings), func(w string) bool {
		return !strings.HasPrefix(w, fmt.Sprintf("app %d", app))
	}), "; ")
}

func wantGaps(t *testing.T, s handler.Summary, app int64, want string) {
	t.Helper()
	if got := show(s, app); got != want {
		t.Errorf("app %d on %s: gaps %q, want %q", app, s.StartedAt, got, want)
	}
}

func TestAnAppThatFailsFor40Days(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["CHATLAKE_FAIL_ON"] = "all"
		s := w.mustRun(w.timer())
		wantGaps(t, s, 1400000001, "")
		w.failApp(1400000001)
		s = w.runDaily(5)
		wantGaps(t, s, 1400000001, "2026-11-25..2026-11-29 until 2026-12-24")
		if got := about(s, 1400000001); got != "" {
			t.Errorf("too early a warning: %s", got)
		}
		s = w.runDaily(19) // 12-19: the first day is lost after 12-24, in 5 days
		wantGaps(t, s, 1400000001, "2026-11-25..2026-12-18 until 2026-12-24")
		if got := about(s, 1400000001); !strings.Contains(got, "5 days left") || !strings.Contains(got, "2026-11-25 to 2026-12-18") {
			t.Errorf("warning %q", got)
		}
		s = w.runDaily(16)
		wantGaps(t, s, 1400000001, "2026-11-25..2026-12-04 until 2026-12-24 lost, 2026-12-05..2027-01-03 until 2027-01-03")
		wantGaps(t, s, 1400000002, "")

		// It comes back: what the API still has is filled, what it has not stays known, for ever.
		w.chat.SetFault(nil)
		s = w.runDaily(1)
		wantGaps(t, s, 1400000001, "2026-11-25..2026-12-05 until 2026-12-24 lost")
		s = w.runDaily(40)
		wantGaps(t, s, 1400000001, "2026-11-25..2026-12-05 until 2026-12-24 lost")
		if got := about(s, 1400000001); got != "" {
			t.Errorf("what is lost can't be helped: %s", got)
		}
	})
}

func TestNoRunForALongTime(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		time.Sleep(44 * 24 * time.Hour)
		s := w.runDaily(1) // 2027-01-09: the window begins on 12-10
		wantGaps(t, s, 1400000001, "2026-11-25..2026-12-09 until 2026-12-24 lost")
		s = w.runDaily(1)
		wantGaps(t, s, 1400000001, "2026-11-25..2026-12-09 until 2026-12-24 lost")
	})
}

func TestWhatTheSourceLacks(t *testing.T) {
	inWorld(t, func(w *world) {
		idle := map[int64][]stats.Day{
			1400000001: {day("2026-11-10"), day("2026-11-11")}, // within what it has
			1400000002: nil,                                    // nothing at all, below
		}
		w.chat.SetData(func(a chattest.App, d stats.Day, asOf time.Time) map[string]any {
			if a.ID == 1400000002 || slices.Contains(idle[a.ID], d) {
				return nil
			}
			return chattest.Values(a, d, asOf)
		})
		s := w.mustRun(w.timer())
		wantGaps(t, s, 1400000001, "2026-11-10..2026-11-11 until 2026-12-09 source")
		wantGaps(t, s, 1400000002, "")
		wantGaps(t, s, 1400000003, "")

		// When its answer did not come, nobody can say so.
		w.failApp(1400000001)
		s = w.runDaily(1)
		wantGaps(t, s, 1400000001, "2026-11-10..2026-11-11 until 2026-12-09, 2026-11-25..2026-11-25 until 2026-12-24")

		// Past the window the mark that it left with stays.
		w.chat.SetFault(nil)
		s = w.runDaily(35)
		wantGaps(t, s, 1400000001, "2026-11-10..2026-11-11 until 2026-12-09 lost source")
		if got := about(s, 1400000001) + about(s, 1400000002); got != "" {
			t.Errorf("alarms of idle apps: %s", got)
		}
	})
}

func TestARefusedDayIsAGap(t *testing.T) {
	inWorld(t, func(w *world) {
		w.revise(1400000001, day("2026-11-10"), map[string]any{"UpMsgNum": "many"})
		s, _ := w.run(w.timer())
		wantGaps(t, s, 1400000001, "2026-11-10..2026-11-10 until 2026-12-09")
		w.chat.SetData(nil)
		s = w.runDaily(1)
		wantGaps(t, s, 1400000001, "")
	})
}

func TestAppsWithoutAnyRow(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["CHATLAKE_FAIL_ON"] = "all"
		w.failApp(1400000001)
		s, _ := w.run(w.timer())
		wantGaps(t, s, 1400000001, "2026-10-26..2026-11-24 until 2026-11-24")
		if got := about(s, 1400000001); !strings.Contains(got, "may forget the first of them today") {
			t.Errorf("warning %q", got)
		}
		s = w.runDaily(3)
		wantGaps(t, s, 1400000001, "2026-10-29..2026-11-27 until 2026-11-27")

		// A new app has no gap before its first day.
		w.chat.SetFault(nil)
		w.apps = append(w.apps, chattest.App{ID: 1400000004, Key: "secret-of-app-4", Region: "china", Since: day("2026-11-20")})
		w.chat.SetApps(w.apps...)
		w.env["CHATLAKE_APPS"] = w.appList()
		s = w.runDaily(1)
		wantGaps(t, s, 1400000004, "")
		wantGaps(t, s, 1400000001, "")
	})
}

func TestAnAppThatLeft(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		w.apps = w.apps[1:]
		w.env["CHATLAKE_APPS"] = w.appList()
		s := w.runDaily(1)
		if got := about(s, 1400000001); !strings.Contains(got, "2026-11-24") || !strings.Contains(got, "CHATLAKE_APPS") {
			t.Errorf("warning %q", got)
		}
		wantGaps(t, s, 1400000001, "")
		if s = w.runDaily(28); about(s, 1400000001) == "" {
			t.Error("no warning after 29 days")
		}
		if s = w.runDaily(2); about(s, 1400000001) != "" {
			t.Errorf("still after 31 days: %s", about(s, 1400000001))
		}
		if rows := w.rows("2026-11-24"); rows[1400000001].Active == nil {
			t.Error("its rows are gone")
		}
	})
}

func TestGapsWithoutTheNewestSummary(t *testing.T) {
	for name, latest := range map[string]string{"missing": "", "damaged": `{"run_id":`} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.env["CHATLAKE_FAIL_ON"] = "all"
				w.mustRun(w.timer())
				w.failApp(1400000002)
				w.runDaily(3)
				w.drop("_runs/latest.json")
				if latest != "" {
					w.bucket.Put(prefix+"_runs/latest.json", []byte(latest))
				}
				s := w.runDaily(1)
				wantGaps(t, s, 1400000002, "2026-11-25..2026-11-28 until 2026-12-24")
				if warned := strings.Contains(strings.Join(s.Warnings, "; "), "newest run's summary cannot be read"); warned != (latest != "") {
					t.Errorf("warnings %v", s.Warnings)
				}
				body, _ := w.bucket.Get(prefix + "_runs/latest.json")
				var stored struct{ Coverage []handler.Coverage }
				if err := json.Unmarshal(body, &stored); err != nil || len(stored.Coverage) != 3 || stored.Coverage[1].Last != day("2026-11-24") {
					t.Errorf("coverage %+v, %v", stored.Coverage, err)
				}
			})
		})
	}
}

func TestABackfillHealsAGap(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["CHATLAKE_FAIL_ON"] = "all"
		w.mustRun(w.timer())
		w.failApp(1400000003)
		w.runDaily(10)
		w.chat.SetFault(nil)
		s := w.mustRun(`{"apps":[1400000003],"from":"2026-11-27","to":"2026-11-30"}`)
		wantGaps(t, s, 1400000003, "2026-11-25..2026-11-26 until 2026-12-24, 2026-12-01..2026-12-04 until 2026-12-30")
		wantGaps(t, s, 1400000001, "")
		dry := w.mustRun(`{"dry_run":true}`)
		wantGaps(t, dry, 1400000003, "")
	})
}

// TestARunThatIsAlwaysTooShort pulls one app in each run's time.
func TestARunThatIsAlwaysTooShort(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["CHATLAKE_FAIL_ON"] = "never"
		w.env["CHATLAKE_CONCURRENCY"] = "1"
		w.chat.SetFault(func(chattest.Call) *chattest.Fault { return &chattest.Fault{Delay: 6 * time.Second} })
		pulled := make(map[int64]int)
		for range 6 {
			time.Sleep(24 * time.Hour)
			s, _ := w.runFor(13*time.Second, w.timer())
			if s.Apps.OK != 1 {
				t.Fatalf("summary %s", s.JSON())
			}
			for _, app := range w.apps {
				if !slices.ContainsFunc(s.Errors, func(e handler.RunError) bool { return e.AppID == app.ID }) {
					pulled[app.ID]++
				}
			}
		}
		for _, app := range w.apps {
			if pulled[app.ID] != 2 {
				t.Errorf("app %d was pulled %d times in 6 runs", app.ID, pulled[app.ID])
			}
		}
	})
}

// TestWhatARunCannotReadIsNotForgotten: the file of a gap's day, on its last day in the window, and the newest summary.
func TestWhatARunCannotReadIsNotForgotten(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["CHATLAKE_FAIL_ON"] = "never"
		w.mustRun(w.timer())
		w.failApp(1400000001)
		w.runDaily(1)
		w.chat.SetFault(func(c chattest.Call) *chattest.Fault {
			return &chattest.Fault{Rows: func(rows []map[string]any) []map[string]any {
				return slices.DeleteFunc(rows, func(r map[string]any) bool { return c.App == 1400000001 && r["Date"] == "20261125" })
			}}
		})
		w.runDaily(28)
		for _, denied := range []string{"dt=2026-11-25/part-0", "_runs/latest.json"} {
			w.bucket.SetFault(func(r costest.Request) costest.Fault {
				if r.Method == http.MethodGet && strings.Contains(r.Key, denied) {
					return costest.Fault{Status: 403, Code: "AccessDenied"}
				}
				return costest.Fault{}
			})
			w.runDaily(1)
		}
		w.bucket.SetFault(nil)
		s := w.runDaily(1)
		wantGaps(t, s, 1400000001, "2026-11-25..2026-11-25 until 2026-12-24 lost source")
	})
}

// TestADayThatWasNeverThereAndCannotBeRead: the app fails, and so does the reading of its newest day.
func TestADayThatWasNeverThereAndCannotBeRead(t *testing.T) {
	inWorld(t, func(w *world) {
		w.env["CHATLAKE_FAIL_ON"] = "never"
		w.mustRun(w.timer())
		w.failApp(1400000001)
		w.bucket.SetFault(func(r costest.Request) costest.Fault {
			if r.Method == http.MethodGet && strings.Contains(r.Key, "dt=2026-11-25/part-0") {
				return costest.Fault{Status: 403, Code: "AccessDenied"}
			}
			return costest.Fault{}
		})
		s := w.runDaily(1)
		wantGaps(t, s, 1400000001, "2026-11-25..2026-11-25 until 2026-12-24")
		for _, e := range s.Errors {
			if e.Day != nil && e.Retryable {
				t.Errorf("a right that is missing will not come by itself: %+v", e)
			}
		}
	})
}

// TestADayOfAFirstRunThatCannotBeStored is a gap, as if the lake had had rows before.
func TestADayOfAFirstRunThatCannotBeStored(t *testing.T) {
	for _, denied := range []string{"2026-11-19", "2026-11-24"} {
		t.Run(denied, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.bucket.SetFault(func(r costest.Request) costest.Fault {
					if r.Method == http.MethodPut && strings.Contains(r.Key, "dt="+denied+"/part-0") {
						return costest.Fault{Status: 403, Code: "AccessDenied"}
					}
					return costest.Fault{}
				})
				s, err := w.run(w.timer())
				if err == nil {
					t.Error("the run did not fail")
				}
				for _, app := range w.apps {
					wantGaps(t, s, app.ID, denied+".."+denied+" until "+(day(denied)+29).String())
				}
				// A definite answer leaves nothing that may land later: the next run need not wait.
				began := time.Now()
				w.run(w.timer())
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("the next run waited: it took %v", took)
				}
			})
		})
	}
}
