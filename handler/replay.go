package handler

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"chatlake/internal/chat"
	"chatlake/internal/stats"
	"chatlake/storage"
)

// replayDays is how many days are rebuilt at once, which bounds a replay's memory: the rows of these days. Each object of
// the archive is read for as many of these batches as its answers reach into, two as a rule.
const replayDays = 31

// farAhead is beyond any day that an answer may have.
const farAhead = 100 * 366

// replay rebuilds days from the raw archive.
func (r *run) replay(ctx context.Context) {
	ctx, cancel := context.WithDeadline(ctx, r.budget.mergeEnd(r.work()))
	defer cancel()
	done := make(map[stats.Day]bool)
	defer func() { r.lookInto(ctx, func(day stats.Day) bool { return done[day] }) }()
	r.summary.Apps = AppCounts{} // those that the archive has
	objects := r.archived(ctx)
	if objects == nil {
		return
	}
	tmp, err := os.MkdirTemp("", "chatlake-replay-")
	if err != nil {
		r.fail(RunError{Stage: stageStore, Message: "no room for the archive's objects: " + err.Error()})
		return
	}
	defer os.RemoveAll(tmp)
	apps := make(map[int64]bool)
	first, last := r.daysOf(objects)
	for from := first; from <= last; from += replayDays {
		batch := window{from, min(from+replayDays-1, last)}
		if batch.To == last && r.event.to == nil {
			batch.To += farAhead // days to come, which the API has given before their time
		}
		if ctx.Err() != nil {
			batch.To = last
			r.fail(RunError{Stage: stageStore, Retryable: true, Message: "the run's time ended before " + batch.String() + " were rebuilt: ask for them by from and to"})
			break
		}
		r.replayBatch(ctx, tmp, objects, batch, apps, done)
	}
	r.summary.Apps = AppCounts{Total: len(apps), OK: len(apps)}
	if len(apps) == 0 {
		r.fail(RunError{Stage: stageStore, Message: "the raw archive has no answer of the apps asked for: nothing can be rebuilt"})
	}
	if r.event.from == nil {
		r.summary.Window.From = first
	}
}

// archived lists the archive's objects that can hold the days asked for. A day's answers come from runs of the same day
// in Beijing, which begins on the day before in UTC, to those that are a window later.
func (r *run) archived(ctx context.Context) []storage.RawObject {
	today := r.day()
	from, to := stats.Day(0), today
	if r.event.from != nil {
		from = *r.event.from - 1
	}
	if r.event.to != nil {
		to = min(to, *r.event.to+apiDays+1)
	}
	objects, err := r.lake.RawObjects(ctx, from, to)
	switch {
	case err != nil:
		r.fail(RunError{Stage: stageStore, Message: "the raw archive could not be listed: " + err.Error(), Retryable: true})
		return nil
	case len(objects) == 0:
		r.fail(RunError{Stage: stageStore, Message: fmt.Sprintf("the raw archive has nothing of %s to %s: nothing can be rebuilt", r.summary.Window.From, r.summary.Window.To)})
		return nil
	}
	if r.event.from == nil {
		from = objects[0].Day
	}
	var holes []string
	there := make(map[stats.Day]bool)
	for _, o := range objects {
		there[o.Day] = true
	}
	for day := from + 1; day < to; day++ {
		if there[day] {
			continue
		}
		hole := window{day, day}
		for day+1 < to && !there[day+1] {
			day++
		}
		hole.To = day
		holes = append(holes, hole.String())
	}
	if holes != nil {
		r.warn("the raw archive has no object of the runs of " + strings.Join(holes, ", ") + ": what only they pulled stays missing")
	}
	return objects
}

// daysOf returns the days that objects can hold and the event asks for.
func (r *run) daysOf(objects []storage.RawObject) (first, last stats.Day) {
	first, last = objects[0].Day-apiDays-1, objects[len(objects)-1].Day+1
	if r.event.from != nil {
		first = *r.event.from
	}
	if r.event.to != nil {
		last = *r.event.to
	}
	return first, last
}

// replayBatch rebuilds the days of one batch.
func (r *run) replayBatch(ctx context.Context, tmp string, objects []storage.RawObject, batch window, apps map[int64]bool, done map[stats.Day]bool) {
	repair := ""
	if r.event.from != nil && r.event.to != nil && r.event.apps == nil {
		repair = r.summary.RunID // these very days were asked for, and all that the archive has of them
	}
	spooled, whole := r.inOrder(ctx, tmp, objects, batch)
	if !whole {
		repair = "" // what could not be fetched now can be by another run
	}
	fold := r.lake.NewReplay(repair)
	wants := func(a storage.RawAnswer) func(stats.Day) bool {
		merged := request{from: a.From, to: a.To}
		return func(day stats.Day) bool {
			return day >= batch.From && day <= batch.To && merged.wants(day) && r.event.wants(day)
		}
	}
	for _, object := range spooled {
		file, err := os.Open(object.path)
		if err == nil {
			err = storage.ReadArchive(file, func(a storage.RawAnswer) error {
				if a.Good && r.asksFor(a.AppID) {
					r.foldAnswer(ctx, fold, a, wants(a), apps)
				}
				return ctx.Err()
			})
			file.Close()
		}
		if err != nil && ctx.Err() == nil {
			r.damagedObject(object.key, err)
		}
	}
	days := fold.Days()
	for _, day := range days {
		done[day] = true
	}
	r.eachDay(ctx, days, fold.Finish)
}

// foldAnswer folds in one answer of the archive.
func (r *run) foldAnswer(ctx context.Context, fold *storage.Replay, a storage.RawAnswer, wants func(stats.Day) bool, apps map[int64]bool) {
	apps[a.AppID] = true
	p := pulled{app: chat.App{ID: a.AppID}}
	entries, err := chat.ParseAnswer(a.Body)
	if err != nil {
		r.warn(fmt.Sprintf("app %d: the archived answer of %s can't be read: %v", a.AppID, a.At.Format(time.RFC3339), err))
		return
	}
	p.readRows(entries, wants)
	for _, row := range p.rows {
		fold.Add(ctx, row, a.Clock)
	}
	r.summary.Rows.Pulled += len(p.rows)
}

// asksFor reports whether a replay is to rebuild an app: without a list, all that the archive has, also those that left the
// configuration.
func (r *run) asksFor(app int64) bool {
	return r.event.apps == nil || slices.Contains(r.event.apps, app)
}

func (r *run) damagedObject(key string, err error) {
	r.fail(RunError{Stage: stageArchive, Message: fmt.Sprintf("%s can't be read (%v): what only its run pulled stays missing", key, err)})
}

// spooled is an object of the archive on this machine's disk.
type spooled struct {
	key, path string
	at        time.Time
}

// inOrder fetches the objects that can hold the days and returns them in the order in which their answers were given,
// which need not be that of their runs' clocks, and whether all could be fetched.
func (r *run) inOrder(ctx context.Context, tmp string, objects []storage.RawObject, days window) (found []spooled, whole bool) {
	whole = true
	for i, o := range objects {
		if o.Day < days.From-1 || o.Day > days.To+apiDays+1 {
			continue
		}
		s := spooled{key: o.Key, path: filepath.Join(tmp, strconv.Itoa(i))}
		body, err := r.lake.ReadRaw(ctx, o)
		if err == nil {
			s.at = storage.RawTime(body)
			err = os.WriteFile(s.path, body, 0o600)
		}
		if err != nil {
			whole = false
			if ctx.Err() == nil {
				r.damagedObject(o.Key, err)
			}
			continue
		}
		found = append(found, s)
	}
	slices.SortStableFunc(found, func(a, b spooled) int { return a.at.Compare(b.at) })
	return found, whole
}
