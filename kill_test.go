package main_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/scftest"
)

var killAll = flag.Bool("kill.all", false, "kill a run at each of its requests, not at each write and some of the reads")

// TestKill kills the process of a run at its requests to COS, one after the other, before the request has an effect and
// after it but before its answer. Each time every file is as it was or complete, and the next run makes good.
func TestKill(t *testing.T) {
	k := newKilling(t)
	for _, s := range []*story{k.emptyLake(), k.knownLake(), k.damagedLake()} {
		t.Run(s.name, func(t *testing.T) {
			whole := s.run(t, newLake(s.before), s.event)
			if len(whole.changed(s.before)) < 3 {
				t.Fatalf("the run changes %q alone", whole.changed(s.before))
			}
			points := whole.requests
			if !*killAll {
				points = someOf(points)
			}
			t.Logf("the run makes %d requests; it is killed twice at each of %d", len(whole.requests), len(points))
			for _, point := range points {
				for _, after := range []bool{false, true} {
					name := map[bool]string{false: "before ", true: "after "}[after] + strings.ReplaceAll(point, "/", ":")
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						s.kill(t, whole, point, after)
					})
				}
			}
		})
	}
}

// someOf chooses each write, and a sixth of the reads.
func someOf(points []string) (some []string) {
	slices.Sort(points) // a run's requests are made side by side
	for i, point := range points {
		if strings.HasPrefix(point, http.MethodPut) || i%6 == 0 {
			some = append(some, point)
		}
	}
	return some
}

// story is a lake, a run that changes it, and the run after that.
type story struct {
	name        string
	binary, api string
	ports       *sync.Mutex       // held while one is opened: a function's is free for a moment before it has it
	before      map[string]string // objects of the bucket
	unreadable  string            // one of them, of the table
	event, next string
	nextClock   time.Time
}

// run lets a new process run an event, which must do all that it was asked.
func (s *story) run(t *testing.T, l *lake, event string) *lake {
	t.Helper()
	answer, err := s.invoke(t, l, event, "", false)
	var summary handler.Summary
	if err == nil {
		err = json.Unmarshal(answer, &summary)
	}
	if err != nil || summary.Status != handler.OK || len(summary.Errors)+len(summary.Gaps) > 0 || len(summary.Warnings) > 0 && summary.Source == "api" {
		t.Fatalf("the run: %s, %v", answer, err)
	}
	return l
}

// invoke lets a new process run an event, and kills it at a request if one is given. On return, what was in flight has landed.
func (s *story) invoke(t *testing.T, l *lake, event, point string, after bool) ([]byte, error) {
	t.Helper()
	s.ports.Lock()
	function, err := scftest.Start(t.Context(), s.binary, nil)
	if err != nil {
		s.ports.Unlock()
		t.Fatal(err)
	}
	defer function.Stop()
	d := &door{bucket: l.bucket, point: point, after: after, kill: function.Kill}
	server := httptest.NewServer(d)
	s.ports.Unlock()
	apps := `{"sdk_app_id":%d,"secret_key":%q,"endpoint":%q}`
	answer, err := function.Invoke(scftest.Invocation{
		Event: []byte(event), Deadline: time.Now().Add(time.Minute),
		Environment: map[string]string{
			"CHATLAKE_LAKE":         server.URL + "/data",
			"CHATLAKE_APPS":         fmt.Sprintf("["+apps+","+apps+"]", killedApps[0].ID, killedApps[0].Key, s.api, killedApps[1].ID, killedApps[1].Key, s.api),
			"TENCENTCLOUD_SECRETID": killedKey.SecretID, "TENCENTCLOUD_SECRETKEY": killedKey.SecretKey, "TENCENTCLOUD_SESSIONTOKEN": killedKey.SessionToken,
		},
	})
	server.Close()
	l.requests, l.killed = d.seen, d.killed
	return answer, err
}

// kill kills the story's run at a request and lets the next run make good.
func (s *story) kill(t *testing.T, whole *lake, point string, after bool) {
	l := newLake(s.before)
	if answer, err := s.invoke(t, l, s.event, point, after); !l.killed {
		t.Fatalf("the run made %q and ended: %s, %v", l.requests, answer, err)
	}
	for key, body := range l.table() {
		if body != s.before[key] && body != whole.body(key) {
			t.Errorf("%s is neither as it was nor complete", key)
		} else if body != s.unreadable {
			rowsOf(t, body)
		}
	}
	for key := range s.before {
		if _, ok := l.bucket.Get(key); !ok {
			t.Errorf("%s is gone", key)
		}
	}
	s.checkAside(t, l)

	l.ahead.Add(int64(time.Hour / 2)) // past the end of the killed run's lease, by the server's clock
	s.run(t, l, s.next)
	s.sameRows(t, whole, l)
	s.checkAside(t, l)
}

// checkAside wants what a repair replaces to be kept, and nothing else beside the table.
func (s *story) checkAside(t *testing.T, l *lake) {
	t.Helper()
	aside := l.objects("data/_damaged/")
	for key, body := range aside {
		if body != s.unreadable {
			t.Errorf("%s is not what was replaced", key)
		}
	}
	lost := s.unreadable != ""
	for _, body := range l.table() {
		lost = lost && body != s.unreadable
	}
	if lost && len(aside) == 0 {
		t.Error("what was replaced was not kept")
	}
	if rejects := l.bucket.Keys("data/_rejects/"); len(rejects) > 0 {
		t.Errorf("%q were written", rejects)
	}
}

// sameRows holds a lake to one whose run was not killed. Only the times of what the killed run did not store are the next run's.
func (s *story) sameRows(t *testing.T, whole, l *lake) {
	want, got := whole.table(), l.table()
	if w, g := slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)); !slices.Equal(w, g) {
		t.Errorf("the table has %q, not %q", g, w)
	}
	for key, body := range got {
		rows, wanted := rowsOf(t, body), rowsOf(t, want[key])
		if len(rows) != len(wanted) {
			t.Errorf("%s has %d rows, not %d", key, len(rows), len(wanted))
			continue
		}
		for i, row := range rows {
			for column, value := range row {
				later := (column == "first_pulled_at" || column == "updated_at") && reflect.DeepEqual(value, s.nextClock.UnixMilli())
				if !later && !reflect.DeepEqual(value, wanted[i][column]) {
					t.Errorf("%s, row %d: %s is %v, not %v", key, i, column, value, wanted[i][column])
				}
			}
		}
	}
	type coverage struct{ Coverage json.RawMessage }
	var w, g coverage
	if err := errors.Join(json.Unmarshal([]byte(whole.body(latestRun)), &w), json.Unmarshal([]byte(l.body(latestRun)), &g)); err != nil {
		t.Error(err)
	} else if string(w.Coverage) != string(g.Coverage) {
		t.Errorf("the coverage is %s, not %s", g.Coverage, w.Coverage)
	}
}
