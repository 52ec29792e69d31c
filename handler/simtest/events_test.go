package simtest_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"chatlake/internal/stats"
)

// next lets some time pass and something happen.
func (w *world) next() {
	w.pass()
	for range w.rng.IntN(4) {
		w.api.change(w.rng)
	}
	switch dice := w.rng.IntN(100); {
	case len(w.runs) > 0 && w.runs[len(w.runs)-1].dead && dice < 30:
		w.do(w.trouble(w.prepare(w.replay())))
	case dice < 40:
		w.do(w.trouble(w.prepare(w.pull())))
	case dice < 58:
		one, other := w.anything(), w.anything()
		if len(w.configured) > 1 && w.chance(0.4) { // of different apps, which share files
			one, other = w.pull(), w.pull()
			one.apps, other.apps = w.configured[:1], w.configured[1:]
		}
		first, second := w.trouble(w.prepare(one)), w.trouble(w.prepare(other))
		second.after = []time.Duration{0, time.Duration(w.rng.IntN(100)), time.Duration(w.rng.IntN(20_000))}[w.rng.IntN(3)] * time.Millisecond
		w.do(first, second)
	case dice < 70:
		w.do(w.trouble(w.prepare(w.replay())))
	case dice < 74:
		a := w.anything()
		a.dry = true
		w.do(w.trouble(w.prepare(a)))
	case dice < 80:
		w.makeHole()
		if w.chance(0.6) {
			w.do(w.trouble(w.prepare(w.replay())))
		}
	case dice < 85:
		w.leaveNewerFile()
	case dice < 89:
		w.leaveOlderFile()
	case dice < 96:
		w.damage()
	default:
		w.configure()
	}
}

// pass lets time pass. Most days bring most apps a row.
func (w *world) pass() {
	before := today()
	var d time.Duration
	switch dice := w.rng.IntN(20); {
	case dice < 7:
		d = time.Duration(1+w.rng.IntN(10)) * time.Minute
	case dice < 14:
		d = time.Duration(1+w.rng.IntN(8)) * time.Hour
	case dice < 19:
		d = time.Duration(1+w.rng.IntN(3)) * 24 * time.Hour
	default:
		d = time.Duration(8+w.rng.IntN(14)) * 24 * time.Hour
	}
	time.Sleep(d)
	for day := max(before, today()-3); day < today(); day++ {
		for _, app := range w.api.ids() {
			if w.chance(0.4) && w.api.rows[app][day] == nil {
				w.api.rows[app][day] = &served{fields: w.api.fields(w.rng)}
			}
		}
	}
}

func (w *world) anything() ask {
	if w.chance(0.25) {
		return w.replay()
	}
	return w.pull()
}

// pull asks for a daily run, or for a backfill.
func (w *world) pull() ask {
	if w.chance(0.5) {
		return ask{timer: true}
	}
	var a ask
	if w.chance(0.5) {
		from := today() - stats.Day(1+w.rng.IntN(apiDays+3))
		a.from = &from
	}
	if w.chance(0.3) {
		to := today() - stats.Day(w.rng.IntN(apiDays))
		if a.from != nil {
			to = max(to, *a.from, today()-apiDays+1)
		}
		a.to = &to
	}
	a.apps = w.someApps()
	if w.chance(0.3) {
		a.fields = pick(w.rng, slices.Concat(counters, texts))
	}
	return a
}

func (w *world) replay() ask {
	a := ask{replay: true}
	if w.chance(0.5) {
		from := today() - stats.Day(w.rng.IntN(apiDays+10))
		a.from = &from
		if w.chance(0.5) {
			to := from + stats.Day(w.rng.IntN(20))
			a.to = &to
		}
	}
	a.apps = w.someApps()
	return a
}

// someApps returns some of the configured apps, or nil for all.
func (w *world) someApps() []int64 {
	if w.chance(0.6) {
		return nil
	}
	return pick(w.rng, w.configured)
}

// pick returns at least one of the items, in their order.
func pick[T any](rng *rand.Rand, items []T) (some []T) {
	for _, item := range items {
		if rng.IntN(2) == 0 {
			some = append(some, item)
		}
	}
	if some == nil {
		some = append(some, items[rng.IntN(len(items))])
	}
	return some
}

// trouble decides how badly a run fares.
func (w *world) trouble(r *run) *run {
	switch dice := w.rng.IntN(20); {
	case dice < 7:
	case dice < 14:
		r.faults = 0.05
	default:
		r.faults = 0.25
	}
	if w.chance(0.25) {
		r.kill = []killPoint{
			{"", 1 + w.rng.IntN(55)},
			{"", 1 + w.rng.IntN(55)},
			{"PUT app_daily_stats/", 1 + w.rng.IntN(3)},
			{"PUT app_daily_stats/", 1},
			{"GET app_daily_stats/", 1 + w.rng.IntN(30)},
			{"PUT _", 1 + w.rng.IntN(6)},
			{"CHAT ", 1 + w.rng.IntN(3)},
		}[w.rng.IntN(7)]
	}
	if w.chance(0.05) {
		r.raw = "off"
	}
	if r.ask.timer {
		r.clock = time.Now().UTC().Truncate(time.Second)
		switch dice := w.rng.IntN(10); {
		case dice < 2: // delayed
			r.clock = r.clock.Add(-time.Duration(w.rng.IntN(7200)) * time.Second)
		case dice < 4 && w.lastTimer.After(time.Now().Add(-12*time.Hour)): // repeated
			r.clock = w.lastTimer
		}
		w.lastTimer = r.clock
	}
	w.note("%s: %s, faults %v, kill %+v, raw %s, %v", r, r.ask.payload(r.clock), r.faults, r.kill, r.raw, r.lasts)
	return r
}

// makeHole removes an object of the raw archive.
func (w *world) makeHole() {
	runs := slices.SortedFunc(maps.Keys(w.books.archive), func(a, b *run) int { return a.n - b.n })
	if len(runs) == 0 {
		return
	}
	r := runs[w.rng.IntN(len(runs))]
	w.note("the archive loses the answers of %s", r)
	w.bucket.Delete(w.rawKeys[r])
	delete(w.books.archive, r)
}

// configure lets an app leave the configuration, or come back.
func (w *world) configure() {
	if len(w.configured) < len(w.api.apps) {
		w.configured = w.api.ids()
	} else {
		i := w.rng.IntN(len(w.configured))
		w.configured = slices.Delete(w.api.ids(), i, i+1)
	}
	w.note("configured: %v", w.configured)
}

// damage spoils a day's file, or mends those that are.
func (w *world) damage() {
	if len(w.table.damaged) > 0 {
		w.mend(w.trouble)
		return
	}
	days := slices.Sorted(maps.Keys(w.table.files))
	if len(days) == 0 {
		return
	}
	day := days[w.rng.IntN(len(days))]
	good := w.table.files[day]
	bad := slices.Clone(good)
	switch w.rng.IntN(3) {
	case 0:
		copy(bad, "none")
	case 1:
		clear(bad[len(bad)/2:])
	case 2:
		copy(bad[len(bad)-8:], "\xff\xff\xff\x7f")
	}
	w.note("the file of %s is damaged", day)
	w.table.damaged[day], w.table.files[day] = good, bad
	w.bucket.Put(prefix+keyOfDay(day), bad)
}

// mend repairs the damaged days by replays, or puts the good files back.
func (w *world) mend(fare func(*run) *run) {
	for _, day := range slices.Sorted(maps.Keys(w.table.damaged)) {
		if w.chance(0.7) {
			w.do(fare(w.prepare(ask{replay: true, from: &day, to: &day, apps: w.someApps()})))
			w.mustStand()
			time.Sleep(time.Hour)
			continue
		}
		w.putBack(day)
	}
}

func (w *world) putBack(day stats.Day) {
	good := w.table.damaged[day]
	w.note("the good file of %s is put back", day)
	w.table.files[day] = good
	delete(w.table.damaged, day)
	w.bucket.Put(prefix+keyOfDay(day), good)
}
