package simtest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync"
	"testing/synctest"
)

var (
	errReset = errors.New("connection reset by peer")
	errDead  = errors.New("the process was killed")
)

// gate serves the requests of all runs one at a time. A request waits until nothing else in the bubble can go on; of those
// that wait then, the seed decides which is served.
type gate struct {
	w    *world
	wake chan struct{} // something waits
	quit chan struct{}
	turn sync.Mutex // of the world: whoever has slept sees by it what was served meanwhile

	mu      sync.Mutex
	waiting []*request
}

// request is an HTTP request on its way.
type request struct {
	run   *run
	http  *http.Request
	body  []byte
	name  string // method and key, without what is random in it
	count int    // 1 for the first of its run and name
	rank  uint64
	fate  fate
	late  bool // it has been delayed
	gone  bool // its client has given it up, or died
	reply chan reply
}

type reply struct {
	resp *http.Response
	err  error
}

func openGate(w *world) *gate {
	g := &gate{w: w, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	go g.serve()
	return g
}

func (g *gate) close() { close(g.quit) }

func (g *gate) add(q *request) {
	g.mu.Lock()
	g.waiting = append(g.waiting, q)
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

func (g *gate) serve() {
	for {
		select {
		case <-g.wake:
		case <-g.quit:
			return
		}
		for q := g.first(); q != nil; q = g.first() {
			g.turn.Lock()
			g.w.answer(q)
			g.turn.Unlock()
		}
	}
}

// first takes the request that is served next, once all others that come at this time are there.
func (g *gate) first() *request {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	first := -1
	for i, q := range g.waiting {
		if first < 0 || q.rank < g.waiting[first].rank {
			first = i
		}
	}
	if first < 0 {
		return nil
	}
	q := g.waiting[first]
	g.waiting = append(g.waiting[:first], g.waiting[first+1:]...)
	return q
}

// all takes what else of a run waits.
func (g *gate) all(r *run) (theirs []*request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var others []*request
	for _, q := range g.waiting {
		if q.run == r {
			theirs = append(theirs, q)
		} else {
			others = append(others, q)
		}
	}
	g.waiting = others
	return theirs
}

// RoundTrip sends a request of the run through the gate.
func (r *run) RoundTrip(req *http.Request) (*http.Response, error) {
	// The lease counts the attempts of a write by this.
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.GetConn != nil {
		trace.GetConn(req.URL.Host)
	}
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
	}
	q := &request{run: r, http: req, body: body, reply: make(chan reply, 1)}
	q.name, q.count = r.nameOf(req)
	dice := r.w.roll("request", r.n, q.name, q.count)
	q.rank = dice.Uint64()
	if r.w.soak != nil {
		q.fate = r.w.soak.fateOf(q, dice)
	} else {
		q.fate = r.fateOf(q, dice)
	}
	r.w.gate.add(q)
	select {
	case a := <-q.reply:
		return a.resp, a.err
	case <-req.Context().Done():
	}
	select {
	case a := <-q.reply:
		return a.resp, a.err
	default:
	}
	r.w.gate.mu.Lock()
	q.gone = true
	r.w.gate.mu.Unlock()
	return nil, req.Context().Err()
}

var runID = regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-f]{8}`)

// nameOf tells what a request is about, in words that are the same each time that the seed is run, and counts the requests
// of that name.
func (r *run) nameOf(req *http.Request) (name string, count int) {
	r.w.gate.mu.Lock()
	defer r.w.gate.mu.Unlock()
	switch {
	case req.URL.Host == chatHost:
		name = "CHAT " + req.URL.Query().Get("sdkappid")
	case req.URL.Path == "/":
		name = "LIST"
	default:
		name = req.Method + " " + strings.TrimPrefix(req.URL.Path, "/"+prefix)
	}
	if id := runID.FindString(name); id != "" {
		if r.w.ids[id] == 0 {
			r.w.ids[id] = r.n // the first that names a run is itself
		}
		name = strings.Replace(name, id, fmt.Sprintf("run-%d", r.w.ids[id]), 1)
	}
	r.counts[name]++
	return name, r.counts[name]
}
