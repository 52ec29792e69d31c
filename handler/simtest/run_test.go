package simtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"chatlake/handler"
	"chatlake/internal/stats"
)

// ask is what a run is asked for.
type ask struct {
	timer       bool
	from, to    *stats.Day
	apps        []int64
	fields      []string
	replay, dry bool
}

func (a ask) wants(day stats.Day) bool {
	return (a.from == nil || day >= *a.from) && (a.to == nil || day <= *a.to)
}

func (a ask) wantsApp(app int64) bool { return a.apps == nil || slices.Contains(a.apps, app) }

func (a ask) payload(clock time.Time) string {
	keys := make(map[string]any)
	if a.from != nil {
		keys["from"] = *a.from
	}
	if a.to != nil {
		keys["to"] = *a.to
	}
	if a.apps != nil {
		keys["apps"] = a.apps
	}
	if a.fields != nil {
		keys["fields"] = a.fields
	}
	if a.replay {
		keys["source"] = "raw"
	}
	if a.dry {
		keys["dry_run"] = true
	}
	request, _ := json.Marshal(keys)
	if !a.timer {
		return string(request)
	}
	event, _ := json.Marshal(map[string]string{"Type": "Timer", "TriggerName": "daily", "Time": clock.Format(time.RFC3339), "Message": string(request)})
	return string(event)
}

// killPoint is the request at which a run is killed: the nth of those whose names begin so. 0 is never.
type killPoint struct {
	begins string
	nth    int
}

// run is a process that does one job, and what the oracle knows of it.
type run struct {
	w     *world
	n     int // 1 for the first of the world
	ask   ask
	clock time.Time
	after time.Duration // until it starts
	lasts time.Duration // from its start to its deadline
	raw   string        // CHATLAKE_RAW
	apps  []int64       // CHATLAKE_APPS

	faults float64 // how much fails
	kill   killPoint
	killed int // requests that the kill point has counted

	counts map[string]int // requests by name
	cancel context.CancelFunc
	dead   bool
	stuck  bool // each attempt of one of its requests failed

	entered bool // it has come past the lease
	began   tableRows
	archive map[*run]bool // whose raw objects there were
	archived,
	rejects bool
	answers map[int64]answer             // the whole good answer of each app
	wrote   map[stats.Day]bool           // days whose files it replaced
	held    map[int64]map[stats.Day]bool // what the lake had when the run told its summary
	known   map[int64]stats.Day          // the world's at that time

	summary handler.Summary
	err     error
	late    bool
}

func (r *run) String() string { return fmt.Sprintf("run %d", r.n) }

// prepare makes a run that has not started yet.
func (w *world) prepare(a ask) *run {
	r := &run{
		w: w, n: len(w.runs) + 1, ask: a, lasts: time.Duration(45+w.rng.IntN(75)) * time.Second, raw: "on", apps: w.configured,
		counts: make(map[string]int), answers: make(map[int64]answer), wrote: make(map[stats.Day]bool),
	}
	w.runs = append(w.runs, r)
	return r
}

// do lets runs do their jobs, side by side, and holds what came of them to the promises.
func (w *world) do(runs ...*run) {
	done := make(chan *run)
	for _, r := range runs {
		go func() {
			r.work()
			done <- r
		}()
	}
	for range runs {
		<-done
	}
	// What they left in flight lands now or never.
	time.Sleep(longestStray)
	w.gate.turn.Lock()
	defer w.gate.turn.Unlock()
	for _, r := range runs {
		w.settle(r)
	}
	if w.soak != nil {
		w.soak.settled(runs)
		return
	}
	w.books.check(0)
}

func (r *run) work() {
	time.Sleep(r.after)
	deadline := time.Now().Add(r.lasts)
	if r.clock.IsZero() {
		r.clock = time.Now().UTC()
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	r.cancel = cancel
	r.summary, r.err = handler.Run(ctx, handler.Job{
		Env: r.w.env(r), Payload: []byte(r.ask.payload(r.clock)), Transport: r,
		Logger: func(level slog.Level) *slog.Logger {
			return slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: level}))
		},
	})
	r.late = time.Now().After(deadline)
}

// diesAt counts a request towards the kill point.
func (r *run) diesAt(q *request) bool {
	if r.kill.nth == 0 || q.count > 1 || !strings.HasPrefix(q.name, r.kill.begins) {
		return false
	}
	r.killed++
	return r.killed == r.kill.nth
}

// enter notes who comes past the lease, and holds everybody to it.
func (w *world) enter(q *request) {
	r := q.run
	if q.isLock() || r.ask.dry {
		if r.ask.dry && q.http.Method == http.MethodPut {
			w.wrong("%s is dry and sends %s", r, q.name)
		}
		return
	}
	if !r.entered {
		r.entered = true
		r.began = maps.Clone(w.table.rows)
		r.archive = maps.Clone(w.books.archive)
		w.holder = r
	}
	if w.holder != r && (q.isChat() || q.http.Method == http.MethodPut) {
		w.overlap = fmt.Sprintf("%s sends %s after %s came past the lease", r, q.name, w.holder)
	}
}

// answered reads an answer that reaches its run.
func (w *world) answered(q *request, resp *http.Response) {
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), brokenOff{}))
		return
	}
	var app int64
	fmt.Sscan(q.http.URL.Query().Get("sdkappid"), &app)
	if a, good := readAnswer(app, body, q.run.ask.wants); good && resp.StatusCode == http.StatusOK {
		q.run.answers[app] = a
		if !q.run.ask.dry {
			w.books.claim(q.run, app, a)
		}
		if w.soak == nil { // which has too many
			w.note("%s: app %d answers %v", q.run, app, a)
		}
	}
}

// stored notes an object that was written.
func (w *world) stored(q *request) {
	r, key := q.run, q.key()
	folder, rest, _ := strings.Cut(key, "/")
	switch folder {
	case "app_daily_stats":
		w.table.stored(r, q)
	case "_raw":
		r.archived = true
		w.books.archive[r] = true
		w.rawKeys[q.run] = prefix + key
	case "_rejects":
		r.rejects = true
	case "_runs":
		if rest != "latest.json" {
			r.held, r.known = w.table.held(), maps.Clone(w.known)
		} else {
			w.covered(r, q.body)
		}
	case "_lock", "_damaged":
	default:
		w.wrong("%s wrote %s", r, key)
	}
}
