package simtest_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"chatlake/internal/stats"
)

// table is the table as it is stored, and holds each write of it to the promises.
type table struct {
	w       *world
	rows    tableRows
	files   map[stats.Day][]byte
	foreign map[stats.Day][]string // unknown columns of each file
	damaged map[stats.Day][]byte   // the good file of each day whose file is damaged
	longest map[stats.Day]int      // bytes that a day's file ever had
}

func newTable(w *world) *table {
	return &table{
		w: w, rows: make(tableRows), files: make(map[stats.Day][]byte), foreign: make(map[stats.Day][]string),
		damaged: make(map[stats.Day][]byte), longest: make(map[stats.Day]int),
	}
}

func keyOfDay(day stats.Day) string { return "app_daily_stats/dt=" + day.String() + "/part-0.parquet" }

// stored takes a run's write.
func (t *table) stored(r *run, q *request) {
	w, file := t.w, q.body
	text, _, _ := strings.Cut(strings.TrimPrefix(q.key(), "app_daily_stats/dt="), "/")
	day, err := stats.ParseDay(text)
	if err != nil || q.key() != keyOfDay(day) {
		w.wrong("%s wrote %s, which is no place in the table", r, q.key())
		return
	}
	old := t.files[day]
	if bytes.Equal(old, file) {
		return // a second attempt
	}
	w.note("%s: %s is written, %d bytes after %d", r, day, len(file), len(old))
	r.wrote[day] = true
	rows, foreign, err := readFile(file, day)
	if err != nil {
		w.wrong("%s wrote a file of %s that can't be read: %v", r, day, err)
		return
	}
	if len(file) <= t.longest[day] {
		w.wrong("%s wrote %d bytes to %s, where there were %d", r, len(file), day, t.longest[day])
	}
	if t.damaged[day] != nil {
		if !r.ask.replay || r.ask.from == nil || r.ask.to == nil {
			w.wrong("%s replaced the damaged file of %s, and is no repair", r, day)
			return
		}
		t.forget(day)
		w.books.repaired(r, day)
	}
	t.compare(r, day, rows)
	for _, column := range t.foreign[day] {
		if !slices.Contains(foreign, column) {
			w.wrong("%s dropped the column %s of %s", r, column, day)
		}
	}
	t.put(day, file, rows, foreign)
}

// put replaces what is known of a day's file.
func (t *table) put(day stats.Day, file []byte, rows tableRows, foreign []string) {
	t.forget(day)
	maps.Copy(t.rows, rows)
	t.files[day], t.foreign[day] = file, foreign
	t.longest[day] = max(t.longest[day], len(file))
}

func (t *table) forget(day stats.Day) {
	maps.DeleteFunc(t.rows, func(key rowKey, _ *tableRow) bool { return key.day == day })
	delete(t.files, day)
	delete(t.foreign, day)
	delete(t.damaged, day)
}

// compare holds a day's new rows to the old ones.
func (t *table) compare(r *run, day stats.Day, rows tableRows) {
	w := t.w
	for key := range t.rows {
		if key.day == day && rows[key] == nil {
			w.wrong("%s dropped app %d of %s", r, key.app, day)
		}
	}
	clock := stamp(r.clock)
	for _, key := range sortedKeys(rows) {
		row, old := rows[key], t.rows[key]
		wrong := func(what string) {
			w.wrong("%s: app %d on %s: %s: first %s, updated %s, revision %d, now %+v, was %+v", r, key.app, day, what, row.first, row.updated, row.revision, row, old)
		}
		if len(row.adoptable) > 0 {
			wrong("extra keeps what has a column")
		}
		if row.first.After(row.updated) && !row.updated.IsZero() {
			wrong("it was updated before it was pulled")
		}
		if old == nil {
			switch {
			case row.revision < 1:
				wrong("no revision")
			case !r.ask.replay && (row.revision != 1 || !row.first.Equal(clock) || !row.updated.Equal(clock)):
				wrong("it is new at " + clock.String())
			}
			continue
		}
		changed := !maps.Equal(row.values, old.values)
		if !row.first.Equal(old.first) {
			wrong("first_pulled_at has changed")
		}
		if row.updated.Before(old.updated) {
			wrong("updated_at has moved backwards")
		}
		if !maps.Equal(row.foreign, old.foreign) {
			wrong("an unknown column's value has changed")
		}
		switch next := max(old.revision, 1) + 1; {
		case r.ask.replay && changed && row.revision < next, r.ask.replay && row.revision < old.revision:
			wrong("the revision does not tell of the change")
		case r.ask.replay:
		case changed && row.revision != next, !changed && row.revision != old.revision:
			wrong("the revision is not one more for a change")
		case changed && !row.updated.Equal(clock) && clock.After(old.updated), !changed && !row.updated.Equal(old.updated):
			wrong("updated_at is not the run's clock, which is " + clock.String())
		}
	}
}

// held returns what the lake has: the days of each app.
func (t *table) held() map[int64]map[stats.Day]bool {
	held := make(map[int64]map[stats.Day]bool)
	for key := range t.rows {
		if held[key.app] == nil {
			held[key.app] = make(map[stats.Day]bool)
		}
		held[key.app][key.day] = true
	}
	return held
}

// same holds the bucket to what is known of it: nothing else is in the table's folder.
func (t *table) same() {
	keys := make(map[string]bool)
	for _, key := range t.w.bucket.Keys(tableDir) {
		keys[key] = true
	}
	for day, file := range t.files {
		key := prefix + keyOfDay(day)
		if got, _ := t.w.bucket.Get(key); !bytes.Equal(got, file) {
			t.w.wrong("%s is not what was written last", key)
		}
		delete(keys, key)
	}
	for key := range keys {
		t.w.wrong("%s is in the table's folder", key)
	}
}
