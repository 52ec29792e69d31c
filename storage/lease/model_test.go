package lease_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"time"

	"chatlake/storage"
	"chatlake/storage/lease"
)

var (
	seedCount = flag.Int("lease.seeds", 300, "how many seeds TestInterleavings runs")
	oneSeed   = flag.Uint64("lease.seed", 0, "the one seed that TestInterleavings runs, with its log")
)

// TestInterleavings has writers read, change and write what they share, under the lease, with all that may befall them:
// kills, lost answers, slow and stray requests, clocks that are wrong, machines that sleep, on each kind of bucket. No
// acknowledged change may be lost, no write may land while another holds the lease, and the lease must come free again.
func TestInterleavings(t *testing.T) {
	if *oneSeed > 0 {
		cryptotest.SetGlobalRandom(t, *oneSeed)
		faults, log := simulate(t, *oneSeed)
		t.Log("\n" + strings.Join(log, "\n"))
		for _, fault := range faults {
			t.Error(fault)
		}
		return
	}
	for seed := uint64(1); seed <= uint64(*seedCount); seed++ {
		cryptotest.SetGlobalRandom(t, seed)
		if faults, _ := simulate(t, seed); len(faults) > 0 {
			t.Errorf("%s\nrepeat it with: go test ./storage/lease -run '^TestInterleavings$' -v -lease.seed=%d", strings.Join(faults, "\n"), seed)
		}
	}
}

// TestSeedsRepeat holds the simulation to its promise that a seed is one course of events.
func TestSeedsRepeat(t *testing.T) {
	for seed := uint64(1); seed <= 40; seed++ {
		cryptotest.SetGlobalRandom(t, seed)
		_, once := simulate(t, seed)
		cryptotest.SetGlobalRandom(t, seed)
		if _, twice := simulate(t, seed); !slices.Equal(once, twice) {
			t.Errorf("seed %d went two ways:\n%s\n\n%s", seed, strings.Join(once, "\n"), strings.Join(twice, "\n"))
		}
	}
}

const tables = 2

// run starts the writers and, after they ended and all strays landed, the one that must come through.
func (s *simulation) run() {
	s.note("the bucket %s; its clock is %v ahead", s.kind, s.skew)
	var all sync.WaitGroup
	for i := range 2 + s.rng.IntN(4) {
		w := &writer{
			simulation: s, name: fmt.Sprintf("writer %d", i), rng: rand.New(rand.NewPCG(s.rng.Uint64(), 1)),
			ahead: time.Duration(s.rng.Int64N(int64(10*24*time.Hour))) - 5*24*time.Hour,
		}
		if w.chance(40) {
			w.diesAt, w.diesIn = 1+w.rng.IntN(25), w.chance(50)
		}
		s.locked(func() { s.writers = append(s.writers, w) })
		all.Go(func() {
			time.Sleep(w.between(1, 20*time.Second))
			for n := range 1 + w.rng.IntN(3) {
				w.write(fmt.Sprintf("%s, run %d", w.name, n))
				time.Sleep(w.between(1, 20*time.Second))
			}
		})
	}
	all.Wait()
	last := &writer{simulation: s, name: "the last writer", rng: rand.New(rand.NewPCG(s.rng.Uint64(), 1)), calm: true}
	time.Sleep(last.between(time.Minute, 61*time.Second))
	begun := time.Now()
	if err := last.writeFor(time.Hour, time.Hour, "last"); err != nil {
		s.fault("the last writer did not come through: %v", err)
	} else if waited := last.since.Sub(begun); waited > longest+lease.Margin {
		s.fault("the last writer waited for %v", waited)
	}
	time.Sleep(time.Minute) // for all that is under way: a bubble ends with its goroutines
	s.check()
}

// check compares the tables with what was acknowledged.
func (s *simulation) check() {
	for key, tokens := range s.acked {
		body, _ := s.bucket.Get(key)
		for _, token := range tokens {
			if n := strings.Count(string(body), "["+token+"]"); n != 1 {
				s.fault("%s has %d of [%s], which was acknowledged: %s", key, n, token, body)
			}
		}
	}
}

// longest is the longest that a run lasts.
const longest = 200 * time.Second

func (w *writer) write(token string) {
	_ = w.writeFor(w.between(20*time.Second, longest), w.between(1, 5*time.Minute), token) // it may fail, but do no harm
}

// writeFor is one run: it takes the lease, pulls, changes each table, and releases the lease.
func (w *writer) writeFor(lasts, wait time.Duration, token string) error {
	store := w.client()
	w.locked(func() { w.deadline = time.Now().Add(lasts) })
	l, err := lease.AcquireBy(w.ctx, w.mono, w.wall, store, prefix, token, w.wall().Add(lasts), w.wall().Add(wait))
	if err != nil {
		w.locked(func() { w.note("%s: %v", w.name, err) })
		return err
	}
	w.locked(func() {
		w.note("%s holds the lease", w.name)
		w.holding, w.since = true, time.Now()
		if w.kind != races {
			w.holders[w] = true
			w.alone(w, "takes the lease")
		}
	})
	w.pause(2*raceTime, 20*time.Second)
	guarded := l.Guard(store)
	for table := range tables {
		if err = w.change(guarded, fmt.Sprintf("table/%d", table), token); err != nil {
			break
		}
	}
	w.locked(func() {
		w.note("%s ends: %v", w.name, err)
		w.holding = false
		delete(w.holders, w)
	})
	if w.calm || w.chance(90) {
		err = errors.Join(err, l.Release(w.ctx))
	}
	return err
}

func (w *writer) change(store storage.Store, key, token string) error {
	body, err := store.Get(w.ctx, key)
	if err != nil && !errors.Is(err, storage.ErrNotExist) {
		return err
	}
	w.pause(1, 40*time.Second)
	err = store.Put(w.ctx, key, fmt.Appendf(body, "[%s]", token))
	w.locked(func() {
		w.note("%s put %s: %v", w.name, key, err)
		if err == nil {
			w.acked[key] = append(w.acked[key], token)
		}
	})
	if errors.Is(err, lease.ErrExpired) || errors.Is(err, lease.ErrLost) {
		return err
	}
	return nil // another failure costs one table
}

// pause passes time. A laptop may sleep meanwhile, and its monotonic clock stands still.
func (w *writer) pause(least, most time.Duration) {
	d := w.between(least, most)
	if !w.calm && w.chance(10) {
		d += w.between(1, longest)
		w.asleep += d
	}
	time.Sleep(d)
}
