package report

import (
	"fmt"
	"strings"

	"chatlake/internal/stats"
)

// stateNames are the states as the page calls them, with the class of their marks.
var stateNames = [numStates]struct{ Class, Name, Meaning string }{
	Outside: {"", "blank: not due", "before the app's first day, or after its last where it is not pulled any more"},
	There:   {"ok", "there", "as first pulled"},
	Revised: {"rev", "revised", "there, and corrected by the API since it was first pulled"},
	AtRisk:  {"risk", "at risk", "missing, and the API still has it"},
	Lost:    {"lost", "lost", "missing, and the API has it no more"},
	None:    {"none", "API has none", "missing, and a whole answer of the API did not have it"},
	Unread:  {"bad", "damaged", "the day's file cannot be read"},
}

const stripHigh = 16 // as wide as the strokes of the marks

// strip is an app's days as a row of cells. Days in one state that are held share a path; each range of those that are not has
// its own, so that it can be pointed at.
type strip struct {
	Label string
	Marks []mark
}

// mark is cells of one look.
type mark struct{ Class, Path, Title string }

// stretch is a range of days in one state, by their indexes.
type stretch struct {
	state    State
	from, to int
}

func stretches(states []State) (all []stretch) {
	for i, s := range states {
		if n := len(all); n > 0 && all[n-1].state == s {
			all[n-1].to = i
			continue
		}
		all = append(all, stretch{s, i, i})
	}
	return all
}

// strip draws the states of an app. wide is the width of a cell.
func (r *Report) strip(states []State, wide int) strip {
	var s strip
	var days [numStates]int
	var paths [numStates]strings.Builder
	var ranges [numStates][]string
	for _, st := range stretches(states) {
		from, to := r.From+stats.Day(st.from), r.From+stats.Day(st.to)
		days[st.state] += st.to - st.from + 1
		ranges[st.state] = append(ranges[st.state], span(from, to))
		path := fmt.Sprintf("M%d %dh%d", st.from*wide, stripHigh/2, (st.to-st.from+1)*wide)
		switch st.state {
		case Outside:
		case There, Revised:
			paths[st.state].WriteString(path)
		default:
			s.Marks = append(s.Marks, mark{stateNames[st.state].Class, path, span(from, to) + ": " + stateNames[st.state].Name})
		}
	}
	var label []string
	for _, state := range []State{There, Revised, AtRisk, Lost, None, Unread} {
		if days[state] == 0 {
			continue
		}
		text := fmt.Sprintf("%s: %s", stateNames[state].Name, count(int64(days[state]), "day"))
		if state != There {
			text += ", " + some(ranges[state])
		}
		label = append(label, text)
		if state == There || state == Revised {
			s.Marks = append([]mark{{stateNames[state].Class, paths[state].String(), text}}, s.Marks...)
		}
	}
	s.Label = strings.Join(label, "; ")
	if s.Label == "" {
		s.Label = "no day is due"
	}
	return s
}

// cellWide makes a few days wide enough to be seen and many narrow enough for a screen.
func cellWide(days int) int { return min(28, max(10, 900/max(days, 1))) }

// tick is a date on an axis, at its place in percent.
type tick struct {
	At    string
	Text  string
	First bool // of the axis
}

// ticks returns the firsts of months, and the first day where none is near.
func (r *Report) ticks() (all []tick) {
	days := r.Days()
	add := func(i int, text string) {
		all = append(all, tick{fmt.Sprintf("%.4g%%", 100*float64(i)/float64(days)), text, i == 0})
	}
	for i := range days {
		switch day := (r.From + stats.Day(i)).Time(); {
		case day.Day() == 1:
			add(i, day.Format("Jan 2006"))
		case i == 0 && !r.monthWithin(days/8):
			add(0, day.Format("2 Jan"))
		}
	}
	return all
}

func (r *Report) monthWithin(days int) bool {
	for i := range days + 1 {
		if (r.From + stats.Day(i)).Time().Day() == 1 {
			return true
		}
	}
	return false
}
