package storage

import (
	"context"
	"errors"
	"time"

	"chatlake/internal/stats"
)

// Replay folds archived answers into days. Rows have to come in the order in which they were given. A row that the lake
// lacks gets the fold whole, with the times and the revision that the runs would have given it; a row that it has gets only
// what is newer than its updated_at, and then what it still lacks. So a replay over an intact lake changes nothing, and
// one over an archive with holes puts no older value over a newer one.
type Replay struct {
	lake *Lake
	days map[stats.Day]*replayedDay
}

// NewReplay starts a replay.
func (l *Lake) NewReplay() *Replay { return &Replay{l, make(map[stats.Day]*replayedDay)} }

// replayedDay is the state of one day's fold.
type replayedDay struct {
	err     error         // the day can't be had
	damaged *DamagedError // its file can't be read
	stored  partition
	rows    map[int64]*replayedRow
}

type replayedRow struct {
	storedRow
	lake    *storedRow // as the lake has it; nil where it has none
	pulled  bool       // the archive has it
	changed bool       // beyond what the lake has
	older   stats.Row  // the fold of what is not newer than the lake's updated_at
}

// Days returns the days that have had a row.
func (p *Replay) Days() []stats.Day {
	days := make([]stats.Day, 0, len(p.days))
	for day := range p.days {
		days = append(days, day)
	}
	return days
}

// Add folds in a row that a run of the clock pulled. What fails here fails the day in [Replay.Finish].
func (p *Replay) Add(ctx context.Context, row stats.Row, clock time.Time) {
	d := p.days[row.Day]
	if d == nil {
		d = p.open(ctx, row.Day)
		p.days[row.Day] = d
	}
	if d.err != nil {
		return
	}
	clock = stamp(clock)
	r := d.rows[row.AppID]
	switch {
	case r == nil:
		d.rows[row.AppID] = &replayedRow{storedRow: firstOf(row, clock), pulled: true}
		return
	case r.lake == nil, clock.After(r.lake.UpdatedAt):
		r.changed = r.apply(&row, clock) || r.changed
	default:
		row.Fill(&r.older)
		r.revert(&row)
	}
	r.pulled = true
}

// revert takes back what answers of newer clocks gave before this one: a delayed run's answer came after them, and the lake
// has it, or what came after it.
func (r *replayedRow) revert(row *stats.Row) {
	if !r.changed {
		return
	}
	r.Row.Revert(row, &r.lake.Row)
	if r.SameValues(&r.lake.Row) {
		r.storedRow, r.changed = *r.lake, false
	}
}

func (p *Replay) open(ctx context.Context, day stats.Day) *replayedDay {
	d := &replayedDay{rows: make(map[int64]*replayedRow)}
	d.stored, d.err = p.lake.read(ctx, day)
	if errors.As(d.err, &d.damaged) {
		d.err = nil
		d.stored = partition{schema: newSchema(nil), length: len(d.damaged.file)}
	}
	for i := range d.stored.rows {
		r := &d.stored.rows[i]
		d.rows[r.AppID] = &replayedRow{storedRow: *r, lake: r, older: stats.NewRow(r.AppID, day)}
	}
	return d
}

// Finish writes a day, if the archive had something for it that the lake lacked. A file that cannot be read is replaced by what
// the archive has if repairRun is not empty, and kept beside the table under the id of that run.
func (p *Replay) Finish(ctx context.Context, day stats.Day, repairRun string) (Merged, error) {
	d := p.days[day]
	switch {
	case d.err != nil:
		return Merged{}, d.err
	case d.damaged != nil && repairRun == "":
		return Merged{}, d.damaged
	}
	var m Merged
	rows := make([]storedRow, 0, len(d.rows))
	for _, r := range d.rows {
		if r.lake != nil && r.older.FillNulls(&r.Row) {
			r.changed = true
			r.Revision = max(r.Revision, 1) + 1
		}
		switch {
		case r.lake == nil:
			m.Inserted++
		case r.changed:
			m.Updated++
		case r.pulled:
			m.Unchanged++
		}
		rows = append(rows, r.storedRow)
	}
	m.finish(rows)
	if !m.Written {
		return m, nil
	}
	if d.damaged != nil && !p.lake.dryRun {
		if err := p.lake.store.Put(ctx, p.lake.prefix+damagedKey(day, repairRun), d.damaged.file); err != nil {
			return Merged{}, err
		}
	}
	return m, p.lake.write(ctx, day, d.stored, rows)
}
