package handler

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"chatlake/internal/stats"
	"chatlake/storage"
)

// checkNewestRun looks at the newest run's summary; err is storage.ErrNotExist where there is none.
func (c *checker) checkNewestRun(text []byte, err error) {
	const name = "newest run"
	if err != nil {
		c.add(name, Warning, "the lake has no run yet: invoke the function by hand, first with {\"dry_run\":true}, and see that its timer is on")
		return
	}
	var newest Latest
	if err := json.Unmarshal(text, &newest); err != nil {
		c.add(name, Failed, "its summary can't be read (%v): the next run replaces it", err)
		return
	}
	c.previous = newest
	started, err := time.Parse(time.RFC3339, newest.StartedAt)
	if err != nil {
		c.add(name, Failed, "its summary has no time: the next run replaces it")
		return
	}
	age := c.started.Sub(started)
	if age <= LateAfter {
		c.due = min(c.due, stats.DayIn(started, stats.Beijing)-1)
	}
	told := fmt.Sprintf("%s started %d hours ago, %s", newest.RunID, int(age.Hours()), newest.Status)
	trouble := ""
	if len(newest.Errors) > 0 {
		trouble = fmt.Sprintf(", %d errors, first: %s", len(newest.Errors), newest.Errors[0].Describe())
	}
	switch {
	case age > LateAfter:
		c.add(name, Failed, "%s%s: see in SCF's console whether the function's timer is on and how its invocations end", told, trouble)
	case newest.Status == Failed:
		c.add(name, Failed, "%s%s", told, trouble)
	case newest.Status != OK:
		c.add(name, Warning, "%s, %d rows refused%s", told, newest.Rows.Rejected, trouble)
	default:
		c.add(name, OK, "%s", told)
	}
}

// checkFiles reads the files of the API's days side by side, and finds what they lack.
func (c *checker) checkFiles(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*stepTime)
	defer cancel()
	var days []stats.Day
	for day := c.holdings.window.From; day <= c.holdings.window.To; day++ {
		days = append(days, day)
	}
	bad, there := 0, 0
	for _, o := range sideBySide(ctx, c.daysAtOnce(), days, func(ctx context.Context, day stats.Day) (storage.Merged, error) {
		return c.lake.Merge(ctx, day, nil, c.event.clock)
	}) {
		if o.err != nil {
			c.holdings.unread |= c.holdings.window.bit(o.day)
			bad++
			c.add("files", Failed, "%v", o.err)
			continue
		}
		c.holdings.add(o.day, o.merged.Apps)
		if len(o.merged.Apps) > 0 {
			there++
		}
	}
	if bad == 0 {
		c.add("files", OK, "%d of the %d days %s have a file, and each can be read", there, len(days), c.holdings.window)
	}
	c.checkGaps()
}

// checkGaps finds the days that the lake lacks as of now, also where no run came to find them.
func (c *checker) checkGaps() {
	coverage := c.holdings.coverage(c.previous.Coverage)
	if len(coverage) == 0 {
		return // a lake that is not begun lacks nothing
	}
	covered, before := byApp(coverage), byApp(c.previous.Coverage)
	old := make(map[int64][]Gap)
	for _, g := range c.previous.Gaps {
		old[g.AppID] = append(old[g.AppID], g)
	}
	c.recallAnswers()
	for app := range old {
		c.holdings.failed[app] = covered[app] == nil // the whole window is its gap, as for the run that found it
	}
	apps := c.asked
	if len(c.configured) == 0 { // the list could not be read
		for _, covers := range coverage {
			apps = append(apps, covers.AppID)
		}
	}
	var gaps []Gap
	for _, app := range apps {
		for _, g := range c.holdings.gaps(app, covered[app], before[app], old[app]) {
			if g.To = min(g.To, c.due); g.From <= g.To {
				gaps = append(gaps, g)
			}
		}
	}
	c.addGaps(gaps)
	c.addCoverage(coverage, covered)
}

// recallAnswers takes for what the API answered what the newest run marked as lacking there, since the checks' own calls do not
// ask for whole answers.
func (c *checker) recallAnswers() {
	for _, g := range c.previous.Gaps {
		if !g.SourceLacks {
			continue
		}
		answered, known := c.holdings.answers[g.AppID]
		if !known {
			answered = ^daySet(0)
		}
		for day := g.From; day <= g.To; day++ {
			answered &^= c.holdings.window.bit(day)
		}
		c.holdings.answers[g.AppID] = answered
	}
}

// addGaps tells of gaps, the most urgent first. What the API never had is no trouble.
func (c *checker) addGaps(gaps []Gap) {
	const name = "gaps"
	today := c.holdings.window.To + 1
	all := len(gaps)
	gaps = slices.DeleteFunc(gaps, func(g Gap) bool { return g.SourceLacks })
	if len(gaps) == 0 {
		without := ""
		if all > 0 {
			without = fmt.Sprintf(", but for %d ranges that the API did not have either", all)
		}
		c.add(name, OK, "the lake lacks no day%s", without)
		return
	}
	slices.SortStableFunc(gaps, func(a, b Gap) int {
		return cmp.Or(compareBools(!a.Lost, !b.Lost), cmp.Compare(a.LostAfter, b.LostAfter))
	})
	status := Warning
	if gaps[0].Urgent(today) {
		status = Failed
	}
	advice := make([]string, 0, mostNamed)
	for _, g := range gaps[:min(mostNamed, len(gaps))] {
		days := fmt.Sprintf(`"from":%q,"to":%q`, g.From, g.To)
		if g.Lost {
			advice = append(advice, fmt.Sprintf(`app %d: the lake lacks %s, which the API has no more: see whether the raw archive has them, by {"source":"raw","apps":[%d],%s}`,
				g.AppID, window{g.From, g.To}, g.AppID, days))
			continue
		}
		advice = append(advice, fmt.Sprintf(`%s: pull them by {"apps":[%d],%s}`, g.Describe(today), g.AppID, days))
	}
	c.add(name, status, "%s", joinSome(advice, len(gaps)))
}

// compareBools orders what is true first.
func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// addCoverage tells of apps that are configured and have no row, and of those with new rows that are not configured any more.
func (c *checker) addCoverage(coverage []Coverage, covered map[int64]*Coverage) {
	const name = "coverage"
	configured := make(map[int64]bool, len(c.configured))
	for _, app := range c.configured {
		configured[app] = true
	}
	var empty, left []string
	for _, app := range c.asked {
		if covered[app] == nil {
			empty = append(empty, fmt.Sprint(app))
		}
	}
	for _, covers := range coverage {
		if len(configured) > 0 && !configured[covers.AppID] && c.holdings.window.To-covers.Last < APIDays {
			left = append(left, fmt.Sprintf("app %d (rows to %s)", covers.AppID, covers.Last))
		}
	}
	if len(empty) > 0 {
		c.add(name, Warning, "the lake has no row of apps that are configured: %s: right for new ones; else see their own lines and the newest run's errors", joinSome(empty, len(empty)))
	}
	if len(left) > 0 {
		c.add(name, Warning, "not in CHATLAKE_APPS any more: %s: their newer days pass out of the API's reach", joinSome(left, len(left)))
	}
	if len(empty)+len(left) == 0 && len(c.asked) > 0 {
		c.add(name, OK, "the lake has rows of all %d apps", len(c.asked))
	}
}

// joinSome joins the first of a list that has so many in all.
func joinSome(list []string, all int) string {
	some := strings.Join(list[:min(mostNamed, len(list))], "; ")
	if more := all - mostNamed; more > 0 {
		some += fmt.Sprintf("; and %d more", more)
	}
	return some
}
