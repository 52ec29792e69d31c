// Package report shows the lake to a person: what it holds day by day, how the apps do, how the runs went and what needs
// attention, as one HTML file that asks nothing of a network.
//
// It only reads. Which days it looks into is derived from the clock and never from a listing, since a COS listing may lag; and
// what it says of a missing day is by the clock too, so that a lake that no run has touched for a week is not shown as whole.
package report

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"chatlake/handler"
	"chatlake/internal/stats"
	"chatlake/storage"
)

const (
	mostRuns   = 14 // that are shown
	readAtOnce = 16 // days in flight
)

// Report is what the page shows.
type Report struct {
	Lake     string    // where it is, without credentials
	Made     time.Time // UTC
	From, To stats.Day // To is before From where the lake holds no whole day
	Apps     []App     // by id
	Newest   *Run      // nil for none
	Runs     []Run     // the newest first
	Gaps     []Gap     // the most urgent first
	Refused  []Refused
	Damaged  []Damaged
	Strange  []string // keys in the table's folder that no run has put there
}

// App is one app over the report's days.
type App struct {
	ID            int64
	Name, Company string // empty where no row has one
	States        []State
	Values        [numMetrics][]int64 // by metric and day; stats.Null for none
	LeftAfter     *stats.Day          // its last day, where it is not pulled any more
}

// Run is a run's summary, with the clock that its id tells.
type Run struct {
	handler.Summary
	Clock time.Time
}

// Damaged is a day whose file cannot be read.
type Damaged struct {
	Day stats.Day
	Why string
}

// Days returns how many days the report has.
func (r *Report) Days() int { return int(r.To-r.From) + 1 }

// String tells the report in a few words.
func (r *Report) String() string {
	if r.Days() < 1 {
		return "the lake holds no whole day yet"
	}
	text := fmt.Sprintf("%s, %s, ", count(int64(len(r.Apps)), "app"), span(r.From, r.To))
	switch n := len(r.Notices()); n {
	case 0:
		return text + "nothing needs attention"
	case 1:
		return text + "1 thing needs attention"
	default:
		return text + thousands(int64(n)) + " things need attention"
	}
}

// Read reads the newest days of the lake, at most so many. name is how the page calls the lake.
func Read(ctx context.Context, lake *storage.Lake, name string, days int, now time.Time) (*Report, error) {
	r := &Report{Lake: name, Made: now.UTC().Truncate(time.Second)}
	newest, err := r.readRuns(ctx, lake, days)
	if err != nil {
		return nil, err
	}
	listing, err := lake.Days(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the lake's days failed: %w", err)
	}
	r.Strange = listing.Strange
	r.To = lastDue(r.Newest, r.Made)
	r.From = max(r.To-stats.Day(days)+1, earliest(listing.Days, newest, r.To))
	table, err := r.readTable(ctx, lake)
	if err != nil {
		return nil, err
	}
	r.fill(table, newest)
	return r, nil
}

// readRuns reads the newest runs' summaries and returns what the newest of all left for the next.
func (r *Report) readRuns(ctx context.Context, lake *storage.Lake, days int) (handler.Latest, error) {
	var newest handler.Latest
	switch text, err := lake.LatestRun(ctx); {
	case errors.Is(err, storage.ErrNotExist):
	case err != nil:
		return newest, fmt.Errorf("reading the newest run failed: %w", err)
	default:
		if err := json.Unmarshal(text, &newest); err != nil {
			return newest, fmt.Errorf("the newest run's summary, _runs/latest.json, cannot be read: %w: the next run writes it anew", err)
		}
	}
	since := stats.DayIn(r.Made, time.UTC) - stats.Day(max(days, handler.APIDays))
	texts, err := lake.Runs(ctx, since, mostRuns)
	if err != nil {
		return newest, fmt.Errorf("reading the runs failed: %w", err)
	}
	for _, text := range texts {
		var summary handler.Summary
		if err := json.Unmarshal(text, &summary); err != nil {
			return newest, fmt.Errorf("a run's summary cannot be read: %w", err)
		}
		r.Runs = append(r.Runs, newRun(summary))
	}
	if newest.RunID != "" {
		run := newRun(newest.Summary)
		r.Newest = &run
	}
	if len(r.Runs) > 0 && (r.Newest == nil || r.Runs[0].Clock.After(r.Newest.Clock)) {
		r.Newest = &r.Runs[0]
	}
	return newest, nil
}

func newRun(s handler.Summary) Run {
	const layout = "20060102T150405Z"
	if clock, err := time.Parse(layout, s.RunID[:min(len(layout), len(s.RunID))]); err == nil {
		return Run{s, clock}
	}
	clock, _ := time.Parse(time.RFC3339, s.StartedAt) // the zero time for a summary that tells neither
	return Run{s, clock}
}

// lastDue returns the newest day that a daily run would have stored by now: yesterday, but the day before that while today's
// run is still to come.
func lastDue(newest *Run, now time.Time) stats.Day {
	today := stats.DayIn(now, stats.Beijing)
	if newest != nil && stats.DayIn(newest.Clock, stats.Beijing) < today && now.Sub(newest.Clock) <= handler.LateAfter {
		return today - 2
	}
	return today - 1
}

// earliest returns the first day of which the lake knows anything, or the day after to.
func earliest(held []stats.Day, newest handler.Latest, to stats.Day) stats.Day {
	first := to + 1
	for _, day := range held {
		first = min(first, day)
	}
	for _, c := range newest.Coverage {
		first = min(first, c.First)
	}
	for _, g := range newest.Gaps {
		first = min(first, g.From)
	}
	return first
}

// cell is what the report keeps of a row.
type cell struct {
	app           int64
	name, company string
	revised       bool
	values        [numMetrics]int64
}

// readTable reads the report's days side by side. A day that cannot be read is noted; any other failure ends it.
func (r *Report) readTable(ctx context.Context, lake *storage.Lake) ([][]cell, error) {
	table := make([][]cell, r.Days())
	damaged := make([]*Damaged, r.Days())
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i := range table {
		group.Go(func() error {
			day := r.From + stats.Day(i)
			rows, err := lake.ReadDay(ctx, day)
			var unreadable *storage.DamagedError
			if errors.As(err, &unreadable) {
				damaged[i] = &Damaged{day, unreadable.Error()}
				return nil
			}
			if err != nil {
				return fmt.Errorf("reading %s failed: %w", day, err)
			}
			for _, row := range rows {
				c := cell{app: row.AppID, name: row.Texts[nameText], company: row.Texts[companyText], revised: row.Revision > 1}
				for m := range metrics {
					c.values[m] = row.Counters[metrics[m].counter]
				}
				table[i] = append(table[i], c)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, d := range damaged {
		if d != nil {
			r.Damaged = append(r.Damaged, *d)
		}
	}
	return table, nil
}

// fill puts together the apps and what the lake lacks of them.
func (r *Report) fill(table [][]cell, newest handler.Latest) {
	known := make(map[int64]*history)
	of := func(app int64, day stats.Day) *history {
		h := known[app]
		if h == nil {
			h = newHistory(app, day, r.Days())
			known[app] = h
		}
		h.first = min(h.first, day)
		return h
	}
	for _, c := range newest.Coverage {
		h := of(c.AppID, c.First)
		h.last = max(h.last, c.Last)
	}
	for _, g := range newest.Gaps {
		h := of(g.AppID, g.From)
		h.gaps = append(h.gaps, g)
	}
	for i, cells := range table {
		for _, c := range cells {
			of(c.app, r.From+stats.Day(i)).put(i, r.From+stats.Day(i), c)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		h := known[id]
		r.Gaps = append(r.Gaps, h.judge(r, newest)...)
		r.Apps = append(r.Apps, h.App)
	}
	slices.SortStableFunc(r.Gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(urgency(a.State), urgency(b.State)), cmp.Compare(a.From, b.From), cmp.Compare(a.AppID, b.AppID))
	})
	r.Refused = refusals(r.Runs)
}
