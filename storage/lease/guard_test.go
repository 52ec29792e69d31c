package lease_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"chatlake/storage"
	"chatlake/storage/costest"
	"chatlake/storage/lease"
)

// machine has clocks that can be moved against one another.
type machine struct{ asleep, setBack time.Duration }

// mono stands still while the machine sleeps.
func (m *machine) mono() time.Time { return time.Now().Add(-m.asleep) }

func (m *machine) wall() time.Time { return time.Now().Round(0).Add(-m.setBack) }

func (m *machine) acquire(t *testing.T, store lease.Store) *lease.Lease {
	t.Helper()
	l, err := lease.AcquireBy(t.Context(), m.mono, m.wall, store, prefix, "run-1", m.mono().Add(time.Minute), m.mono())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestGuardEndsWithTheLease(t *testing.T) {
	for _, test := range []struct {
		name string
		pass func(m *machine) // what happens between the last good write and the one that must fail
	}{
		{"time passes", func(*machine) { time.Sleep(time.Minute) }},
		{"the machine sleeps", func(m *machine) { time.Sleep(time.Minute); m.asleep = time.Minute }},
		{"the wall clock is set back", func(m *machine) { time.Sleep(time.Minute); m.setBack = time.Hour }},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, true, func(t *testing.T, w *world) {
				store, m := w.store(nil), new(machine)
				guarded := m.acquire(t, store).Guard(store)
				time.Sleep(59 * time.Second)
				if err := guarded.Put(t.Context(), "table", []byte("good")); err != nil {
					t.Fatal(err)
				}
				test.pass(m)
				before := len(w.requests(0))
				for verb, err := range map[string]error{
					"write":  guarded.Put(t.Context(), "table", []byte("late")),
					"create": guarded.Create(t.Context(), "other", []byte("late")),
				} {
					if !errors.Is(err, lease.ErrExpired) || !strings.Contains(err.Error(), "failed to "+verb) {
						t.Errorf("%s: got %v", verb, err)
					}
				}
				if n := len(w.requests(before)); n > 0 {
					t.Errorf("%d requests were made", n)
				}
				if body, err := guarded.Get(t.Context(), "table"); err != nil || string(body) != "good" {
					t.Errorf("read %q, %v", body, err)
				}
			})
		})
	}
}

// TestGuardEndsBetweenAttempts has the machine sleep while a store waits to try again, or an attempt outlast the lease.
func TestGuardEndsBetweenAttempts(t *testing.T) {
	for _, test := range []struct {
		name  string
		sleep time.Duration
		fault costest.Fault
	}{
		{"asleep", time.Hour, costest.Fault{Drop: true}},
		{"too slow", 0, costest.Fault{Delay: time.Hour}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, true, func(t *testing.T, w *world) {
				m := new(machine)
				puts := 0
				store := w.store(func(_ int, req *http.Request) error {
					if strings.HasSuffix(req.URL.Path, "table") {
						puts++
						// The timers of a machine that sleeps are late, so no virtual time passes.
						m.setBack = -test.sleep
					}
					return nil
				})
				guarded := m.acquire(t, store).Guard(store)
				w.bucket.SetFault(func(r costest.Request) costest.Fault {
					if r.Key == "table" {
						return test.fault
					}
					return costest.Fault{}
				})
				if err := guarded.Put(t.Context(), "table", []byte("late")); !errors.Is(err, lease.ErrExpired) {
					t.Errorf("got %v", err)
				}
				if test.sleep > 0 && puts > 1 {
					t.Errorf("%d attempts were made", puts)
				}
			})
		})
	}
}

func TestGuardEndsWithTheRelease(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world, _ bool) {
		store := w.store(nil)
		l := w.mustAcquire(store, "run-1", 0)
		w.mustRelease(l)
		if err := l.Guard(store).Put(t.Context(), "table", []byte("late")); !errors.Is(err, lease.ErrExpired) {
			t.Errorf("got %v", err)
		}
		w.mustAcquire(store, "run-2", 0)
		w.mustRelease(l) // does nothing
		if r := w.record(2); r.Released {
			t.Error("the second lease was released by the first")
		}
	})
}

func TestReleaseAfterTheEndWritesNothing(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world, _ bool) {
		l := w.mustAcquire(w.store(nil), "run-1", 0)
		time.Sleep(2 * time.Minute)
		before := len(w.requests(0))
		w.mustRelease(l)
		if n := len(w.requests(before)); n > 0 {
			t.Errorf("made %d requests", n)
		}
	})
}

// TestStrayWrites has an attempt of a write land after the run is over. The next run must not have begun by then.
func TestStrayWrites(t *testing.T) {
	for _, test := range []struct {
		name   string
		fails  int           // attempts that do
		idle   time.Duration // between the write and the release
		waits  bool
		create bool
	}{
		{"no attempt fails", 0, 0, false, false},
		{"the next attempt succeeds", 1, 0, true, false},
		{"all fail", 5, 0, true, false},
		{"the next attempt succeeds, in a create", 1, 0, true, true},
		{"long ago", 1, 40 * time.Second, false, false},
		{"there already", 0, 0, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorlds(t, func(t *testing.T, w *world, honouring bool) {
				failed := 0
				store := w.store(func(_ int, req *http.Request) error {
					if strings.HasSuffix(req.URL.Path, "table") && failed < test.fails {
						failed++
						w.land(req, 28*time.Second)
						return errConnection
					}
					return nil
				})
				l := w.mustAcquire(store, "run-1", 0)
				if test.create {
					w.bucket.Put("table", []byte("old"))
					if err := l.Guard(store).Create(t.Context(), "table", []byte("run-1")); honouring && !errors.Is(err, storage.ErrExist) {
						t.Errorf("got %v", err)
					}
				} else if err := l.Guard(store).Put(t.Context(), "table", []byte("run-1")); err != nil && test.fails < 5 {
					t.Error(err)
				}
				time.Sleep(test.idle)
				begun := time.Now()
				w.mustRelease(l)
				next := w.mustAcquire(w.store(nil), "run-2", 50*time.Second)
				waited := time.Since(begun)
				if test.waits != (waited > 20*time.Second) {
					t.Errorf("waited for %v", waited)
				}
				if err := next.Guard(store).Put(t.Context(), "table", []byte("run-2")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if body, _ := w.bucket.Get("table"); string(body) != "run-2" {
					t.Errorf("the table is of %s", body)
				}
			})
		})
	}
}

// TestFirstWritesAtOnce reads one's own record once, however many writes begin together.
func TestFirstWritesAtOnce(t *testing.T) {
	inWorld(t, true, func(t *testing.T, w *world) {
		store := w.store(nil)
		guarded := w.mustAcquire(store, "run-1", 0).Guard(store)
		before := len(w.requests(0))
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := guarded.Put(t.Context(), "table", []byte("x")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(w.requests(before)); n != 11 {
			t.Errorf("made %d requests", n)
		}
	})
}
