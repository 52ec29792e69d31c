package lease_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/storage/costest"
)

// kind is what a bucket does with x-cos-forbid-overwrite.
type kind string

const (
	honours kind = "honours the header"
	ignores kind = "ignores the header"
	races   kind = "lets racing creates both succeed" // it looks for the object, and a while later stores it
)

const (
	attemptTime = 15 * time.Second // of a simulated client; less than that of the store below it
	strayTime   = 28 * time.Second // in which a write lands that was given up: within lease.Margin
	strayCreate = time.Second      // the same for a record, where the header is ignored
	raceTime    = time.Second      // between the two steps of a bucket that lets creates race
)

// simulation is a bucket, its writers, and an oracle that sees what lands.
type simulation struct {
	world
	kind kind
	rng  *rand.Rand // used before the writers start
	ctx  context.Context

	mu      sync.Mutex
	begun   time.Time
	writers []*writer
	holders map[*writer]bool
	acked   map[string][]string // by key
	faults  []string
	log     []string
}

// simulate runs a seed in a bubble and returns what was wrong, with the log of all events.
func simulate(t *testing.T, seed uint64) (faults, log []string) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 0))
		s := &simulation{
			kind: []kind{honours, honours, ignores, ignores, races}[rng.IntN(5)],
			rng:  rng, ctx: t.Context(), begun: time.Now(), holders: map[*writer]bool{}, acked: map[string][]string{},
		}
		s.t = t
		s.skew = time.Duration(rng.Int64N(int64(20*24*time.Hour))) - 10*24*time.Hour
		s.bucket = costest.New(costest.Options{Credentials: []costest.Credentials{bucketKey}, Versioned: s.kind != honours})
		s.run()
		faults, log = s.faults, s.log
	})
	return faults, log
}

func (s *simulation) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf("%v ", time.Since(s.begun))+fmt.Sprintf(format, args...))
}

func (s *simulation) fault(format string, args ...any) {
	s.note("FAULT: "+format, args...)
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

// locked runs a step of the oracle.
func (s *simulation) locked(step func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	step()
}

// landed tells the oracle of a write of data.
func (s *simulation) landed(w *writer, key string) {
	s.locked(func() {
		s.note("%s writes %s", w.name, key)
		if s.kind == races && w.holding {
			s.holders[w] = true // both racers believe that they hold, until they write
		}
		s.alone(w, "writes")
	})
}

// alone reports other live holders than w.
func (s *simulation) alone(w *writer, does string) {
	for _, other := range s.writers {
		if other != w && s.holders[other] && other.alive() {
			s.fault("%s %s while %s holds the lease", w.name, does, other.name)
		}
	}
}

// writer is one run's process, with its own clocks and its own luck.
type writer struct {
	*simulation
	machine
	name     string
	rng      *rand.Rand
	calm     bool
	ahead    time.Duration // of this machine's clock
	deadline time.Time     // in the bubble's time
	diesAt   int           // the request before or in which it dies; 0 for none
	diesIn   bool
	requests int
	holding  bool      // as it believes
	since    time.Time // it took the lease
	dead     bool
}

func (w *writer) alive() bool { return !w.dead && time.Now().Before(w.deadline) }

func (w *writer) mono() time.Time { return w.machine.mono().Add(w.ahead) }
func (w *writer) wall() time.Time { return w.machine.wall().Add(w.ahead) }

// between draws a duration; its nanoseconds keep any two events apart, so that a seed repeats.
func (w *writer) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rng.Int64N(int64(most-least)))
}

func (w *writer) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *writer) die() {
	w.locked(func() {
		w.dead = true
		w.note("%s dies", w.name)
	})
	runtime.Goexit()
}

// fate is what befalls one request.
type fate struct {
	there, back time.Duration
	fails       bool          // before its effect
	lost        bool          // after its effect
	reset       time.Duration // the client sees an error by then, while the request travels on; 0 for never
	stray       time.Duration // after it was given up, it lands within this time
	neverLands  bool          // once given up
	race        time.Duration
}

func (w *writer) draw(req *http.Request) fate {
	f := fate{there: w.between(1, 50*time.Millisecond), back: w.between(1, 50*time.Millisecond), race: w.between(1, raceTime)}
	most := strayTime
	if w.kind == ignores && isCreate(req) {
		most = strayCreate
	}
	f.stray, f.neverLands = w.between(1, most), w.chance(30)
	reset, slow, slower := w.between(1, 500*time.Millisecond), w.between(1, 2*time.Second), w.between(1, 40*time.Second)
	switch luck := w.rng.IntN(100); {
	case w.calm || luck < 70:
	case luck < 75:
		f.fails = true
	case luck < 80:
		f.lost = true
	case luck < 87:
		f.there, f.reset = slower, reset
	case luck < 94:
		f.there = slow
	case luck < 97:
		f.back = slow
	default:
		f.there = slower
	}
	return f
}

// RoundTrip sends a request, which goes its own way from then on.
func (w *writer) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.requests++; w.requests == w.diesAt && !w.diesIn {
		w.die()
	}
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GetConn != nil {
		trace.GetConn(req.URL.Host)
	}
	if isData(req) && !w.alive() {
		w.locked(func() { w.fault("%s sends a write after its lease's end", w.name) })
	}
	f := w.draw(req)
	answer, givenUp := make(chan *http.Response, 1), make(chan struct{})
	go w.deliver(detached(req), f, answer, givenUp)
	defer close(givenUp)
	if w.requests == w.diesAt {
		time.Sleep(w.between(1, f.there+f.back))
		w.die()
	}
	patience := attemptTime
	if f.reset > 0 {
		patience = f.reset
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case resp := <-answer:
		return resp, nil
	case <-timer.C:
		return noAnswer(req), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// deliver is a request's way to the bucket and back.
func (w *writer) deliver(req *http.Request, f fate, answer chan<- *http.Response, givenUp <-chan struct{}) {
	timer := time.NewTimer(f.there)
	select {
	case <-timer.C:
	case <-givenUp:
		if f.neverLands {
			return
		}
		select {
		case <-timer.C:
		case <-time.After(f.stray):
		}
	}
	if f.fails {
		answer <- noAnswer(req)
		return
	}
	resp := w.land(req, f)
	time.Sleep(f.back)
	if f.lost {
		resp = noAnswer(req)
	}
	answer <- resp
}

func (w *writer) land(req *http.Request, f fate) *http.Response {
	key := strings.TrimPrefix(req.URL.Path, "/")
	if w.kind == races && req.Header.Get("x-cos-forbid-overwrite") != "" {
		if _, exists := w.bucket.Get(key); exists {
			return w.dated(refusal(req, http.StatusConflict, "FileAlreadyExists"))
		}
		time.Sleep(f.race)
	}
	if isData(req) {
		w.landed(w, key)
	}
	resp, err := w.roundTrip(req)
	if err != nil {
		panic(err)
	}
	return resp
}

// isData reports whether a request writes what the lease guards.
func isData(req *http.Request) bool {
	return req.Method == http.MethodPut && !strings.Contains(req.URL.Path, "/_lock/")
}

func (w *writer) dated(resp *http.Response) *http.Response {
	resp.Header.Set("Date", w.now().Format(http.TimeFormat))
	return resp
}
