package storage

import (
	"cmp"
	"slices"
	"time"

	"chatlake/internal/stats"
)

// Merged is what a merge did to a day's rows.
type Merged struct {
	Inserted, Updated, Unchanged int
	Written                      bool    // the file had to change; with a dry run it would have had to
	Apps                         []int64 // that the day has a row of afterwards, sorted
	Changed                      []int64 // whose rows were inserted or updated, sorted
}

// apply puts a pulled row's values into a stored one, under the clock of the run that pulled it. A field that the
// pulled row lacks stays. A delayed run's clock may lie before that of the run that wrote the row.
func (r *storedRow) apply(pulled *stats.Row, clock time.Time) (changed bool) {
	if !pulled.Fill(&r.Row) {
		return false
	}
	r.Revision = max(r.Revision, 1) + 1
	if clock.After(r.UpdatedAt) {
		r.UpdatedAt = clock
	}
	return true
}

// firstOf makes the stored row of an app that the day has none of.
func firstOf(pulled stats.Row, clock time.Time) storedRow {
	pulled.FirstPulledAt, pulled.UpdatedAt, pulled.Revision = clock, clock, 1
	return storedRow{Row: pulled}
}

// stamp is a clock as a row keeps it.
func stamp(clock time.Time) time.Time { return clock.UTC().Truncate(time.Millisecond) }

// mergeRows merges pulled rows of one day into its stored ones and returns them all, sorted by app.
func mergeRows(stored []storedRow, pulled []stats.Row, clock time.Time) (Merged, []storedRow) {
	var m Merged
	index := make(map[int64]int, len(stored))
	for i := range stored {
		index[stored[i].AppID] = i
	}
	inserted := 0
	for i := range pulled {
		if _, ok := index[pulled[i].AppID]; !ok {
			inserted++
		}
	}
	merged := append(make([]storedRow, 0, len(stored)+inserted), stored...) // no more: a row is long
	for i := range pulled {
		j, ok := index[pulled[i].AppID]
		switch {
		case !ok:
			merged = append(merged, firstOf(pulled[i], clock))
			m.Inserted++
			m.Changed = append(m.Changed, pulled[i].AppID)
		case merged[j].apply(&pulled[i], clock):
			m.Updated++
			m.Changed = append(m.Changed, pulled[i].AppID)
		default:
			m.Unchanged++
		}
	}
	m.finish(merged)
	return m, merged
}

// finish sorts a day's rows and notes whose they are.
func (m *Merged) finish(rows []storedRow) {
	slices.SortFunc(rows, func(a, b storedRow) int { return cmp.Compare(a.AppID, b.AppID) })
	m.Apps = make([]int64, len(rows))
	for i := range rows {
		m.Apps[i] = rows[i].AppID
	}
	slices.Sort(m.Changed)
	m.Written = m.Inserted+m.Updated > 0
}
