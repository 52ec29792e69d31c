package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/scftest"
	"chatlake/internal/stats"
	"chatlake/storage/costest"
)

var killAll = flag.Bool("kill.all", false, "kill a run at each of its requests, not at each write and some of the reads")

// TestKill kills the process of a run at its requests to COS, one after the other, before the request has an effect and
// after it but before its answer. Each time every file is as it was or complete, and the next run makes good.
func TestKill(t *testing.T) {
	k := newKilling(t)
	for name, s := range map[string]*story{
		"an empty lake": k.emptyLake(), "a lake with a new day and revised values": k.knownLake(), "a repair from the raw archive": k.damagedLake(),
	} {
		t.Run(name, func(t *testing.T) {
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
					when := "before"
					if after {
						when = "after"
					}
					t.Run(when+" "+point, func(t *testing.T) {
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

// kill kills the story's run at a request and lets the next run make good.
func (s *story) kill(t *testing.T, whole *lake, point string, after bool) {
	l := newLake(s.before)
	if err := s.killed(t, l, point, after); err == nil {
		t.Fatal("the run has answered")
	}
	if l.point != "" {
		t.Fatalf("the run has not made the request; it made %q", l.requests)
	}
	files := l.table()
	for key := range files {
		if body := files[key]; body != s.before[key] && body != whole.body(key) {
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

	l.ahead.Add(int64(time.Hour / 2)) // past the end of the killed run's lease, by the server's clock
	s.run(t, l, s.next)
	s.sameRows(t, whole, l)
	for _, key := range slices.Concat(l.bucket.Keys("data/_rejects/"), l.bucket.Keys("data/_damaged/")) {
		if body, _ := l.bucket.Get(key); string(body) != s.unreadable {
			t.Errorf("%s was written", key)
		}
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
