package report

import (
	"fmt"
	"slices"
	"strings"

	"chatlake/handler"
	"chatlake/internal/stats"
)

// Level is how much something matters.
type Level string

const (
	urgent Level = "Act now" // something fails, or will soon be lost
	look   Level = "Look"    // something may be
	note   Level = "Note"    // nothing can be done any more
)

// Notice is one thing that needs attention.
type Notice struct {
	Level Level
	What  string
	Do    string
	Link  string // the section that tells more; empty for none
}

const (
	mostNotices = 8
	alarmDays   = 7 // before a loss
	mostNames   = 3 // of apps, days or keys in a line
)

// Notices returns what needs attention, the most urgent first.
func (r *Report) Notices() []Notice {
	all := r.noticesOfRuns()
	all = append(all, r.noticesOfGaps()...)
	for _, d := range r.Damaged {
		all = append(all, Notice{
			urgent, "The file of " + d.Day.String() + " is damaged.",
			fmt.Sprintf(`Rebuild the day: chatlake run --source raw --from %s --to %s`, d.Day, d.Day), "coverage",
		})
	}
	for _, app := range r.Apps {
		if app.LeftAfter == nil {
			continue
		}
		if left := int(*app.LeftAfter + handler.APIDays - stats.DayIn(r.Made, stats.Beijing)); left >= 0 {
			all = append(all, Notice{
				look, fmt.Sprintf("%s has rows up to %s and is not pulled any more.", app.title(), *app.LeftAfter),
				"If that is not meant, put it back into CHATLAKE_APPS.", "coverage",
			})
		}
	}
	if n := len(r.Strange); n > 0 {
		all = append(all, Notice{look, fmt.Sprintf("The table's folder holds %s that no run has put there: %s. Query engines read all of it.",
			count(int64(n), "object"), some(r.Strange)), "Move it elsewhere.", ""})
	}
	order := []Level{urgent, look, note}
	slices.SortStableFunc(all, func(a, b Notice) int { return slices.Index(order, a.Level) - slices.Index(order, b.Level) })
	return all
}

func (r *Report) noticesOfRuns() (all []Notice) {
	if r.Newest == nil {
		return []Notice{{urgent, "No run has left a summary yet.", "Start one by chatlake run, or look into the function's log.", ""}}
	}
	if since := r.Made.Sub(r.Newest.Clock); since > handler.LateAfter {
		all = append(all, Notice{
			urgent, fmt.Sprintf("No run has left a summary since %s, %s.", minute(r.Newest.Clock), ago(r.Newest.Clock, r.Made)),
			"See whether the timer is on, and what the function's log says.", "runs",
		})
	}
	switch r.Newest.Status {
	case handler.Failed:
		all = append(all, Notice{urgent, "The newest run failed: " + firstError(r.Newest.Summary), "", "runs"})
	case handler.Partial:
		var failed []string
		for _, part := range []struct {
			n    int
			what string
		}{{r.Newest.Apps.Failed, "failed app"}, {len(r.Newest.Partitions.Failed), "failed day"}, {r.Newest.Rows.Rejected, "refused row"}} {
			if part.n > 0 {
				failed = append(failed, count(int64(part.n), part.what))
			}
		}
		what := "The newest run is partial: " + strings.Join(failed, ", ")
		if len(r.Newest.Errors) > 0 {
			what += "; first error: " + firstError(r.Newest.Summary)
		}
		all = append(all, Notice{look, what + ".", "", "runs"})
	}
	return all
}

func firstError(s handler.Summary) string {
	if len(s.Errors) == 0 {
		return "it says no error"
	}
	return s.Errors[0].Describe()
}

// noticesOfGaps joins the gaps that apps have in common.
func (r *Report) noticesOfGaps() (all []Notice) {
	type group struct {
		from, to stats.Day
		state    State
	}
	apps := make(map[group][]string)
	var groups []group
	first := make(map[group]Gap)
	title := make(map[int64]string, len(r.Apps))
	for _, app := range r.Apps {
		title[app.ID] = app.title()
	}
	for _, g := range r.Gaps {
		key := group{g.From, g.To, g.State}
		if apps[key] == nil {
			groups = append(groups, key)
			first[key] = g
		}
		apps[key] = append(apps[key], title[g.AppID])
	}
	for _, g := range groups {
		what := fmt.Sprintf("%s lack %s", some(apps[g]), span(g.from, g.to))
		if len(apps[g]) == 1 {
			what = fmt.Sprintf("%s lacks %s", apps[g][0], span(g.from, g.to))
		}
		switch g.state {
		case AtRisk:
			level := look
			if first[g].Left < alarmDays {
				level = urgent
			}
			all = append(all, Notice{level, what + ": " + daysLeft(first[g]) + ".", "The next run tries again; the newest run's errors say what is wrong.", "gaps"})
		case Lost:
			all = append(all, Notice{note, what + ", which the API has no more.", "If a run ever archived an answer with them, chatlake run --source raw brings them back.", "gaps"})
		}
	}
	return all
}

// daysLeft says until when what is missing can be had.
func daysLeft(g Gap) string {
	what := "it"
	if g.From < g.To {
		what = "the first of them"
	}
	switch {
	case g.Left < 0:
		return "the API may forget " + what + " today"
	case g.Left == 0:
		return "today is the last day to pull " + what
	}
	return count(int64(g.Left), "day") + " left to pull " + what
}

// some joins the first of a list's names, and tells how many more there are.
func some(names []string) string {
	if len(names) <= mostNames+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %s more", strings.Join(names[:mostNames], ", "), thousands(int64(len(names)-mostNames)))
}

// title is how an app is called in a sentence.
func (a *App) title() string {
	if a.Name == "" {
		return fmt.Sprintf("app %d", a.ID)
	}
	return fmt.Sprintf("%s (%d)", a.Name, a.ID)
}
