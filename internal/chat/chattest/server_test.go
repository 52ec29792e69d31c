package chattest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

func dates(a answer) (all []string) {
	for _, row := range a.Result {
		all = append(all, row["Date"].(string))
	}
	return all
}

func TestServesTheLast30Days(t *testing.T) {
	for _, test := range []struct {
		now         time.Time
		today       bool
		first, last string
		rows        int
	}{
		{now, false, "20261026", "20261124", 30},
		{now, true, "20261026", "20261125", 31},
		{time.Date(2026, 11, 24, 15, 59, 59, 0, time.UTC), false, "20261025", "20261123", 30},
		{time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC), false, "20261026", "20261124", 30}, // midnight in Beijing
	} {
		s := chattest.New(chattest.Options{Apps: []chattest.App{even, odd}, Now: fixed(test.now), Today: test.today})
		for _, app := range []chattest.App{even, odd} {
			got := good(t, app).do(t, s)
			got.serve(t, test.rows)
			all := dates(got)
			if slices.IsSorted(all) {
				t.Errorf("app %d: ascending", app.ID)
			}
			if again := dates(good(t, app).do(t, s)); !slices.Equal(again, all) {
				t.Errorf("app %d: another order: %v, then %v", app.ID, all, again)
			}
			slices.Sort(all)
			if all = slices.Compact(all); len(all) != test.rows || all[0] != test.first || all[len(all)-1] != test.last {
				t.Errorf("%v: %d days from %s to %s", test.now, len(all), all[0], all[len(all)-1])
			}
		}
	}
}

func TestRequestField(t *testing.T) {
	s := chattest.New(chattest.Options{Apps: []chattest.App{even}, Now: fixed(now)})
	for body, want := range map[string][]string{
		`{}`:                                   stats.FieldNames(),
		`{"RequestField":["UpMsgNum"]}`:        {"Date", "UpMsgNum"},
		`{"RequestField":["Date"]}`:            {"Date"},
		`{"RequestField":["AppId","Date"]}`:    {"AppId", "Date"},
		`{"RequestField":["Company","AppId"]}`: {"AppId", "Company", "Date"},
	} {
		c := good(t, even)
		c.body = body
		got := c.do(t, s)
		got.serve(t, 30)
		for _, row := range got.Result {
			var names []string
			for name, value := range row {
				names = append(names, name)
				if _, ok := value.(string); !ok {
					t.Errorf("%s is %v, no string", name, value)
				}
			}
			if slices.Sort(names); !slices.Equal(names, want) {
				t.Fatalf("%s: got %v, want %v", body, names, want)
			}
		}
	}
}

func TestAppWithoutData(t *testing.T) {
	for id, want := range map[int64]string{
		1400000001: `{"ErrorCode":0,"ErrorInfo":"OK","Result":null}`,
		1400000002: `{"ErrorCode":0,"ErrorInfo":"OK","Result":[]}`,
		1400000003: `{"ErrorCode":0,"ErrorInfo":"OK"}`,
	} {
		app := chattest.App{ID: id, Key: key, Since: day(t, "2026-11-25")}
		s := chattest.New(chattest.Options{Apps: []chattest.App{app}, Now: fixed(now)})
		if got := good(t, app).do(t, s).body; strings.TrimSpace(got) != want {
			t.Errorf("app %d: got %s, want %s", id, got, want)
		}
	}
}

func TestSetAndData(t *testing.T) {
	s := chattest.New(chattest.Options{Now: fixed(now)})
	good(t, even).do(t, s).refuse(t, 70020)
	s.SetApps(even)
	good(t, even).do(t, s).serve(t, 30)
	s.SetData(func(app chattest.App, d stats.Day, asOf time.Time) map[string]any {
		if app.ID != even.ID || !asOf.Equal(now) {
			t.Errorf("asked for app %d as of %v", app.ID, asOf)
		}
		if d != day(t, "2026-11-20") {
			return nil
		}
		return map[string]any{"UpMsgNum": 7, "QQ": "x<y"}
	})
	got := good(t, even).do(t, s)
	got.serve(t, 1)
	if want := `[{"Date":"20261120","QQ":"x<y","UpMsgNum":7}]`; !strings.Contains(got.body, want) {
		t.Errorf("got %s, want %s", got.body, want)
	}
	s.SetData(func(chattest.App, stats.Day, time.Time) map[string]any {
		return map[string]any{"Date": "2026-11-20", "UpMsgNum": "7", "LoginTimes": "8"}
	})
	c := good(t, even)
	c.body = `{"RequestField":["UpMsgNum"]}`
	if got, want := c.do(t, s).body, `[{"Date":"2026-11-20","UpMsgNum":"7"},`; !strings.Contains(got, want) {
		t.Errorf("got %.200s, want %s", got, want)
	}
	s.SetData(nil)
	good(t, even).do(t, s).serve(t, 30)
}

func TestCalls(t *testing.T) {
	s := chattest.New(chattest.Options{Apps: []chattest.App{even, odd}, Now: fixed(now)})
	good(t, even).do(t, s)
	good(t, odd).do(t, s)
	bad := good(t, even)
	bad.method, bad.body = http.MethodPut, `{"RequestField":["Date"]}`
	bad.do(t, s)
	var got []string
	for _, c := range s.Calls() {
		got = append(got, fmt.Sprint(c.App, c.N, c.NApp, c.Fields))
	}
	if want := []string{"1400000002 1 1 []", "1400000003 2 1 []", "1400000002 3 2 [Date]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQPS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := chattest.New(chattest.Options{Apps: []chattest.App{even, odd}, Now: fixed(now), QPS: 3})
		one, other := good(t, even), good(t, odd)
		one.do(t, s).serve(t, 30)
		time.Sleep(600 * time.Millisecond) // of the bubble's clock
		one.do(t, s).serve(t, 30)
		other.do(t, s).serve(t, 30)
		one.do(t, s).refuse(t, 60007)
		time.Sleep(400 * time.Millisecond) // the first one is a second old
		other.do(t, s).refuse(t, 60011)    // the fourth, since the refused one counts
		time.Sleep(time.Second)
		one.do(t, s).serve(t, 30)
		if got := s.PeakPerSecond(); got != 4 {
			t.Errorf("peak %d, want 4", got)
		}
	})
}

func TestConcurrentCalls(t *testing.T) {
	s := chattest.New(chattest.Options{Apps: []chattest.App{even}, Now: fixed(now)})
	s.SetFault(func(chattest.Call) *chattest.Fault { s.Calls(); return nil })
	c := good(t, even)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { c.do(t, s) })
	}
	wg.Wait()
	seen := map[int]bool{}
	for _, c := range s.Calls() {
		seen[c.N] = true
	}
	if len(seen) != 50 || s.PeakPerSecond() < 1 {
		t.Errorf("%d calls, peak %d", len(seen), s.PeakPerSecond())
	}
}
