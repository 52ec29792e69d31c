package simtest_test

import (
	"maps"
	"slices"
	"time"

	"chatlake/internal/stats"
)

// rowKey is an app on a day.
type rowKey struct {
	app int64
	day stats.Day
}

// claim is a row that the API once answered, or that another version of the program once stored.
type claim struct {
	run     *run // nil for one that was stored otherwise
	clock   time.Time
	values  map[string]string
	settled bool            // the lake has to have it
	seen    map[string]bool // fields whose values were seen in the lake
}

func (c *claim) holds(field string) bool { return c.settled || c.seen[field] }

// books keep all claims in the order in which they were given.
type books struct {
	w       *world
	claims  map[rowKey][]*claim
	archive map[*run]bool // the runs whose answers the raw archive has
}

func newBooks(w *world) *books {
	return &books{w, make(map[rowKey][]*claim), make(map[*run]bool)}
}

func (b *books) claim(r *run, app int64, a answer) {
	for day, values := range a.rows {
		key := rowKey{app, day}
		b.claims[key] = append(b.claims[key], &claim{run: r, clock: stamp(r.clock), values: values, seen: make(map[string]bool)})
	}
}

// stamp is a clock as a row keeps it.
func stamp(clock time.Time) time.Time { return clock.UTC().Truncate(time.Millisecond) }

// allowed are the claims whose value the lake may have in a field, oldest first. null says that it may have none.
func (b *books) allowed(key rowKey, field string) (may []*claim, null bool) {
	null = true
	for _, c := range b.claims[key] {
		if _, ok := c.values[field]; !ok {
			continue
		}
		if c.holds(field) {
			may, null = nil, false
		}
		may = append(may, c)
	}
	return may, null
}

// check holds the lake to the claims of the days since the given one.
func (b *books) check(since stats.Day) {
	w := b.w
	for _, key := range sortedKeys(w.table.rows) {
		if key.day >= since && w.table.damaged[key.day] == nil {
			b.checkRow(key, w.table.rows[key])
		}
	}
	for _, key := range sortedKeys(b.claims) {
		if key.day < since {
			continue
		}
		settled := slices.ContainsFunc(b.claims[key], func(c *claim) bool { return c.settled })
		if _, ok := w.table.rows[key]; settled && !ok && w.table.damaged[key.day] == nil {
			w.wrong("the lake has lost app %d on %s", key.app, key.day)
		}
	}
	if w.overlap != "" {
		w.wrong("two writers at once: %s", w.overlap)
	}
}

func (b *books) checkRow(key rowKey, row *tableRow) {
	if len(b.claims[key]) == 0 {
		b.w.wrong("the lake has app %d on %s, of which the API never told", key.app, key.day)
		return
	}
	fields := maps.Clone(row.values)
	for _, c := range b.claims[key] {
		maps.Copy(fields, c.values)
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		may, null := b.allowed(key, field)
		value, ok := row.values[field]
		if !ok && null {
			continue
		}
		i := slices.IndexFunc(may, func(c *claim) bool { return ok && c.values[field] == value })
		if i < 0 {
			var values []string
			for _, c := range may {
				values = append(values, c.values[field])
			}
			b.w.wrong("app %d on %s has %s %q (there: %v), and may have %q (or none: %v)", key.app, key.day, field, value, ok, values, null)
			continue
		}
		may[i].seen[field] = true
	}
}

// settlePull settles what a run pulled that ended by itself.
func (b *books) settlePull(r *run, failed map[int64]bool) {
	for app, a := range r.answers {
		for day := range a.rows {
			if failed[app] || slices.Contains(r.summary.Partitions.Failed, day) {
				continue
			}
			for _, c := range b.claims[rowKey{app, day}] {
				c.settled = c.settled || c.run == r
			}
		}
	}
}

// settleReplay settles what a replay had to find in the archive.
func (b *books) settleReplay(r *run) {
	for key, claims := range b.claims {
		if !r.ask.wants(key.day) || !r.ask.wantsApp(key.app) || slices.Contains(r.summary.Partitions.Failed, key.day) {
			continue
		}
		before := r.began[key]
		newest := make(map[string]*claim)
		for _, c := range claims {
			switch {
			case !r.archive[c.run]:
			case before == nil:
				c.settled = true
			default:
				for field := range c.values {
					_, there := before.values[field]
					old := newest[field]
					oldIsNewer := old != nil && old.clock.After(before.updated)
					switch {
					case c.clock.After(before.updated), !there && !oldIsNewer:
						newest[field] = c
					case oldIsNewer: // of a delayed run, whose answer came later: the lake's own value counts
						delete(newest, field)
					}
				}
			}
		}
		for field, c := range newest {
			c.seen[field] = true
		}
	}
}

// repaired drops the claims of a day that only its damaged file had, and settles those of the archive.
func (b *books) repaired(r *run, day stats.Day) {
	for key, claims := range b.claims {
		if key.day != day {
			continue
		}
		b.claims[key] = slices.DeleteFunc(claims, func(c *claim) bool { return !r.archive[c.run] })
		for _, c := range b.claims[key] {
			// What was not asked for has to be kept; the rest is settled when the replay ends.
			c.settled, c.seen = !r.ask.wantsApp(key.app), make(map[string]bool)
		}
	}
	for key := range r.began {
		if key.day == day {
			delete(r.began, key)
		}
	}
}

// thin drops the claims of the days since the given one that no field needs any more, where there will be no replay.
func (b *books) thin(since stats.Day) {
	for key, claims := range b.claims {
		if key.day < since || len(claims) < 2 {
			continue
		}
		present, covered := false, make(map[string]bool) // by settled claims
		var kept []*claim
		for _, c := range slices.Backward(claims) {
			needed := !present
			present = present || c.settled
			for field := range c.values {
				needed = needed || !covered[field]
				covered[field] = covered[field] || c.settled
			}
			if needed {
				kept = append(kept, c)
			}
		}
		slices.Reverse(kept)
		b.claims[key] = kept
	}
}

func sortedKeys[V any](m map[rowKey]V) []rowKey {
	return slices.SortedFunc(maps.Keys(m), func(a, b rowKey) int {
		if a.day != b.day {
			return int(a.day - b.day)
		}
		return int(a.app - b.app)
	})
}
