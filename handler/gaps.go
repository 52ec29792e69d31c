package handler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"chatlake/internal/chat"
	"chatlake/internal/stats"
)

// Gap is a range of days that the lake lacks of an app, after the first day that it has.
type Gap struct {
	AppID       int64     `json:"sdk_app_id"`
	From        stats.Day `json:"from"`
	To          stats.Day `json:"to"`
	LostAfter   stats.Day `json:"lost_after"` // the last day on which the API surely has the first of them
	Lost        bool      `json:"lost,omitempty"`
	SourceLacks bool      `json:"source_lacks,omitempty"` // a whole answer did not have the days
}

// Urgent reports whether days will soon be lost that the API may still give.
func (g Gap) Urgent(today stats.Day) bool {
	return g.LostAfter-today < alarmDays && !g.Lost && !g.SourceLacks
}

// Describe says whose days are missing and until when the API has them.
func (g Gap) Describe(today stats.Day) string {
	until := fmt.Sprintf("surely has the first of them until %s only (%d days left)", g.LostAfter, g.LostAfter-today)
	if g.LostAfter < today {
		until = "may forget the first of them today"
	}
	return fmt.Sprintf("app %d: the lake lacks %s, and the API %s", g.AppID, window{g.From, g.To}, until)
}

// Coverage is the first and the last day that the lake has of an app.
type Coverage struct {
	AppID int64     `json:"sdk_app_id"`
	First stats.Day `json:"first"`
	Last  stats.Day `json:"last"`
}

// alarmDays is how many days before a loss it is warned of.
const alarmDays = 7

// daySet is a set of the days of one window, a bit a day.
type daySet uint64

func (w window) bit(d stats.Day) daySet {
	if d < w.From || d > w.To {
		return 0
	}
	return 1 << (d - w.From)
}

// holdings is what a run has seen the lake hold, and the API answer.
type holdings struct {
	window  window           // the API's
	held    map[int64]*held  // by app
	unread  daySet           // days of the window whose files could not be read
	answers map[int64]daySet // days in the whole answer of each app that gave one
	failed  map[int64]bool   // apps whose pull failed
	days    []stats.Day      // that the lake has a row of, among those looked into
}

type held struct {
	window daySet
	older  []stats.Day // before the window
	Coverage
}

func newHoldings(w window) *holdings {
	return &holdings{window: w, held: make(map[int64]*held), answers: make(map[int64]daySet), failed: make(map[int64]bool)}
}

// add notes whose rows a day's file has.
func (h *holdings) add(day stats.Day, apps []int64) {
	if len(apps) > 0 {
		h.days = append(h.days, day)
	}
	for _, app := range apps {
		a := h.held[app]
		if a == nil {
			a = &held{Coverage: Coverage{app, day, day}}
			h.held[app] = a
		}
		a.First, a.Last = min(a.First, day), max(a.Last, day)
		a.window |= h.window.bit(day)
		if day < h.window.From {
			a.older = append(a.older, day)
		}
	}
}

// coverage is what the lake has of each app, by this run and by the newest one before it.
func (h *holdings) coverage(before []Coverage) []Coverage {
	all := make(map[int64]Coverage, len(h.held))
	for _, c := range before {
		all[c.AppID] = c
	}
	for app, a := range h.held {
		c, ok := all[app]
		if !ok {
			c = a.Coverage
		}
		all[app] = Coverage{app, min(c.First, a.First), max(c.Last, a.Last)}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b Coverage) int { return cmp.Compare(a.AppID, b.AppID) })
}

// missing is one day that the lake lacks.
type missing struct {
	day         stats.Day
	sourceLacks bool
}

// gaps finds what the lake lacks of an app. covered is what the lake has of it, nil for nothing; before is what it had
// before this run; old are the gaps that the newest run before this one knew.
func (h *holdings) gaps(app int64, covered, before *Coverage, old []Gap) []Gap {
	if covered == nil {
		if !h.failed[app] {
			return nil
		}
		covered = &Coverage{First: h.window.From - 1}
	}
	mine := h.held[app]
	if mine == nil {
		mine = &held{}
	}
	var days []missing
	lacks := func(day stats.Day, sourceLacks bool) {
		if day > covered.First && !slices.Contains(mine.older, day) {
			days = append(days, missing{day, sourceLacks})
		}
	}
	// What has passed out of the window is known from the run before: its gaps, and the days since the last that the lake
	// then had.
	known := stats.Day(0)
	wasGap := make(map[stats.Day]bool) // and whether the source lacked it
	for _, g := range old {
		for day := max(g.From, h.window.From); day <= g.To; day++ {
			wasGap[day] = g.SourceLacks
		}
		for day := g.From; day <= min(g.To, h.window.From-1); day++ {
			lacks(day, g.SourceLacks)
			known = max(known, day)
		}
	}
	if before != nil {
		for day := max(before.Last, known) + 1; day < h.window.From; day++ {
			lacks(day, false)
		}
	}
	answer, whole := h.answers[app]
	for day := h.window.From; day <= h.window.To; day++ {
		switch bit := h.window.bit(day); {
		case mine.window&bit != 0:
		case h.unread&bit == 0:
			lacks(day, whole && answer&bit == 0)
		default: // what this run could not look into is as the run before left it, or the gap would be forgotten
			if sourceLacks, ok := wasGap[day]; ok || before == nil || day > before.Last {
				lacks(day, sourceLacks)
			}
		}
	}
	return h.ranges(app, days)
}

// ranges joins days that follow one another and are marked alike.
func (h *holdings) ranges(app int64, days []missing) []Gap {
	var gaps []Gap
	for _, m := range days {
		lost := m.day < h.window.From
		if n := len(gaps); n > 0 && gaps[n-1].To == m.day-1 && gaps[n-1].Lost == lost && gaps[n-1].SourceLacks == m.sourceLacks {
			gaps[n-1].To = m.day
			continue
		}
		gaps = append(gaps, Gap{app, m.day, m.day, m.day + APIDays - 1, lost, m.sourceLacks})
	}
	return gaps
}

// findGaps puts the gaps of all configured apps into the summary and warns of those that will soon be lost, and of apps
// that are pulled no more. It returns the lake's coverage.
func (r *run) findGaps() []Coverage {
	coverage := r.holdings.coverage(r.previous.Coverage)
	covered, before := byApp(coverage), byApp(r.previous.Coverage)
	old := make(map[int64][]Gap)
	for _, g := range r.previous.Gaps {
		old[g.AppID] = append(old[g.AppID], g)
	}
	yesterday := r.holdings.window.To
	configured := make(map[int64]bool, len(r.configured))
	for _, app := range r.configured {
		configured[app] = true
		for _, g := range r.holdings.gaps(app, covered[app], before[app], old[app]) {
			r.summary.Gaps = append(r.summary.Gaps, g)
			if g.Urgent(yesterday + 1) {
				r.warn(g.Describe(yesterday+1) + ": see this run's errors, or pull the app by hand")
			}
		}
	}
	for _, c := range coverage {
		if !configured[c.AppID] && yesterday-c.Last < APIDays {
			r.warn(fmt.Sprintf("app %d has rows up to %s and is not in CHATLAKE_APPS any more: its newer days pass out of the API's reach; its rows stay, and this warning ends %d days after the last of them",
				c.AppID, c.Last, APIDays))
		}
	}
	return coverage
}

// mostUrgentFirst orders apps by the first day that the lake lacks of each and the API still has, by what the newest run
// left: if a run is always too short for all apps, it is another one's turn each time. An app that the lake has nothing of
// lacks the whole window.
func (r *run) mostUrgentFirst(apps []chat.App) {
	window := r.holdings.window
	lacks := make(map[int64]stats.Day, len(r.previous.Coverage))
	for _, c := range r.previous.Coverage {
		lacks[c.AppID] = max(c.Last+1, window.From)
	}
	for _, g := range r.previous.Gaps {
		if g.To >= window.From && !g.SourceLacks {
			lacks[g.AppID] = min(lacks[g.AppID], max(g.From, window.From))
		}
	}
	slices.SortStableFunc(apps, func(a, b chat.App) int { return cmp.Compare(lacks[a.ID], lacks[b.ID]) })
}

func byApp(list []Coverage) map[int64]*Coverage {
	m := make(map[int64]*Coverage, len(list))
	for i := range list {
		m[list[i].AppID] = &list[i]
	}
	return m
}
