package lease_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/storage"
	"chatlake/storage/lease"
)

func TestFree(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world, honouring bool) {
		l := w.mustAcquire(w.store(nil), "run-1", 0)
		if l.Honoured() != honouring {
			t.Errorf("Honoured is %v", l.Honoured())
		}
		if r := w.record(1); r.Owner != "run-1" || r.Released || r.Token == "" {
			t.Errorf("generation 1 is %+v", r)
		}
		w.mustRelease(l)
		if r := w.record(1); r.Owner != "run-1" || !r.Released {
			t.Errorf("released, generation 1 is %+v", r)
		}
		w.mustRelease(w.mustAcquire(w.store(nil), "run-2", 0))
		if r := w.record(2); r.Owner != "run-2" {
			t.Errorf("generation 2 is %+v", r)
		}
	})
}

func TestDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, at := storage.NewDir(t.TempDir()), time.Now
		acquire := func(owner string, lasts, wait time.Duration) (*lease.Lease, error) {
			return lease.Acquire(t.Context(), store, "", owner, at().Add(lasts), at().Add(wait))
		}
		first, err := acquire("run-1", time.Minute, 0)
		if err != nil || !first.Honoured() {
			t.Fatal(err)
		}
		_, err = acquire("run-2", time.Minute, 10*time.Second)
		if held := mustBeHeld(t, err); held.Holder != "run-1" {
			t.Errorf("held by %q", held.Holder)
		}
		if err := first.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := acquire("run-3", time.Minute, 0); err != nil { // and is killed
			t.Fatal(err)
		}
		if _, err := acquire("run-4", time.Hour, time.Hour); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWaitsForTheHolder(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world, _ bool) {
		first := w.mustAcquire(w.store(nil), "run-1", 0)
		begun := time.Now()
		go func() {
			time.Sleep(20 * time.Second)
			w.mustRelease(first)
		}()
		l := w.mustAcquire(w.store(nil), "run-2", 40*time.Second)
		if waited := time.Since(begun); waited < 20*time.Second || waited > 30*time.Second {
			t.Errorf("waited for %v", waited)
		}
		w.mustRelease(l)
	})
}

func TestFailsNamingTheHolder(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world, _ bool) {
		w.skew = -72 * time.Hour
		expires := w.now().Add(time.Minute)
		w.mustAcquire(w.store(nil), "run-1", 0)
		begun := time.Now()
		before := w.record(1)
		_, err := w.acquire(w.store(nil), "run-2", 15*time.Second)
		held := mustBeHeld(t, err)
		if held.Holder != "run-1" || held.Key != prefix+storage.LeaseKey(1) {
			t.Errorf("got %+v", held)
		}
		if late := held.Until.Sub(expires.Add(lease.Margin)); late < 0 || late > 3*time.Second {
			t.Errorf("it ends %v after the holder's deadline and the margin", late)
		}
		if waited := time.Since(begun); waited != 15*time.Second {
			t.Errorf("waited for %v", waited)
		}
		for _, part := range []string{"run-1", held.Until.Format(time.RFC3339), held.Key, "run again"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not have %q", err, part)
			}
		}
		if w.record(1) != before {
			t.Error("the holder's record changed")
		}
	})
}

func TestContextEndsWhileItWaits(t *testing.T) {
	for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 10*time.Second)
		},
		"cancel": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(10*time.Second, cancel)
			return ctx, cancel
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, true, func(t *testing.T, w *world) {
				w.mustAcquire(w.store(nil), "run-1", 0)
				ctx, cancel := end(t.Context())
				defer cancel()
				_, err := lease.Acquire(ctx, w.store(nil), prefix, "run-2", time.Now().Add(time.Minute), time.Now().Add(time.Minute))
				if held := mustBeHeld(t, err); held.Holder != "run-1" || !errors.Is(err, ctx.Err()) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestKilledHolder takes over after the holder's deadline and the margin, by the server's clock alone.
func TestKilledHolder(t *testing.T) {
	for _, skew := range []time.Duration{0, 72 * time.Hour, -72 * time.Hour, 400 * time.Millisecond} {
		t.Run(skew.String(), func(t *testing.T) {
			inWorlds(t, func(t *testing.T, w *world, honouring bool) {
				w.skew = skew
				w.mustAcquire(w.store(nil), "run-1", 0)
				dead := w.record(1).Expires.Sub(w.now()) // from now
				begun := time.Now()
				// Another machine, whose clock is a year behind.
				local := func() time.Time { return time.Now().AddDate(-1, 0, 0) }
				_, err := lease.AcquireBy(t.Context(), local, local, w.store(nil), prefix, "run-2", local().Add(time.Hour), local().Add(time.Hour))
				if err != nil {
					t.Fatal(err)
				}
				late := time.Since(begun) - dead - lease.Margin
				if !honouring {
					late -= 5 * time.Second
				}
				if late < 0 || late > 6*time.Second {
					t.Errorf("taken %v after the margin", late)
				}
			})
		})
	}
}

// TestExpiryIsOfTheServersClock measures the record against the deadline of a machine whose clock is wrong.
func TestExpiryIsOfTheServersClock(t *testing.T) {
	for _, skew := range []time.Duration{0, 72 * time.Hour, -72 * time.Hour, 999 * time.Millisecond} {
		inWorld(t, true, func(t *testing.T, w *world) {
			w.skew = skew
			local := func() time.Time { return time.Now().AddDate(3, 0, 0) }
			deadline := w.now().Add(90 * time.Second)
			if _, err := lease.AcquireBy(t.Context(), local, local, w.store(nil), prefix, "run-1", local().Add(90*time.Second), local()); err != nil {
				t.Fatal(err)
			}
			if late := w.record(1).Expires.Sub(deadline); late < 0 || late > 3*time.Second {
				t.Errorf("skew %v: the lease ends %v after the deadline", skew, late)
			}
		})
	}
}

func TestPastDeadline(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world, _ bool) {
		_, err := lease.Acquire(t.Context(), w.store(nil), prefix, "run-1", time.Now(), time.Now().Add(time.Minute))
		if !errors.Is(err, lease.ErrExpired) {
			t.Errorf("got %v", err)
		}
		if n := len(w.bucket.Keys("")); n > 0 {
			t.Errorf("%d objects were made", n)
		}
	})
}

func TestGarbageIsNeverFree(t *testing.T) {
	for _, body := range []string{"", "x", "null", "{}", "[]", `{"released":false}`, `{"owner":"a","token":"b"}`, `{"expires":"2020-01-01T00:00:00Z"}`, `{"released":true`} {
		inWorlds(t, func(t *testing.T, w *world, _ bool) {
			w.putChain(4)
			w.putHint(`{"generation":4}`)
			key := prefix + storage.LeaseKey(4)
			w.bucket.Put(key, []byte(body))
			_, err := w.acquire(w.store(nil), "run-1", time.Minute)
			if err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), `overwrite it with {"released":true}`) {
				t.Errorf("%q: got %v", body, err)
			}
			if now, _ := w.bucket.Get(key); string(now) != body || len(w.bucket.Keys(prefix+storage.LeaseKey(5))) > 0 {
				t.Errorf("%q was replaced or passed", body)
			}
			w.bucket.Put(key, []byte(`{"released":true}`))
			w.mustRelease(w.mustAcquire(w.store(nil), "run-1", 0))
		})
	}
}

func TestRacingAcquirers(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world, _ bool) {
		const writers = 10
		type result struct {
			l   *lease.Lease
			err error
		}
		results := make(chan result)
		for range writers {
			go func() {
				l, err := w.acquire(w.store(nil), "run", 0)
				results <- result{l, err}
			}()
		}
		holders := 0
		for range writers {
			if r := <-results; r.err == nil {
				holders++
			} else {
				mustBeHeld(t, r.err)
			}
		}
		if holders != 1 {
			t.Errorf("%d hold the lease", holders)
		}
	})
}
