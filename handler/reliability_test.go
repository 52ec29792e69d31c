package handler_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tencentyun/scf-go-lib/functioncontext"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/cloud/cloudtest"
	"chatlake/storage/costest"
)

// TestFaultsOfTheAPI is how each kind of fault looks in the summary, and that a run without it makes good.
func TestFaultsOfTheAPI(t *testing.T) {
	header := http.Header{"Location": {"https://elsewhere.example/"}}
	for name, c := range map[string]struct {
		fault     chattest.Fault
		stage     string
		code      int
		retryable bool
		attempts  int
		says      string
	}{
		"called too often":      {chattest.Fault{Code: 60007}, "pull", 60007, true, 4, "lower CHATLAKE_QPS"},
		"a fault that passes":   {chattest.Fault{Code: 60008}, "pull", 60008, true, 4, "a later run pulls the same days again"},
		"the server's database": {chattest.Fault{Code: 130009}, "pull", 130009, true, 4, "a later run pulls the same days again"},
		"an unknown code":       {chattest.Fault{Code: 99999, Info: "so it is"}, "pull", 99999, true, 2, `the API answered 99999 "so it is"`},
		"UserSig expired":       {chattest.Fault{Code: 70001}, "pull", 70001, false, 2, "check the clock"},
		"a wrong key":           {chattest.Fault{Code: 70009}, "pull", 70009, false, 1, "check secret_key"},
		"a wrong region":        {chattest.Fault{Code: 70020}, "pull", 70020, false, 1, "check that region is where the app was created"},
		"no admin":              {chattest.Fault{Code: 60010}, "pull", 60010, false, 1, "set identifier"},
		"an expired plan":       {chattest.Fault{Code: 60020}, "pull", 60020, false, 1, "renew the plan"},
		"an address":            {chattest.Fault{Code: 60021}, "pull", 60021, false, 1, "allow list"},
		"a malformed request":   {chattest.Fault{Code: 60002}, "pull", 60002, false, 1, "check endpoint and sdk_app_id"},
		"HTTP 502":              {chattest.Fault{Status: 502}, "pull", 0, true, 4, "HTTP status 502"},
		"HTTP 403":              {chattest.Fault{Status: 403}, "pull", 0, false, 1, "check region or endpoint"},
		"a redirect":            {chattest.Fault{Status: 302, Header: header}, "pull", 0, false, 1, "a redirect, which is not followed"},
		"HTML":                  {chattest.Fault{Body: []byte("<html>sign in")}, "parse", 0, true, 4, "not the JSON object"},
		"half an answer":        {chattest.Fault{Body: []byte(`{"ErrorCode":0,"Result":[{"Date":"2026`)}, "parse", 0, true, 4, "not the JSON object"},
		"an odd Result":         {chattest.Fault{Body: []byte(`{"ErrorCode":0,"Result":"none"}`)}, "parse", 0, true, 4, "Result is not an array"},
		"too long an answer":    {chattest.Fault{Body: bytes.Repeat([]byte(" "), 17<<20)}, "parse", 0, false, 1, "the answer is longer than"},
		"a cut connection":      {chattest.Fault{Drop: true}, "pull", 0, true, 4, "check that the function can reach"},
		"silence":               {chattest.Fault{Hang: true}, "pull", 0, true, 4, "no whole answer within the call's time"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.chat.SetFault(func(call chattest.Call) *chattest.Fault {
					if call.App == 1400000002 {
						return &c.fault
					}
					return nil
				})
				s, err := w.runFor(5*time.Minute, w.timer())
				if err == nil || s.Status != handler.Partial || s.Apps.OK != 2 || s.Rows.Inserted != 60 || len(s.Errors) != 1 {
					t.Fatalf("%v %s", err, s.JSON())
				}
				e := s.Errors[0]
				if e.AppID != 1400000002 || e.Stage != c.stage || e.Code != c.code || e.Retryable != c.retryable ||
					e.Attempts != c.attempts || !strings.Contains(e.Message, c.says) {
					t.Errorf("error %+v", e)
				}
				w.chat.SetFault(nil)
				if s := w.mustRun(w.timer()); s.Rows.Inserted != 30 || len(s.Gaps) != 0 {
					t.Errorf("the next run: %s", s.JSON())
				}
			})
		})
	}
}

// TestOutageOfTheAPI: 29 daily runs in a row may fail for all apps.
func TestOutageOfTheAPI(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		w.chat.SetFault(func(chattest.Call) *chattest.Fault { return &chattest.Fault{Status: 503} })
		s := w.runDaily(29)
		wantGaps(t, s, 1400000001, "2026-11-25..2026-12-23 until 2026-12-24")
		if got := about(s, 1400000001); s.Status != handler.Failed || !strings.Contains(got, "(0 days left)") {
			t.Errorf("on the last day, %q: %s", got, s.JSON())
		}
		w.chat.SetFault(nil)
		if s := w.runDaily(1); s.Status != handler.OK || s.Rows.Inserted != 90 || len(s.Gaps) != 0 {
			t.Errorf("afterwards: %s", s.JSON())
		}
	})
}

// TestOutageOfCOS: all requests fail, or all but those of the lease.
func TestOutageOfCOS(t *testing.T) {
	for name, c := range map[string]struct {
		spared string // what is served
		calls  int
	}{"from the start": {"nothing", 0}, "after the lease": {"_lock/", 3}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.mustRun(w.timer())
				before, calls := w.table(), len(w.chat.Calls())
				time.Sleep(24 * time.Hour)
				w.bucket.SetFault(func(r costest.Request) costest.Fault {
					if strings.Contains(r.Key, c.spared) {
						return costest.Fault{}
					}
					return costest.Fault{Status: 503, Code: "SlowDown"}
				})
				s, err := w.runFor(15*time.Minute, w.timer())
				if err == nil || s.Status != handler.Failed || len(w.chat.Calls())-calls != c.calls {
					t.Errorf("%d calls, %v %s", len(w.chat.Calls())-calls, err, s.JSON())
				}
				if !slices.ContainsFunc(s.Errors, func(e handler.RunError) bool {
					return e.Stage == "store" && e.Retryable && strings.Contains(e.Message, "SlowDown")
				}) {
					t.Errorf("errors %+v", s.Errors)
				}
				w.bucket.SetFault(nil)
				if got := changed(before, w.table()); len(got) != 0 {
					t.Errorf("changed %v", got)
				}
				time.Sleep(30 * time.Minute) // a lease that could not be released ends by itself
				if s := w.mustRun(w.timer()); s.Rows.Inserted != 3 || len(s.Gaps) != 0 {
					t.Errorf("afterwards: %s", s.JSON())
				}
			})
		})
	}
}

// TestSlowCOS: each request takes 5 s, or longer than one attempt may.
func TestSlowCOS(t *testing.T) {
	inWorld(t, func(w *world) {
		w.bucket.SetFault(func(costest.Request) costest.Fault { return costest.Fault{Delay: 5 * time.Second} })
		if s, err := w.runFor(15*time.Minute, w.timer()); err != nil || s.Status != handler.OK || s.Rows.Inserted != 90 {
			t.Errorf("slow: %v %s", err, s.JSON())
		}
		w.bucket.SetFault(func(costest.Request) costest.Fault { return costest.Fault{Delay: time.Minute} })
		began := time.Now()
		s, err := w.runFor(15*time.Minute, w.timer())
		if err == nil || s.Status != handler.Failed ||
			!strings.Contains(s.Errors[0].Message, "COS gave no whole answer within the attempt's time") || time.Since(began) >= 15*time.Minute {
			t.Errorf("too slow: %v %s", err, s.JSON())
		}
	})
}

// TestNoListing: only a replay lists, since a listing may be behind.
func TestNoListing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		w.bucket.SetFault(func(r costest.Request) costest.Fault {
			if r.Key == "" {
				return costest.Fault{Status: 403, Code: "AccessDenied"}
			}
			return costest.Fault{}
		})
		if s := w.runDaily(2); s.Status != handler.OK || s.Rows.Inserted != 3 {
			t.Errorf("a daily run: %s", s.JSON())
		}
		if s, err := w.run(`{"source":"raw"}`); err == nil || s.Status != handler.Failed ||
			!strings.Contains(s.Errors[0].Message, "the raw archive could not be listed") {
			t.Errorf("a replay: %v %s", err, s.JSON())
		}
	})
}

func TestVersionedBucket(t *testing.T) {
	inWorld(t, func(w *world) {
		w.bucket = costest.New(costest.Options{Credentials: []costest.Credentials{bucketKey}, Versioned: true})
		w.routes[bucketHost] = w.bucket
		if s := w.mustRun(w.timer()); len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "the bucket ignores x-cos-forbid-overwrite") {
			t.Errorf("warnings %v", s.Warnings)
		}
	})
}

// TestTwoRunsAtOnce: the second waits for the first, and gives up in time where that takes too long.
func TestTwoRunsAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.chat.SetFault(func(chattest.Call) *chattest.Fault { return &chattest.Fault{Delay: 10 * time.Second} })
		event := w.timer()
		first := make(chan handler.Summary)
		go func() {
			s, _ := w.runFor(5*time.Minute, event)
			first <- s
		}()
		time.Sleep(time.Second)
		s, err := w.runFor(8*time.Second, event)
		if err == nil || s.Status != handler.Failed || s.Errors[0].Stage != "store" || !s.Errors[0].Retryable ||
			!strings.Contains(err.Error(), "is writing to the lake, or was killed while it did") {
			t.Errorf("with no time to wait: %v %s", err, s.JSON())
		}
		calls := len(w.chat.Calls())
		if s := w.mustRun(event); s.Rows.Unchanged != 90 || calls != 3 {
			t.Errorf("after waiting, %d calls before it: %s", calls, s.JSON())
		}
		if s := <-first; s.Status != handler.OK || s.Rows.Inserted != 90 {
			t.Errorf("the first: %s", s.JSON())
		}
	})
}

// TestDamagedArchiveObject: a replay goes on without what cannot be read, and says so.
func TestDamagedArchiveObject(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		w.runDaily(1)
		before := w.everyRow()
		w.drop("app_daily_stats/")
		key := w.bucket.Keys(prefix + "_raw/dt=2026-11-25/")[0]
		body, _ := w.bucket.Get(key)
		w.bucket.Put(key, body[:len(body)/2])
		s, err := w.run(`{"source":"raw"}`)
		if err != nil || s.Status != handler.Partial || len(s.Errors) != 1 || s.Errors[0].Stage != "archive" || !strings.Contains(s.Errors[0].Message, key) {
			t.Errorf("%v %+v", err, s.Errors)
		}
		// The day that the other run did not pull any more is missing.
		if after := w.everyRow(); len(after) != len(before)-3 || after["2026-11-25 1400000001"] != before["2026-11-25 1400000001"] {
			t.Errorf("%d rows before, %d after", len(before), len(after))
		}
	})
}

// TestOutageOfSecretsManager: the apps, or the key of one of them, are in it.
func TestOutageOfSecretsManager(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		s := w.withCloud(cloudtest.Options{})
		s.SetFault(func(cloudtest.Call) *cloudtest.Fault { return &cloudtest.Fault{Status: 503} })
		list, calls := w.env["CHATLAKE_APPS"], len(w.chat.Calls())
		w.env["CHATLAKE_APPS"] = "ssm:apps"
		summary, err := w.runFor(15*time.Minute, w.timer())
		if err == nil || summary.Status != handler.Failed || summary.Errors[0].Stage != "config" || len(w.chat.Calls()) != calls {
			t.Errorf("the apps: %v %s", err, summary.JSON())
		}
		w.env["CHATLAKE_APPS"] = strings.Replace(list, "secret-of-app-1", "ssm:one", 1)
		summary, err = w.runFor(15*time.Minute, w.timer())
		if err == nil || summary.Status != handler.Partial || summary.Apps.OK != 2 || summary.Errors[0].AppID != 1400000001 ||
			summary.Errors[0].Stage != "config" || !summary.Errors[0].Retryable {
			t.Errorf("a key: %v %s", err, summary.JSON())
		}
	})
}

// TestVanishedField: what the API no longer has stays as it was, and is NULL in new rows.
func TestVanishedField(t *testing.T) {
	inWorld(t, func(w *world) {
		w.mustRun(w.timer())
		w.chat.SetFault(func(chattest.Call) *chattest.Fault {
			return &chattest.Fault{Rows: func(rows []map[string]any) []map[string]any {
				for _, r := range rows {
					delete(r, "ActiveUserNum")
					r["AppName"] = ""
				}
				return rows
			}}
		})
		s := w.runDaily(1)
		if s.Status != handler.OK || s.Rows.Inserted != 3 {
			t.Errorf("summary %s", s.JSON())
		}
		if now := w.rows("2026-11-25")[1400000001]; now.Active != nil || now.AppName != nil || now.Up == nil {
			t.Errorf("the new row: %+v", now)
		}
		for d := s.Window.From; d < s.Window.To; d++ {
			if row := w.rows(d.String())[1400000001]; row.Active == nil || row.AppName == nil {
				t.Errorf("the row of %s: %+v", d, row)
			}
		}
		w.chat.SetFault(nil)
		w.mustRun(w.timer())
		if now := w.rows("2026-11-25")[1400000001]; now.Active == nil || *now.Revision != 2 {
			t.Errorf("when it came back: %+v", now)
		}
	})
}

// TestReplayWithoutADisk: a replay keeps in memory what it cannot keep in /tmp.
func TestReplayWithoutADisk(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	inWorldAlone(t, func(w *world) {
		w.mustRun(w.timer())
		before := w.everyRow()
		w.drop("app_daily_stats/")
		t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
		if s := w.mustRun(`{"source":"raw"}`); s.Rows.Inserted != 90 || !maps.Equal(before, w.everyRow()) {
			t.Errorf("summary %s", s.JSON())
		}
	})
}

// TestMemoryLimit: the collector is told of the limit at which the platform kills the process.
func TestMemoryLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	ctx := functioncontext.NewContext(t.Context(), &functioncontext.FunctionContext{MemoryLimitInMb: 640})
	f := handler.NewFunction(nil, io.Discard, nil)
	if _, err := f.Invoke(ctx, nil); err == nil {
		t.Error("a function without a configuration runs")
	}
	if got, most := debug.SetMemoryLimit(-1), int64(640)<<20; got >= most || got < most*8/10 {
		t.Errorf("the limit is %d bytes of %d", got, most)
	}
}

// TestRetriesAfterAKill: SCF retries a run twice, a minute apart, and the second retry has the time to wait for the lease.
func TestRetriesAfterAKill(t *testing.T) {
	inWorld(t, func(w *world) {
		event := w.timer()
		var dead atomic.Bool // from then on nothing that the run does has an effect
		w.bucket.SetFault(func(costest.Request) costest.Fault { return costest.Fault{Drop: dead.Load()} })
		w.chat.SetFault(func(chattest.Call) *chattest.Fault {
			dead.Store(true)
			return &chattest.Fault{Drop: true}
		})
		began := time.Now()
		w.runFor(15*time.Minute, event)
		time.Sleep(time.Until(began.Add(time.Minute)))
		w.bucket.SetFault(nil)
		w.chat.SetFault(nil)
		if s, err := w.runFor(15*time.Minute, event); err == nil || s.Apps.OK > 0 || !strings.Contains(err.Error(), "or was killed while it did") {
			t.Errorf("the first retry: %v %s", err, s.JSON())
		}
		time.Sleep(time.Minute)
		if s, err := w.runFor(15*time.Minute, event); err != nil || s.Status != handler.OK || s.Rows.Inserted != 90 {
			t.Errorf("the second: %v %s", err, s.JSON())
		}
	})
}

func TestADayToCome(t *testing.T) {
	inWorld(t, func(w *world) {
		w.chat.SetFault(func(c chattest.Call) *chattest.Fault {
			return &chattest.Fault{Rows: func(rows []map[string]any) []map[string]any {
				if c.App == 1400000001 {
					rows = append(rows, map[string]any{"Date": "20261125", "UpMsgNum": "1"}, map[string]any{"Date": "20261201", "UpMsgNum": "2"})
				}
				return rows
			}}
		})
		s := w.mustRun(w.timer())
		if got := about(s, 1400000001); !strings.Contains(got, "the API gave rows of days to come, which were stored: 2026-12-01") || len(s.Warnings) != 1 {
			t.Errorf("warnings %v", s.Warnings)
		}
		today, later := w.rows("2026-11-25")[1400000001], w.rows("2026-12-01")[1400000001]
		if today.Up == nil || later.Up == nil || *later.Up != 2 || len(s.Gaps) != 0 {
			t.Errorf("today %+v, later %+v, gaps %v", today, later, s.Gaps)
		}
	})
}

func TestRejectsThatCannotBeStored(t *testing.T) {
	inWorld(t, func(w *world) {
		w.revise(1400000001, day("2026-11-10"), map[string]any{"UpMsgNum": "many"})
		w.bucket.SetFault(func(r costest.Request) costest.Fault {
			if strings.Contains(r.Key, "_rejects/") {
				return costest.Fault{Status: 403, Code: "AccessDenied"}
			}
			return costest.Fault{}
		})
		s, err := w.run(w.timer())
		if err != nil || s.Status != handler.Partial || s.Rows.Inserted != 89 || len(s.Errors) != 1 ||
			s.Errors[0].Stage != "archive" || !strings.Contains(s.Errors[0].Message, "the refused rows could not be stored") {
			t.Errorf("%v %s", err, s.JSON())
		}
	})
}
