package handler

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
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
	p := replay{run: r, fetched: make(map[string]fetched), lost: make(map[string]bool), apps: make(map[int64]bool), done: make(map[stats.Day]bool)}
	defer func() { r.lookInto(ctx, func(day stats.Day) bool { return p.done[day] }) }()
	r.summary.Apps = AppCounts{} // those that the archive has
	objects := r.archived(ctx)
	if objects == nil {
		return
	}
	var err error
	if p.tmp, err = os.MkdirTemp("", "chatlake-replay-"); err == nil {
		defer os.RemoveAll(p.tmp)
	}
	first, last := r.daysOf(objects)
	ended := false
	tell := r.tells(Replaying, int(last-first)+1)
	for from := first; from <= last && !ended; {
		batch := window{from, min(from+r.daysInMemory()-1, last)}
		size, failed := int(batch.To-batch.From)+1, len(r.summary.Partitions.Failed)
		from = batch.To + 1
		if batch.To == last && r.event.to == nil {
			batch.To += farAhead // days to come, which the API has given before their time
		}
		if ended = !p.rebuild(ctx, objects, batch); ended {
			rest := window{batch.From, max(batch.From, min(last, objects[len(objects)-1].Day))}
			for day := rest.From; day <= rest.To; day++ {
				r.summary.Partitions.Failed = append(r.summary.Partitions.Failed, day)
				r.holdings.unread |= r.holdings.window.bit(day)
			}
			r.fail(RunError{Stage: stageStore, Retryable: true, Message: "the run's time ended before " + rest.String() + " were rebuilt: ask for them by from and to"})
		}
		tell(size, len(r.summary.Partitions.Failed)-failed)
	}
	r.summary.Apps = AppCounts{Total: len(p.apps), OK: len(p.apps)}
	if len(p.apps) == 0 && !ended {
		r.fail(RunError{Stage: stageStore, Message: "the raw archive has no answer of the apps asked for: nothing can be rebuilt"})
	}
	if days := slices.Sorted(maps.Keys(p.done)); len(days) > 0 {
		if r.event.from == nil {
			r.summary.Window.From = days[0]
		}
		if r.event.to == nil {
			r.summary.Window.To = max(r.summary.Window.From, min(r.summary.Window.To, days[len(days)-1]))
		}
	}
}

// daysInMemory is how many days to rebuild at once: as many as half of the process's memory limit holds.
func (r *run) daysInMemory() stats.Day {
	const rowBytes = 2 << 10 // of a row that is decoded, folded and encoded
	rows := max(len(r.previous.Coverage), 1)
	return stats.Day(min(max(debug.SetMemoryLimit(-1)/2/int64(rows*rowBytes), 1), replayDays))
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
		to = min(to, *r.event.to+APIDays+1)
	}
	objects, err := r.lake.RawObjects(ctx, from, to)
	switch {
	case err != nil:
		r.fail(RunError{Stage: stageStore, Message: "the raw archive could not be listed: " + err.Error(), Retryable: retryable(err)})
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
	first, last = objects[0].Day-APIDays-1, objects[len(objects)-1].Day+1
	if r.event.from != nil {
		first = max(first, *r.event.from)
	}
	if r.event.to != nil {
		last = *r.event.to
	}
	return first, last
}

// replay is the state of a replay over its batches of days.
type replay struct {
	*run
	tmp     string             // a directory; empty if none could be made
	size    int64              // of the objects in it
	fetched map[string]fetched // by key
	lost    map[string]bool    // keys of objects that were told of as damaged
	apps    map[int64]bool     // that the archive has
	done    map[stats.Day]bool // days that had rows
}

// fetched is what is known of an object of the archive that was read once.
type fetched struct {
	at   time.Time // when its first answer had come
	path string    // of its copy on this machine; empty where there is none
}

// rebuild rebuilds the days of one batch, and reports whether the time was enough.
func (p *replay) rebuild(ctx context.Context, objects []storage.RawObject, batch window) bool {
	keys, whole := p.inOrder(ctx, objects, batch)
	fold := p.lake.NewReplay()
	for _, key := range keys {
		object, err := p.read(ctx, key)
		if err != nil {
			whole = false
		} else {
			err = storage.ReadArchive(bytes.NewReader(object), func(a storage.RawAnswer) error {
				if a.Good && p.asksFor(a.AppID) {
					p.foldAnswer(ctx, fold, a, p.wants(a, batch))
				}
				return ctx.Err()
			})
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			p.loses(key, err)
		}
	}
	if ctx.Err() != nil {
		return false
	}
	days := fold.Days()
	for _, day := range days {
		p.done[day] = true
	}
	repair := ""
	if p.event.from != nil && p.event.to != nil && p.event.apps == nil && whole {
		repair = p.summary.RunID // these very days were asked for, and this is all that the archive has of them
	}
	p.eachDay(ctx, days, func(ctx context.Context, day stats.Day) (storage.Merged, error) {
		return fold.Finish(ctx, day, repair)
	})
	return true
}

// wants returns which days of an answer are to be rebuilt: those that its run merged.
func (p *replay) wants(a storage.RawAnswer, batch window) func(stats.Day) bool {
	merged := request{from: a.From, to: a.To}
	return func(day stats.Day) bool {
		return day >= batch.From && day <= batch.To && merged.wants(day) && p.event.wants(day)
	}
}

// foldAnswer folds in one answer of the archive.
func (p *replay) foldAnswer(ctx context.Context, fold *storage.Replay, a storage.RawAnswer, wants func(stats.Day) bool) {
	p.apps[a.AppID] = true
	answer := pulled{app: chat.App{ID: a.AppID}}
	entries, err := chat.ParseAnswer(a.Body)
	if err != nil {
		p.warn(fmt.Sprintf("app %d: the archived answer of %s can't be read: %v", a.AppID, a.At.Format(time.RFC3339), err))
		return
	}
	answer.readRows(entries, wants)
	for _, row := range answer.rows {
		fold.Add(ctx, row, a.Clock)
	}
	p.summary.Rows.Pulled += len(answer.rows)
}

// asksFor reports whether a replay is to rebuild an app: without a list, all that the archive has, also those that left the
// configuration.
func (r *run) asksFor(app int64) bool {
	return r.event.apps == nil || slices.Contains(r.event.apps, app)
}

// loses tells, once, of an object that can't be had.
func (p *replay) loses(key string, err error) {
	if !p.lost[key] {
		p.lost[key] = true
		p.fail(RunError{Stage: stageArchive, Message: fmt.Sprintf("%s can't be read (%v): what only its run pulled stays missing", key, err)})
	}
}

// spoolRoom is how many bytes of the archive a replay keeps on this machine's disk, of which SCF gives 512 MB.
const spoolRoom = 256 << 20

// inOrder fetches the objects that can hold the days and returns their keys in the order in which their answers were given,
// which need not be that of their runs' clocks, and whether all could be fetched.
func (p *replay) inOrder(ctx context.Context, objects []storage.RawObject, days window) (keys []string, whole bool) {
	whole = true
	for _, o := range objects {
		if o.Day < days.From-1 || o.Day > days.To+APIDays+1 {
			continue
		}
		if _, known := p.fetched[o.Key]; !known {
			if err := p.fetch(ctx, o.Key); err != nil {
				whole = false
				if ctx.Err() == nil {
					p.loses(o.Key, err)
				}
				continue
			}
		}
		keys = append(keys, o.Key)
	}
	slices.SortStableFunc(keys, func(a, b string) int { return p.fetched[a].at.Compare(p.fetched[b].at) })
	return keys, whole
}

// fetch reads an object for the first time. It keeps a copy while there is room, or the object is read again when its turn comes.
func (p *replay) fetch(ctx context.Context, key string) error {
	object, err := p.lake.ReadRaw(ctx, key)
	if err != nil {
		return err
	}
	f := fetched{at: storage.RawTime(object)}
	if p.tmp != "" && p.size+int64(len(object)) <= spoolRoom {
		path := filepath.Join(p.tmp, strconv.Itoa(len(p.fetched)))
		if os.WriteFile(path, object, 0o600) == nil {
			f.path = path
			p.size += int64(len(object))
		}
	}
	p.fetched[key] = f
	return nil
}

func (p *replay) read(ctx context.Context, key string) ([]byte, error) {
	if path := p.fetched[key].path; path != "" {
		if object, err := os.ReadFile(path); err == nil {
			return object, nil
		}
	}
	return p.lake.ReadRaw(ctx, key)
}
