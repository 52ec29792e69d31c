package simtest_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"
)

// answer serves a request as its fate has it.
func (w *world) answer(q *request) {
	r, f := q.run, q.fate
	if w.soak != nil && !q.late {
		w.soak.count(q)
	}
	w.gate.mu.Lock()
	gone := q.gone
	w.gate.mu.Unlock()
	switch {
	case r.dead && !q.late, gone && !q.late:
		q.reply <- reply{err: errDead}
		return
	case f.delay > 0 && !q.late:
		w.note("%s: %s is delayed by %v", r, q.name, f.delay)
		q.late = true
		time.AfterFunc(f.delay, func() { w.gate.add(q) })
		return
	case r.dead, gone:
		if f.stray {
			w.note("%s: %s lands after it was given up", r, q.name)
			w.land(q)
		}
		q.reply <- reply{err: errDead}
		return
	case r.diesAt(q):
		w.kill(q)
		return
	}
	if f.kind != fine {
		w.note("%s: %s (%d) meets %q", r, q.name, q.count, f.kind)
	}
	if f.kind == hangs {
		return // until its client gives up
	}
	q.reply <- w.meet(q)
}

// kill ends the process of a run: what it has in flight lands or not.
func (w *world) kill(q *request) {
	r := q.run
	r.dead = true
	r.cancel()
	for _, q := range append([]*request{q}, w.gate.all(r)...) {
		lands := w.roll("kill", r.n, q.name, q.count).IntN(2) == 0
		w.note("%s: killed at %s, which lands: %v", r, q.name, lands)
		if lands {
			w.land(q)
		}
		q.reply <- reply{err: errDead}
	}
}

// land gives a request its effect.
func (w *world) land(q *request) *http.Response {
	in := q.http.Clone(context.WithoutCancel(q.http.Context()))
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(q.body)), int64(len(q.body))
	in.RequestURI = q.http.URL.RequestURI()
	rec := httptest.NewRecorder()
	w.enter(q)
	if q.isChat() {
		w.api.serve(rec, in, q)
	} else {
		w.bucket.ServeHTTP(rec, in)
		if q.http.Method == http.MethodPut && rec.Code == http.StatusOK {
			w.stored(q)
		}
	}
	resp := rec.Result()
	resp.Request = q.http
	if length, err := strconv.Atoi(resp.Header.Get("Content-Length")); err == nil && length > rec.Body.Len() && q.http.Method != http.MethodHead {
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(rec.Body.Bytes()), brokenOff{}))
	}
	return resp
}

// brokenOff is where a connection ends too early.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (q *request) isChat() bool { return q.http.URL.Host == chatHost }

// key is the object's, without the lake's prefix.
func (q *request) key() string { return strings.TrimPrefix(q.http.URL.Path, "/"+prefix) }

// isLock reports whether a request is of the lease itself.
func (q *request) isLock() bool { return strings.HasPrefix(q.key(), "_lock/") }
