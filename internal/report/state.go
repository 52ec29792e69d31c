package report

import (
	"chatlake/handler"
	"chatlake/internal/stats"
)

// State is what the lake has of an app on a day.
type State uint8

const (
	Outside State = iota // before the app's first day, or after it left the configuration: nothing is due
	There
	Revised // there, and corrected by the API after it was first pulled
	AtRisk  // missing, and the API still has it
	Lost    // missing, and the API has it no more
	None    // missing, and a whole answer of the API did not have it
	Unread  // the day's file is damaged
	numStates
)

// Gap is a range of days that the lake lacks of an app, all in one state: AtRisk, Lost or None.
type Gap struct {
	AppID    int64
	From, To stats.Day
	State    State
	Left     int // days until the API may have the first of them no more; below 0 if it may be so today
}

// urgency orders gaps: what can still be saved comes first, what was never there last.
func urgency(s State) int {
	return map[State]int{AtRisk: 0, Lost: 1, None: 2}[s]
}

// history is what is known of an app while its states are found.
type history struct {
	App
	first, last stats.Day // that the lake holds, or lacks
	gaps        []handler.Gap
}

func newHistory(app int64, first stats.Day, days int) *history {
	h := &history{App: App{ID: app, States: make([]State, days)}, first: first}
	for m := range h.Values {
		h.Values[m] = make([]int64, days)
		for i := range h.Values[m] {
			h.Values[m][i] = stats.Null
		}
	}
	return h
}

// put adds the row of the i-th day. Rows come in the order of days, so that the newest name stays.
func (h *history) put(i int, day stats.Day, c cell) {
	h.last = max(h.last, day)
	h.States[i] = There
	if c.revised {
		h.States[i] = Revised
	}
	if c.name != "" {
		h.Name = c.name
	}
	if c.company != "" {
		h.Company = c.company
	}
	for m, v := range c.values {
		h.Values[m][i] = v
	}
}

// judge gives each day without a row its state, and returns the app's gaps: those older than the report's days as the newest
// run knew them.
func (h *history) judge(r *Report, newest handler.Latest) (gaps []Gap) {
	unread := make(map[stats.Day]bool, len(r.Damaged))
	for _, d := range r.Damaged {
		unread[d.Day] = true
	}
	today := stats.DayIn(r.Made, stats.Beijing)
	lacks := func(day stats.Day, state State) {
		if n := len(gaps); n > 0 && gaps[n-1].To == day-1 && gaps[n-1].State == state {
			gaps[n-1].To = day
			return
		}
		gaps = append(gaps, Gap{h.ID, day, day, state, int(day + handler.APIDays - 1 - today)})
	}
	missing := func(day stats.Day) State {
		switch {
		case h.sourceLacks(day):
			return None
		case day < today-handler.APIDays:
			return Lost
		}
		return AtRisk
	}
	for _, g := range h.gaps {
		for day := g.From; day <= min(g.To, r.From-1); day++ {
			lacks(day, missing(day))
		}
	}
	if h.left(newest, unread) {
		h.LeftAfter = &h.last
	}
	for i, state := range h.States {
		day := r.From + stats.Day(i)
		switch {
		case state != Outside || day < h.first:
		case unread[day]:
			h.States[i] = Unread
		case h.LeftAfter != nil && day > h.last:
		default:
			h.States[i] = missing(day)
			lacks(day, h.States[i])
		}
	}
	return gaps
}

func (h *history) sourceLacks(day stats.Day) bool {
	for _, g := range h.gaps {
		if g.From <= day && day <= g.To {
			return g.SourceLacks
		}
	}
	return false
}

// left reports whether the app was no more in the configuration of the newest run: that run knew the gaps of each app that was,
// up to its own yesterday.
func (h *history) left(newest handler.Latest, unread map[stats.Day]bool) bool {
	if newest.RunID == "" {
		return false
	}
	yesterday := stats.DayIn(newRun(newest.Summary).Clock, stats.Beijing) - 1
	if yesterday <= h.last || unread[yesterday] {
		return false
	}
	for _, g := range h.gaps {
		if g.From <= yesterday && yesterday <= g.To {
			return false
		}
	}
	return true
}
