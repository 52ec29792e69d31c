package simtest_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"chatlake/handler"
	"chatlake/internal/stats"
)

// settle holds a run's summary to what it did, and takes into the books what it says of its claims.
func (w *world) settle(r *run) {
	s := r.summary
	if r.dead {
		w.note("%s was killed", r)
		return // nobody has seen its summary
	}
	w.note("%s: %s, error %v", r, s.JSON(), r.err != nil)
	if r.late {
		w.wrong("%s has not ended before its deadline", r)
	}
	if !r.entered && !r.ask.dry {
		if s.Status != handler.Failed || r.err == nil || len(r.wrote) > 0 {
			w.wrong("%s did not come past the lease, and its summary is %s", r, s.JSON())
		}
		return
	}
	failed := make(map[int64]bool)
	hindered := false // something failed that is neither an app nor a day
	for _, e := range s.Errors {
		switch {
		case e.AppID != 0:
			failed[e.AppID] = true
		case e.Day == nil:
			hindered = true
		}
	}
	switch {
	case r.ask.replay && !r.ask.dry && !hindered:
		w.books.settleReplay(r)
	case !r.ask.replay && s.Apps.Total > 0:
		w.checkCounts(r, failed)
		if !r.ask.dry {
			w.books.settlePull(r, failed)
		}
	}
	if r.held != nil {
		w.checkGaps(r, failed)
	}
}

// checkCounts compares a pull's summary with its answers and its writes.
func (w *world) checkCounts(r *run, failed map[int64]bool) {
	s := r.summary
	if s.Status == handler.Failed && s.Apps.OK == 0 && len(r.answers) == 0 {
		return
	}
	accepted, merged, rejected, ok := 0, 0, 0, 0
	days := make(map[stats.Day]bool)
	for app, a := range r.answers {
		if failed[app] {
			continue
		}
		ok++
		rejected += a.rejected
		for day := range a.rows {
			days[day] = true
			accepted++
			if !slices.Contains(s.Partitions.Failed, day) {
				merged++
			}
		}
	}
	total := 0
	for _, app := range r.apps {
		if r.ask.wantsApp(app) {
			total++
		}
	}
	expect := func(what string, got, want int) {
		if got != want {
			w.wrong("%s: %s is %d, not %d: %s", r, what, got, want, s.JSON())
		}
	}
	expect("apps.total", s.Apps.Total, total)
	expect("apps.ok", s.Apps.OK, ok)
	expect("apps.failed", s.Apps.Failed, total-ok)
	expect("rows.rejected", s.Rows.Rejected, rejected)
	expect("rows.pulled", s.Rows.Pulled, accepted+rejected)
	expect("rows.inserted, updated and unchanged", s.Rows.Inserted+s.Rows.Updated+s.Rows.Unchanged, merged)
	expect("partitions", len(s.Partitions.Written)+s.Partitions.Unchanged+len(s.Partitions.Failed), len(days))
	archiveFailed := slices.ContainsFunc(s.Errors, func(e handler.RunError) bool { return e.Stage == "archive" })
	for _, day := range s.Partitions.Written {
		if !r.wrote[day] && !r.ask.dry {
			w.wrong("%s says that it wrote %s, and did not", r, day)
		}
	}
	for day := range r.wrote {
		if !slices.Contains(s.Partitions.Written, day) && !slices.Contains(s.Partitions.Failed, day) {
			w.wrong("%s wrote %s and does not say so", r, day)
		}
	}
	switch {
	case r.ask.dry:
	case r.rejects && rejected == 0, !r.rejects && rejected > 0 && !archiveFailed:
		w.wrong("%s rejected %d rows, and stored rejects: %v", r, rejected, r.rejects)
	case !r.archived && len(r.answers) > 0 && r.raw == "on" && !archiveFailed, r.archived && r.raw == "off":
		w.wrong("%s archived its answers: %v, with CHATLAKE_RAW %s", r, r.archived, r.raw)
	}
}

const notLookedInto = " could not be looked into for gaps: "

const latestLost = "newest run's summary cannot be read"

// unread returns the days whose files a run could not read, or may not have written.
func unread(failed []stats.Day, warnings []string) map[stats.Day]bool {
	days := make(map[stats.Day]bool)
	for _, day := range failed {
		days[day] = true
	}
	for _, text := range warnings {
		list, _, ok := strings.Cut(text, notLookedInto)
		for name := range strings.SplitSeq(list, ", ") {
			if day, err := stats.ParseDay(name); ok && err == nil {
				days[day] = true
			}
		}
	}
	return days
}

// window returns the first and the last day that the API surely had at the run's clock.
func (r *run) window() (from, to stats.Day) {
	to = stats.DayIn(r.clock, stats.Beijing) - 1
	return to - apiDays + 1, to
}

// firstHeld returns the first day of the window that the lake has of an app, and the first of all.
func (r *run) firstHeld(held map[stats.Day]bool, unread map[stats.Day]bool) (inWindow, ever stats.Day) {
	from, to := r.window()
	for day := range held {
		if ever == 0 || day < ever {
			ever = day
		}
		if day >= from && day <= to && !unread[day] && (inWindow == 0 || day < inWindow) {
			inWindow = day
		}
	}
	return inWindow, ever
}

// covered notes what the coverage of a newest run's summary is sure to say: each app's first day.
func (w *world) covered(r *run, latest []byte) {
	var s handler.Summary
	if err := json.Unmarshal(latest, &s); err != nil {
		w.wrong("%s stored a newest summary that is no JSON: %v", r, err)
		return
	}
	if s.RunID == w.latest {
		return // a second attempt
	}
	w.latest = s.RunID
	if slices.ContainsFunc(s.Warnings, func(text string) bool { return strings.Contains(text, latestLost) }) {
		clear(w.known)
	}
	dark := unread(s.Partitions.Failed, s.Warnings)
	for app, days := range w.table.held() {
		if first, _ := r.firstHeld(days, dark); first != 0 && (w.known[app] == 0 || first < w.known[app]) {
			w.known[app] = first
		}
	}
}

// checkGaps compares the gaps within the window with what the lake lacked when the run ended.
func (w *world) checkGaps(r *run, failed map[int64]bool) {
	s := r.summary
	dark := unread(s.Partitions.Failed, s.Warnings)
	known := maps.Clone(r.known)
	if slices.ContainsFunc(s.Warnings, func(text string) bool { return strings.Contains(text, latestLost) }) {
		clear(known)
	}
	from, to := r.window()
	for _, app := range r.apps {
		told := make(map[stats.Day]handler.Gap)
		for _, g := range s.Gaps {
			for day := max(g.From, from); g.AppID == app && day <= g.To; day++ {
				told[day] = g
			}
		}
		first, ever := r.firstHeld(r.held[app], dark)
		if known[app] != 0 && (first == 0 || known[app] < first) {
			first = known[app]
		}
		a, answered := r.answers[app]
		whole := answered && !failed[app] && r.ask.fields == nil
		for day := from; day <= to; day++ {
			g, isTold := told[day]
			has := r.held[app][day]
			switch {
			case dark[day] || w.table.damaged[day] != nil:
			case has && isTold:
				w.wrong("%s tells of a gap of app %d on %s, which the lake has", r, app, day)
			case !has && !isTold && first != 0 && day > first:
				w.wrong("%s does not tell of the gap of app %d on %s", r, app, day)
			case !has && !isTold && first == 0 && ever == 0 && failed[app]:
				w.wrong("%s does not tell that all of app %d is missing", r, app)
			case isTold && !failed[app] && (first == 0 || day < first) && (ever == 0 || day < ever):
				w.wrong("%s tells of a gap of app %d on %s, before its first day", r, app, day)
			case isTold && (g.Lost || g.SourceLacks != (whole && !a.days[day]) || g.LostAfter != g.From+apiDays-1):
				w.wrong("%s marks the gap of app %d on %s as %+v, and the API had it: %v", r, app, day, g, a.days[day])
			}
		}
		for day := range told {
			if day > to {
				w.wrong("%s tells of a gap of app %d on %s, which is not over", r, app, day)
			}
		}
	}
}
