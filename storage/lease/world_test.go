package lease_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/secret"
	"chatlake/storage"
	"chatlake/storage/costest"
	"chatlake/storage/lease"
)

const prefix = "data/"

var (
	bucketURL = &url.URL{Scheme: "https", Host: "lake-1250000000.cos.ap-singapore.myqcloud.com"}
	bucketKey = costest.Credentials{SecretID: "id", SecretKey: "key", SessionToken: "token"}
)

// world is a bucket and a clock, in a bubble of virtual time without sockets.
type world struct {
	t      *testing.T
	bucket *costest.Server
	skew   time.Duration // of the server's clock
}

// kinds are the buckets that there are.
var kinds = map[string]bool{"honouring": true, "ignoring": false}

func inWorld(t *testing.T, honouring bool, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, bucket: costest.New(costest.Options{Credentials: []costest.Credentials{bucketKey}, Versioned: !honouring})}
		test(t, w)
	})
}

// inWorlds runs a test on each kind of bucket.
func inWorlds(t *testing.T, test func(t *testing.T, w *world, honouring bool)) {
	t.Helper()
	for name, honouring := range kinds {
		t.Run(name, func(t *testing.T) { inWorld(t, honouring, func(t *testing.T, w *world) { test(t, w, honouring) }) })
	}
}

// hook is called with each request of a writer, counted from 1. Its error, if any, is what the writer gets instead of an
// answer.
type hook func(n int, req *http.Request) error

// transport leads one writer to the bucket.
type transport struct {
	w    *world
	hook hook
	n    atomic.Int32
}

func (t *transport) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.GetConn != nil {
		trace.GetConn(req.URL.Host) // as http.Transport does
	}
	if n := t.n.Add(1); t.hook != nil {
		if err := t.hook(int(n), req); err != nil {
			return nil, err
		}
	}
	return t.w.roundTrip(req)
}

// roundTrip serves a request. The server's clock is shown in the answer only: it also checks signatures, which a machine
// whose clock is wrong by days could not make.
func (w *world) roundTrip(req *http.Request) (resp *http.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, errConnection
			if req.Context().Err() != nil {
				err = req.Context().Err()
			}
		}
	}()
	in := req.Clone(req.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = req.URL.RequestURI()
	rec := httptest.NewRecorder()
	w.bucket.ServeHTTP(rec, in)
	resp = rec.Result()
	resp.Header.Set("Date", w.now().Format(http.TimeFormat))
	return resp, nil
}

// now returns the server's time.
func (w *world) now() time.Time { return time.Now().Add(w.skew).UTC() }

// store returns the bucket as one writer sees it.
func (w *world) store(h hook) *storage.COS {
	return storage.NewCOS(bucketURL, secret.Keys{
		ID: secret.New(bucketKey.SecretID), Key: secret.New(bucketKey.SecretKey), Token: secret.New(bucketKey.SessionToken),
	}, &transport{w: w, hook: h})
}

// acquire takes the lease for a minute, waiting for as long as is given.
func (w *world) acquire(store lease.Store, owner string, wait time.Duration) (*lease.Lease, error) {
	w.t.Helper()
	return lease.Acquire(w.t.Context(), store, prefix, owner, time.Now().Add(time.Minute), time.Now().Add(wait))
}

func (w *world) mustAcquire(store lease.Store, owner string, wait time.Duration) *lease.Lease {
	w.t.Helper()
	l, err := w.acquire(store, owner, wait)
	if err != nil {
		w.t.Fatalf("%s: %v", owner, err)
	}
	return l
}

func (w *world) mustRelease(l *lease.Lease) {
	w.t.Helper()
	if err := l.Release(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// record is a generation as another program would read it.
type record struct {
	Owner    string    `json:"owner"`
	Token    string    `json:"token"`
	Expires  time.Time `json:"expires"`
	Released bool      `json:"released"`
}

func (w *world) record(generation int64) record {
	w.t.Helper()
	body, ok := w.bucket.Get(prefix + storage.LeaseKey(generation))
	if !ok {
		w.t.Fatalf("there is no generation %d", generation)
	}
	var r record
	if err := json.Unmarshal(body, &r); err != nil {
		w.t.Fatalf("generation %d: %v", generation, err)
	}
	return r
}

// putChain stores generations from 0, all of them released.
func (w *world) putChain(n int64) {
	for i := range n + 1 {
		w.bucket.Put(prefix+storage.LeaseKey(i), []byte(`{"released":true}`))
	}
}

func (w *world) putHint(body string) { w.bucket.Put(prefix+storage.LeaseHint, []byte(body)) }

// requests returns what was asked since the n-th request, as "PUT 3" for a generation and "GET hint".
func (w *world) requests(since int) []string {
	var list []string
	for _, r := range w.bucket.Requests()[since:] {
		name := strings.TrimPrefix(r.Key, prefix)
		switch name = strings.TrimSuffix(strings.TrimPrefix(name, "_lock/"), ".json"); {
		case name == "latest":
			name = "hint"
		case strings.Trim(name, "0") == "":
			name = "0"
		default:
			name = strings.TrimLeft(name, "0")
		}
		list = append(list, r.Method+" "+name)
	}
	return list
}

// crash runs a writer until it stops for good: at its end, or where it calls runtime.Goexit.
func crash(writer func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		writer()
	}()
	<-done
}

// killAt kills the writer before its n-th request.
func killAt(n int) hook {
	return func(i int, _ *http.Request) error {
		if i == n {
			runtime.Goexit()
		}
		return nil
	}
}

var errConnection = errors.New("connection reset by peer")

// land serves a request after a while, whatever its client does.
func (w *world) land(req *http.Request, after time.Duration) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		w.t.Error(err)
	}
	stray := req.Clone(context.WithoutCancel(req.Context()))
	stray.Body = io.NopCloser(bytes.NewReader(body))
	time.AfterFunc(after, func() { _, _ = w.roundTrip(stray) })
}

// isCreate reports whether a request creates a generation from 1 on.
func isCreate(req *http.Request) bool {
	return req.Header.Get("x-cos-forbid-overwrite") != "" && !strings.HasSuffix(req.URL.Path, storage.LeaseKey(0))
}

func mustBeHeld(t *testing.T, err error) *lease.HeldError {
	t.Helper()
	var held *lease.HeldError
	if !errors.As(err, &held) {
		t.Fatalf("got %v, want a HeldError", err)
	}
	return held
}

var _ lease.Store = storage.Store(nil)
