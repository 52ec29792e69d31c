package handler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"chatlake/internal/stats"
	"chatlake/storage"
)

// merge merges the rows into the lake, day by day, and looks into the other days of the window.
func (r *run) merge(ctx context.Context) {
	ctx, cancel := context.WithDeadline(ctx, r.budget.mergeEnd(r.work()))
	defer cancel()
	days := r.rows.list()
	tell := r.tells(Merging, len(days))
	r.eachDay(ctx, days, func(ctx context.Context, day stats.Day) (merged storage.Merged, err error) {
		rows, err := r.rows.day(day)
		if err == nil {
			merged, err = r.lake.Merge(ctx, day, rows, r.event.clock)
		}
		if err != nil {
			tell(1, 1)
			return merged, err
		}
		tell(1, 0)
		return merged, nil
	})
	if n := r.summary.Rows.Inserted; n > 0 && r.event.fields != nil {
		r.warn(fmt.Sprintf("%d rows are new and have nothing but the fields of the request: pull their days again without fields", n))
	}
	r.warnOfFindings()
	r.lookInto(ctx, func(day stats.Day) bool { return r.rows.days[day] != nil })
}

// mostDaysAtOnce bounds the days that are merged side by side, where memory does not.
const mostDaysAtOnce = 10

// daysAtOnce is how many days to merge side by side: as many as half of the process's memory limit holds, files and rows.
func (r *run) daysAtOnce() int {
	const rowBytes = 2 << 10 // of a row that is decoded, merged and encoded
	rows := max(r.rows.most(), len(r.previous.Coverage), 1)
	return int(min(max(debug.SetMemoryLimit(-1)/2/int64(rows*rowBytes), 1), mostDaysAtOnce))
}

// eachDay does a job to days side by side and takes into the summary what came of it.
func (r *run) eachDay(ctx context.Context, days []stats.Day, job func(context.Context, stats.Day) (storage.Merged, error)) {
	slices.Sort(days)
	p := &r.summary.Partitions
	for _, o := range sideBySide(ctx, r.daysAtOnce(), days, job) {
		if o.err != nil {
			p.Failed = append(p.Failed, o.day)
			r.holdings.unread |= r.holdings.window.bit(o.day)
			r.fail(RunError{Day: &o.day, Stage: stageStore, Message: o.err.Error(), Retryable: retryable(o.err)})
			continue
		}
		r.summary.Rows.Inserted += o.merged.Inserted
		r.summary.Rows.Updated += o.merged.Updated
		r.summary.Rows.Unchanged += o.merged.Unchanged
		r.holdings.add(o.day, o.merged.Apps)
		r.changed[o.day] = o.merged.Changed
		if o.merged.Written {
			p.Written = append(p.Written, o.day)
		} else {
			p.Unchanged++
		}
		r.log.Debug("day merged", "run_id", r.summary.RunID, "day", o.day, "inserted", o.merged.Inserted, "updated", o.merged.Updated)
	}
}

// lookInto reads the days of the window that had nothing to merge, for what they lack.
func (r *run) lookInto(ctx context.Context, done func(stats.Day) bool) {
	var days []stats.Day
	for day := r.holdings.window.From; day <= r.holdings.window.To; day++ {
		if !done(day) {
			days = append(days, day)
		}
	}
	look := func(ctx context.Context, day stats.Day) (storage.Merged, error) {
		return r.lake.Merge(ctx, day, nil, r.event.clock)
	}
	var unread []string
	var first error
	for _, o := range sideBySide(ctx, r.daysAtOnce(), days, look) {
		if o.err != nil {
			r.holdings.unread |= r.holdings.window.bit(o.day)
			unread = append(unread, o.day.String())
			first = cmp.Or(first, o.err)
			continue
		}
		r.holdings.add(o.day, o.merged.Apps)
	}
	if len(unread) > 0 {
		r.warn(fmt.Sprintf("%s could not be looked into for gaps: %v", strings.Join(unread, ", "), first))
	}
}

// outcome is what came of a day.
type outcome struct {
	day    stats.Day
	merged storage.Merged
	err    error
}

// sideBySide does a job to days, some at once, and returns what came of each, in their order. A panic is that day's error.
func sideBySide(ctx context.Context, atOnce int, days []stats.Day, job func(context.Context, stats.Day) (storage.Merged, error)) []outcome {
	outcomes := make([]outcome, len(days))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, day := range days {
		group.Go(func() error {
			defer func() {
				if v := recover(); v != nil {
					outcomes[i] = outcome{day: day, err: errors.New(panicMessage(v))}
				}
			}()
			merged, err := job(ctx, day)
			outcomes[i] = outcome{day, merged, err}
			return nil
		})
	}
	group.Wait()
	return outcomes
}
