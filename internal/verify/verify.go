// Package verify reads a whole lake and says what is wrong with it and how to repair it: the check of what is stored that
// operators and tests share. It changes nothing.
//
// A file that its reader refuses is damaged: one whose bytes changed, that has an app twice, or a row of another day. What such a
// file has of whom is not known, so no app is said to miss its day. A store that does not answer ends it: what could not be
// read is neither sound nor damaged.
package verify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"chatlake/handler"
	"chatlake/internal/stats"
	"chatlake/storage"
)

const (
	filesAtOnce   = 8 // which bounds the memory: the rows of so many days
	objectsAtOnce = 4 // of the raw archive
)

// Report is what was read, and what is wrong.
type Report struct {
	Files   int        `json:"files"` // of the table
	First   *stats.Day `json:"first"` // day with a file; null for an empty table
	Last    *stats.Day `json:"last"`
	Rows    int        `json:"rows"`
	Apps    int        `json:"apps"`
	Bytes   int64      `json:"bytes"` // of the files that can be read
	Longest int        `json:"longest_file"`
	Damaged []Damage   `json:"damaged"` // files that cannot be read, or have an app twice, or rows of another day
	NoFile  []Missing  `json:"no_file"` // days without a file, of which an app has earlier and later ones
	Missing []Missing  `json:"missing"` // days between an app's first and its last, but for those that the API had not either
	Strange []string   `json:"strange"` // objects in the table's folder that no run has put there
	Archive *Archive   `json:"archive,omitempty"`
}

// Damage is a file that cannot be read.
type Damage struct {
	Day   *stats.Day `json:"day,omitempty"`
	Key   string     `json:"key"`
	Error string     `json:"error"`
	Repair
}

// Missing are days without rows.
type Missing struct {
	AppID int64     `json:"sdk_app_id,omitempty"` // none for days without a file
	From  stats.Day `json:"from"`
	To    stats.Day `json:"to"`
	Repair
}

// Repair is what may repair something, for the command line and for the function. It is empty where nothing does.
type Repair struct {
	Command string          `json:"repair,omitempty"`
	Event   json.RawMessage `json:"event,omitempty"`
}

// Archive is what the raw archive has.
type Archive struct {
	Objects int      `json:"objects"`
	Answers int      `json:"answers"`
	Bytes   int64    `json:"bytes"`
	Damaged []Damage `json:"damaged"`
}

// Sound reports whether there is a table and nothing is wrong.
func (r Report) Sound() bool {
	return r.Files > 0 && len(r.Damaged)+len(r.NoFile)+len(r.Missing)+len(r.Strange) == 0 && (r.Archive == nil || len(r.Archive.Damaged) == 0)
}

// Lake reads the table and, with raw, the raw archive. progress is told of each file, never twice at once.
func Lake(ctx context.Context, lake *storage.Lake, raw bool, now time.Time, progress func(handler.Progress)) (Report, error) {
	t := table{
		Report: Report{Damaged: []Damage{}, NoFile: []Missing{}, Missing: []Missing{}, Strange: []string{}},
		today:  stats.DayIn(now, stats.Beijing),
		lacks:  make(map[appDay]bool), files: make(map[stats.Day]bool), noFile: make(map[stats.Day]bool), last: make(map[int64]stats.Day),
	}
	if err := t.read(ctx, lake, progress); err != nil {
		return t.Report, err
	}
	if raw {
		archive, err := readArchive(ctx, lake, progress)
		if err != nil {
			return t.Report, err
		}
		t.Archive = &archive
	}
	return t.Report, nil
}

// table is the state of reading the table, day by day.
type table struct {
	Report
	today  stats.Day
	lacks  map[appDay]bool     // what the API had not either
	files  map[stats.Day]bool  // listed, and whether they can be read
	noFile map[stats.Day]bool  // days that an app misses for want of a file
	last   map[int64]stats.Day // that each app has so far
}

type appDay struct {
	app int64
	day stats.Day
}

func (t *table) read(ctx context.Context, lake *storage.Lake, progress func(handler.Progress)) error {
	listing, err := lake.Days(ctx)
	if err != nil {
		return err
	}
	if err := t.recall(ctx, lake); err != nil {
		return err
	}
	t.Files = len(listing.Days)
	t.Strange = append(t.Strange, listing.Strange...)
	if t.Files > 0 {
		t.First, t.Last = &listing.Days[0], &listing.Days[t.Files-1]
	}
	for _, day := range listing.Days {
		t.files[day] = true
	}
	done := 0
	for days := range slices.Chunk(listing.Days, filesAtOnce) {
		rows := make([][]stats.Row, len(days))
		lengths := make([]int, len(days))
		errs := make([]error, len(days))
		var group errgroup.Group
		for i, day := range days {
			group.Go(func() error {
				rows[i], lengths[i], errs[i] = lake.ReadFile(ctx, day)
				return nil
			})
		}
		group.Wait()
		for i, day := range days {
			if err := t.add(day, rows[i], lengths[i], errs[i]); err != nil {
				return err
			}
		}
		done += len(days)
		progress(handler.Progress{Stage: "reading files", Done: done, Total: t.Files, Failed: len(t.Damaged)})
	}
	t.Apps = len(t.last)
	t.NoFile = append(t.NoFile, t.ranges(0, slices.Sorted(maps.Keys(t.noFile)))...)
	slices.SortStableFunc(t.Missing, func(a, b Missing) int { return cmp.Compare(a.AppID, b.AppID) })
	return nil
}

// add takes in what came of reading a day.
func (t *table) add(day stats.Day, rows []stats.Row, length int, err error) error {
	var damaged *storage.DamagedError
	switch {
	case errors.As(err, &damaged):
		t.Damaged = append(t.Damaged, Damage{Day: &day, Key: damaged.Key, Error: damaged.Err.Error(), Repair: replay(0, day, day)})
		t.files[day] = false
		return nil
	case err != nil:
		return err
	case length == 0:
		return fmt.Errorf("%s was listed and is gone: is it being moved? Try again", storage.PartitionKey(day))
	}
	t.Rows += len(rows)
	t.Bytes += int64(length)
	t.Longest = max(t.Longest, length)
	for _, row := range rows {
		before, known := t.last[row.AppID]
		if known && day <= t.today { // what the API gives of days to come says nothing of those before
			t.Missing = append(t.Missing, t.between(row.AppID, before+1, day-1)...)
		}
		if !known || day <= t.today {
			t.last[row.AppID] = day
		}
	}
	return nil
}

// between returns what an app misses of some days. Those without a file are noted apart, for all apps.
func (t *table) between(app int64, from, to stats.Day) []Missing {
	var days []stats.Day
	for day := from; day <= to; day++ {
		readable, listed := t.files[day]
		switch {
		case t.lacks[appDay{app, day}]:
		case !listed:
			t.noFile[day] = true
		case readable:
			days = append(days, day)
		}
	}
	return t.ranges(app, days)
}

// ranges joins days that follow one another and that the same may bring back.
func (t *table) ranges(app int64, days []stats.Day) (list []Missing) {
	reach := func(day stats.Day) bool { return day >= t.today-handler.APIDays }
	for _, day := range days {
		if n := len(list); n > 0 && list[n-1].To == day-1 && reach(list[n-1].From) == reach(day) {
			list[n-1].To = day
		} else {
			list = append(list, Missing{AppID: app, From: day, To: day})
		}
	}
	for i, m := range list {
		if reach(m.From) {
			list[i].Repair = repair("", app, m.From, m.To)
		} else {
			list[i].Repair = replay(app, m.From, m.To)
		}
	}
	return list
}

func replay(app int64, from, to stats.Day) Repair { return repair("raw", app, from, to) }

func repair(source string, app int64, from, to stats.Day) Repair {
	event := struct {
		Source string    `json:"source,omitempty"`
		Apps   []int64   `json:"apps,omitempty"`
		From   stats.Day `json:"from"`
		To     stats.Day `json:"to"`
	}{Source: source, From: from, To: to}
	command := "chatlake run"
	if source != "" {
		command += " --source " + source
	}
	if app != 0 {
		event.Apps = []int64{app}
		command += fmt.Sprintf(" --apps %d", app)
	}
	text, err := json.Marshal(event)
	if err != nil {
		panic(err) // it has nothing that JSON can't hold
	}
	return Repair{fmt.Sprintf("%s --from %s --to %s", command, from, to), text}
}

// recall takes from the newest run which days the API had not either.
func (t *table) recall(ctx context.Context, lake *storage.Lake) error {
	text, err := lake.LatestRun(ctx)
	if errors.Is(err, storage.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var newest handler.Latest
	if err := json.Unmarshal(text, &newest); err != nil {
		t.Damaged = append(t.Damaged, Damage{Key: "_runs/latest.json", Error: fmt.Sprintf("it is no summary (%v): the next run writes it anew", err)})
		return nil
	}
	for _, g := range newest.Gaps {
		for day := g.From; day <= g.To && g.SourceLacks; day++ {
			t.lacks[appDay{g.AppID, day}] = true
		}
	}
	return nil
}

func readArchive(ctx context.Context, lake *storage.Lake, progress func(handler.Progress)) (Archive, error) {
	a := Archive{Damaged: []Damage{}}
	objects, err := lake.RawObjects(ctx, 0, math.MaxInt32)
	if err != nil {
		return a, err
	}
	for some := range slices.Chunk(objects, objectsAtOnce) {
		read := make([]archived, len(some))
		var group errgroup.Group
		for i, o := range some {
			group.Go(func() (err error) {
				read[i], err = readObject(ctx, lake, o.Key)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return a, err
		}
		for i, o := range some {
			a.Objects++
			a.Bytes += read[i].bytes
			if read[i].err != nil {
				a.Damaged = append(a.Damaged, Damage{Key: o.Key, Error: read[i].err.Error()})
				continue
			}
			a.Answers += read[i].answers
		}
		progress(handler.Progress{Stage: "reading objects", Done: a.Objects, Total: len(objects), Failed: len(a.Damaged)})
	}
	return a, nil
}

// archived is what came of reading an object of the archive; err says what is wrong with it.
type archived struct {
	answers int
	bytes   int64
	err     error
}

func readObject(ctx context.Context, lake *storage.Lake, key string) (a archived, err error) {
	body, err := lake.ReadRaw(ctx, key)
	if err != nil {
		return a, err
	}
	a.bytes = int64(len(body))
	a.err = storage.ReadArchive(bytes.NewReader(body), func(storage.RawAnswer) error {
		a.answers++
		return nil
	})
	return a, nil
}
