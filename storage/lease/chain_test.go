package lease_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"chatlake/storage"
)

// TestHint finds the newest generation whatever the hint says, in few requests.
func TestHint(t *testing.T) {
	const far = 5000
	for _, test := range []struct {
		name, hint string
		newest     int64
		most       int // requests of an acquire on a bucket that honours
	}{
		{"new lake", "", -1, 6},
		{"right", `{"generation":7}`, 7, 6},
		{"one behind", `{"generation":6}`, 7, 9},
		{"far behind", `{"generation":7}`, far, 35},
		{"missing", "", 7, 15},
		{"missing, long chain", "", far, 35},
		{"ahead of nothing", `{"generation":90}`, 7, 15},
		{"ahead, nothing else", `{"generation":90}`, -1, 7},
		{"zero", `{"generation":0}`, 7, 15},
		{"negative", `{"generation":-3}`, 7, 15},
		{"garbage", "x", 7, 15},
		{"empty object", "{}", 7, 15},
		{"number too large", `{"generation":9223372036854775808}`, 7, 15},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorlds(t, func(t *testing.T, w *world, honouring bool) {
				w.putChain(test.newest)
				if test.hint != "" {
					w.putHint(test.hint)
				}
				l := w.mustAcquire(w.store(nil), "run-1", 0)
				made := max(test.newest, 0) + 1
				if r := w.record(made); r.Owner != "run-1" {
					t.Errorf("generation %d is %+v", made, r)
				}
				if n := len(w.requests(0)); honouring && n > test.most {
					t.Errorf("made %d requests: %v", n, w.requests(0))
				}
				hint, _ := w.bucket.Get(prefix + storage.LeaseHint)
				if want := fmt.Sprintf(`{"generation":%d}`, made); string(hint) != want {
					t.Errorf("the hint is %s, want %s", hint, want)
				}
				w.mustRelease(l)
				if n := int64(len(w.bucket.Keys(prefix + "_lock/0"))); n != made+1 {
					t.Errorf("there are %d generations, want %d", n, made+1)
				}
			})
		})
	}
}

// TestEveryLength holds the search to all small chains and hints.
func TestEveryLength(t *testing.T) {
	for newest := range int64(40) {
		for _, hint := range []int64{0, 1, newest / 2, newest - 1, newest} {
			inWorld(t, true, func(t *testing.T, w *world) {
				w.putChain(newest)
				w.putHint(fmt.Sprintf(`{"generation":%d}`, hint))
				w.mustAcquire(w.store(nil), "run-1", 0)
				if r := w.record(newest + 1); r.Owner != "run-1" {
					t.Errorf("%d generations, hint %d: %+v", newest, hint, r)
				}
			})
		}
	}
}

// TestHeldBeyondTheHint waits for the holder that the search finds.
func TestHeldBeyondTheHint(t *testing.T) {
	for newest := int64(1); newest < 20; newest++ {
		inWorlds(t, func(t *testing.T, w *world, _ bool) {
			w.putChain(newest)
			w.putHint(fmt.Sprintf(`{"generation":%d}`, newest))
			w.mustAcquire(w.store(nil), "run-1", 0)
			w.putHint(`{"generation":1}`)
			_, err := w.acquire(w.store(nil), "run-2", 0)
			if held := mustBeHeld(t, err); held.Holder != "run-1" || held.Key != prefix+storage.LeaseKey(newest+1) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestCost counts the requests of a lease that nobody contends, in a chain of any age.
func TestCost(t *testing.T) {
	for _, test := range []struct {
		honouring bool
		newest    int64
		want      []string
	}{
		{true, -1, []string{"GET hint", "PUT 0", "PUT 0", "PUT 1", "GET 1", "PUT hint", "GET 1", "PUT 1"}},
		{false, -1, []string{"GET hint", "PUT 0", "PUT 0", "GET 1", "PUT 1", "GET 1", "PUT hint", "GET 1", "PUT 1"}},
		{true, 3650, []string{"GET hint", "GET 3650", "PUT 0", "PUT 3651", "GET 3651", "PUT hint", "GET 3651", "PUT 3651"}},
		{false, 3650, []string{"GET hint", "GET 3650", "PUT 0", "GET 3651", "PUT 3651", "GET 3651", "PUT hint", "GET 3651", "PUT 3651"}},
	} {
		inWorld(t, test.honouring, func(t *testing.T, w *world) {
			w.putChain(test.newest)
			if test.newest > 0 {
				w.putHint(fmt.Sprintf(`{"generation":%d}`, test.newest))
			}
			store := w.store(nil)
			l := w.mustAcquire(store, "run-1", 0)
			w.mustRelease(l)
			if got := w.requests(0); !slices.Equal(got, test.want) {
				t.Errorf("honouring %v, newest %d:\n got %q\nwant %q", test.honouring, test.newest, got, test.want)
			}
			begun := len(w.requests(0))
			l = w.mustAcquire(store, "run-2", 0)
			guarded := l.Guard(store)
			for range 20 {
				if err := guarded.Put(t.Context(), "table", []byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			w.mustRelease(l)
			most := 8 // beside the 20: what is read before the first write is not read again at the release
			if !test.honouring {
				most = 9
			}
			if n := len(w.requests(begun)) - 20; n > most {
				t.Errorf("a run with writes made %d requests for its lease: %q", n, w.requests(begun))
			}
		})
	}
}

// TestWaitingCost looks at the lease every few seconds, and at nothing else.
func TestWaitingCost(t *testing.T) {
	inWorld(t, true, func(t *testing.T, w *world) {
		l, err := w.acquire(w.store(nil), "run-1", 0)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(40*time.Second, func() { w.mustRelease(l) })
		begun := len(w.requests(0))
		w.mustAcquire(w.store(nil), "run-2", time.Minute)
		if n := len(w.requests(begun)); n > 8+20 {
			t.Errorf("made %d requests in 40 s: %q", n, w.requests(begun))
		}
	})
}
