package lease_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"chatlake/storage/costest"
	"chatlake/storage/lease"
)

// TestLostAnswers spoils each request of a lease in turn.
func TestLostAnswers(t *testing.T) {
	for name, fault := range map[string]costest.Fault{
		"lost before the effect": {Drop: true},
		"lost after the effect":  {After: true},
		"503 before the effect":  {Status: 503, Code: "SlowDown"},
		"503 after the effect":   {Status: 503, Code: "SlowDown", After: true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, newest := range []int64{-1, 7} {
				for n := 1; n <= 9; n++ {
					inWorlds(t, func(t *testing.T, w *world, honouring bool) {
						w.putChain(newest)
						w.putHint(fmt.Sprintf(`{"generation":%d}`, newest))
						w.bucket.SetFault(func(r costest.Request) costest.Fault {
							if r.N == n {
								return fault
							}
							return costest.Fault{}
						})
						l := w.mustAcquire(w.store(nil), "run-1", 0)
						if l.Honoured() != honouring {
							t.Errorf("request %d: Honoured is %v", n, l.Honoured())
						}
						w.mustRelease(l)
						w.mustRelease(w.mustAcquire(w.store(nil), "run-2", 0))
						if r := w.record(max(newest, 0) + 2); r.Owner != "run-2" {
							t.Errorf("request %d: the second lease is %+v", n, r)
						}
					})
				}
			}
		})
	}
}

// TestCreateThatOnlyFails reads back after an error, too: the record may be there all the same.
func TestCreateThatOnlyFails(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world, _ bool) {
		w.bucket.SetFault(func(r costest.Request) costest.Fault {
			return costest.Fault{After: r.Method == http.MethodPut && strings.HasSuffix(r.Key, "1.json")}
		})
		l := w.mustAcquire(w.store(nil), "run-1", time.Minute)
		w.bucket.SetFault(nil)
		w.mustRelease(l)
		w.mustRelease(w.mustAcquire(w.store(nil), "run-2", 0))
	})
}

// TestCreateThatNeverLands ends with the create's own error.
func TestCreateThatNeverLands(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world, _ bool) {
		refused := w.store(func(_ int, req *http.Request) error {
			if isCreate(req) {
				w.bucket.SetCredentials()
			} else {
				w.bucket.SetCredentials(bucketKey)
			}
			return nil
		})
		_, err := w.acquire(refused, "run-1", time.Minute)
		if err == nil || !strings.Contains(err.Error(), "failed to create data/_lock/0000000001.json: COS answered 403") {
			t.Errorf("got %v", err)
		}
		w.mustAcquire(w.store(nil), "run-2", 0)
	})
}

// TestKilledAnywhere kills a run before each of its requests in turn. The next acquirer comes through, and not before the
// dead one's deadline if that had a lease.
func TestKilledAnywhere(t *testing.T) {
	for _, newest := range []int64{-1, 7} {
		for n := 1; n <= 10; n++ {
			inWorlds(t, func(t *testing.T, w *world, _ bool) {
				w.putChain(newest)
				w.putHint(fmt.Sprintf(`{"generation":%d}`, newest))
				begun := time.Now()
				held := false
				crash(func() {
					l := w.mustAcquire(w.store(killAt(n)), "run-1", 0)
					held = true
					w.mustRelease(l)
					held = false
				})
				l, err := lease.Acquire(t.Context(), w.store(nil), prefix, "run-2", time.Now().Add(time.Hour), time.Now().Add(time.Hour))
				if err != nil {
					t.Fatalf("request %d: %v", n, err)
				}
				after := time.Since(begun)
				if held && after < time.Minute+lease.Margin || after > time.Minute+lease.Margin+15*time.Second {
					t.Errorf("request %d: taken after %v; held: %v", n, after, held)
				}
				w.mustRelease(l)
			})
		}
	}
}

// TestLateCreate lets a create land long after its client gave it up, where the bucket honours it.
func TestLateCreate(t *testing.T) {
	t.Run("after the run's own", func(t *testing.T) {
		inWorld(t, true, func(t *testing.T, w *world) {
			first := true
			l := w.mustAcquire(w.store(func(_ int, req *http.Request) error {
				if isCreate(req) && first {
					first = false
					w.land(req, 25*time.Second)
					<-req.Context().Done()
					return req.Context().Err()
				}
				return nil
			}), "run-1", 0)
			w.mustRelease(l)
			time.Sleep(10 * time.Second)
			if r := w.record(1); !r.Released {
				t.Errorf("the late create replaced the record: %+v", r)
			}
		})
	})
	t.Run("after all was given up", func(t *testing.T) {
		inWorld(t, true, func(t *testing.T, w *world) {
			_, err := w.acquire(w.store(func(_ int, req *http.Request) error {
				if isCreate(req) {
					w.land(req, 20*time.Second)
					return errConnection
				}
				return nil
			}), "run-1", 0)
			if err == nil || !strings.Contains(err.Error(), errConnection.Error()) {
				t.Errorf("got %v", err)
			}
			time.Sleep(25 * time.Second)
			_, err = w.acquire(w.store(nil), "run-2", 0)
			if held := mustBeHeld(t, err); held.Holder != "run-1" {
				t.Errorf("got %v", err)
			}
			if _, err := lease.Acquire(t.Context(), w.store(nil), prefix, "run-3", time.Now().Add(time.Hour), time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	})
}

// TestSlowBucketThatIgnores can be taken or not, but nobody is misled.
func TestSlowBucketThatIgnores(t *testing.T) {
	t.Run("the answer comes too late", func(t *testing.T) {
		inWorld(t, false, func(t *testing.T, w *world) {
			w.mustAcquire(w.store(func(_ int, req *http.Request) error {
				if isCreate(req) {
					w.land(req, 2500*time.Millisecond)
					<-req.Context().Done()
					return req.Context().Err()
				}
				return nil
			}), "run-1", 0)
		})
	})
	t.Run("no read in time", func(t *testing.T) {
		inWorld(t, false, func(t *testing.T, w *world) {
			w.bucket.SetFault(func(costest.Request) costest.Fault { return costest.Fault{Delay: 3 * time.Second} })
			begun := time.Now()
			_, err := w.acquire(w.store(nil), "run-1", 30*time.Second)
			if err == nil || !strings.Contains(err.Error(), "answers within 2s") || time.Since(begun) > 40*time.Second {
				t.Errorf("got %v after %v", err, time.Since(begun))
			}
			if slices.ContainsFunc(w.bucket.Keys(""), func(key string) bool { return strings.HasSuffix(key, "1.json") }) {
				t.Error("a record was made")
			}
		})
	})
	t.Run("the process stalls", func(t *testing.T) {
		inWorld(t, false, func(t *testing.T, w *world) {
			stalls := w.store(func(_ int, req *http.Request) error {
				if isCreate(req) {
					time.Sleep(1900 * time.Millisecond)
					w.land(req, 0)
					time.Sleep(1200 * time.Millisecond)
					return errConnection
				}
				return nil
			})
			_, err := w.acquire(stalls, "run-1", 30*time.Second)
			if err == nil || !strings.Contains(err.Error(), "more than 3s after it was seen missing") {
				t.Errorf("got %v", err)
			}
			_, err = w.acquire(w.store(nil), "run-2", 0)
			if held := mustBeHeld(t, err); held.Holder != "run-1" {
				t.Errorf("got %v", err)
			}
		})
	})
}

// TestLastWriterWins lets a second acquirer's create land as late as the argument allows after the first one's.
func TestLastWriterWins(t *testing.T) {
	inWorld(t, false, func(t *testing.T, w *world) {
		slow := w.store(func(_ int, req *http.Request) error {
			if isCreate(req) { // seen missing, not yet sent
				time.Sleep(1900 * time.Millisecond)
			}
			return nil
		})
		first := make(chan error)
		go func() {
			time.Sleep(time.Millisecond)
			_, err := w.acquire(w.store(nil), "run-1", 0)
			first <- err
		}()
		w.mustAcquire(slow, "run-2", 0)
		if held := mustBeHeld(t, <-first); held.Holder != "run-2" {
			t.Errorf("got %v", held)
		}
	})
}

// TestRacingCreatesThatBothSucceed lets the other's record appear after the reading back, as a bucket would that looks
// for the object and then stores it.
func TestRacingCreatesThatBothSucceed(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world, _ bool) {
		store := w.store(nil)
		l := w.mustAcquire(store, "run-1", 0)
		const other = `{"owner":"run-2","token":"t","expires":"2000-01-01T00:10:00Z","released":false}`
		w.bucket.Put(prefix+"_lock/0000000001.json", []byte(other))
		err := l.Guard(store).Put(t.Context(), "table", []byte("x"))
		if !errors.Is(err, lease.ErrLost) || !strings.Contains(err.Error(), "run-2") {
			t.Errorf("got %v", err)
		}
		if err := l.Release(t.Context()); !errors.Is(err, lease.ErrLost) {
			t.Errorf("release: got %v", err)
		}
		if body, _ := w.bucket.Get(prefix + "_lock/0000000001.json"); string(body) != other {
			t.Errorf("the other's record became %s", body)
		}
		if _, found := w.bucket.Get("table"); found {
			t.Error("the table was written")
		}
	})
}
