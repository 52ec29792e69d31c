package simtest_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"chatlake/internal/stats"
)

// conclude ends all trouble and asks for two clean runs.
func (w *world) conclude() {
	time.Sleep(time.Hour)
	w.configured, w.api.still = w.api.ids(), true
	calm := func(r *run) *run { w.note("%s: %s", r, r.ask.payload(r.clock)); return r }
	w.mend(calm)
	for day := range w.table.damaged { // the archive had nothing of it
		w.putBack(day)
	}
	w.confirm(today() - apiDays)
}

// confirm does two clean runs, and holds the lake to what the API has of the days since the given one.
func (w *world) confirm(since stats.Day) {
	w.clean()
	w.books.check(0)
	w.checkAPI(since)
	w.mustStand()
	before := maps.Clone(w.table.files)
	time.Sleep(time.Duration(10+w.rng.IntN(48*60)) * time.Minute)
	r := w.clean()
	if len(r.wrote) != 0 || r.summary.Rows.Inserted+r.summary.Rows.Updated != 0 {
		w.wrong("a second clean run changed %v: %s", slices.Sorted(maps.Keys(r.wrote)), r.summary.JSON())
	}
	if len(before) != len(w.table.files) {
		w.wrong("a second clean run made files")
	}
	w.table.same()
}

// clean does a run that nothing goes wrong with.
func (w *world) clean() *run {
	r := w.prepare(ask{timer: true})
	r.clock = time.Now().UTC().Truncate(time.Second)
	w.note("%s: the clean run", r)
	w.do(r)
	if r.err != nil || len(r.summary.Errors) != 0 || (r.summary.Status != "ok") != (r.summary.Rows.Rejected > 0) {
		w.wrong("the clean run: %s, error %v", r.summary.JSON(), r.err)
	}
	return r
}

// checkAPI holds the lake to what the API serves now.
func (w *world) checkAPI(since stats.Day) {
	for app, rows := range w.api.rows {
		for day, r := range rows {
			if r.hidden || r.bad != nil || r.twin != nil || day < since {
				continue
			}
			row := w.table.rows[rowKey{app, day}]
			if row == nil {
				w.wrong("the API has app %d on %s, and the lake has not", app, day)
				continue
			}
			for field, v := range r.fields {
				if v == nil || v == "" {
					continue
				}
				if m, ok := v.(map[string]any); ok {
					v = fmt.Sprintf(`{"n":%v}`, m["n"])
				}
				if row.values[field] != fmt.Sprint(v) {
					w.wrong("app %d on %s has %s %q, and the API %v", app, day, field, row.values[field], v)
				}
			}
		}
	}
}
