package storage

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"chatlake/internal/stats"
)

// Lake is the table and what lies beside it, in a store.
type Lake struct {
	store  Store
	prefix string
	dryRun bool
}

// NewLake returns the lake whose keys have the prefix. With dryRun it writes nothing.
func NewLake(store Store, prefix string, dryRun bool) *Lake { return &Lake{store, prefix, dryRun} }

// Merged is what a merge did to a day's rows.
type Merged struct {
	Inserted, Updated, Unchanged int
	Written                      bool // the file had to change; with a dry run it would have had to
}

// Merge puts rows of a day, each app's once, into the day's file. A field that a row has replaces the stored value and
// one that it lacks keeps it; what the file has beyond these rows and this version's columns stays. A file whose rows
// did not change is not written. at is the run's clock.
func (l *Lake) Merge(ctx context.Context, day stats.Day, rows []stats.Row, at time.Time) (Merged, error) {
	stored, err := l.read(ctx, day)
	if err != nil {
		return Merged{}, err
	}
	result, merged := mergeRows(stored.rows, rows, at)
	result.Written = result.Inserted+result.Updated > 0
	if !result.Written || l.dryRun {
		return result, nil
	}
	file, err := encode(stored.schema, merged, stored.length)
	if err != nil {
		return Merged{}, fmt.Errorf("writing the Parquet file of %s failed: %w", day, err)
	}
	if err := l.store.Put(ctx, l.prefix+PartitionKey(day), file); err != nil {
		return Merged{}, err
	}
	return result, nil
}

// partition is a day's file as stored.
type partition struct {
	rows   []storedRow
	schema schema
	length int // bytes; 0 where there is no file yet
}

func (l *Lake) read(ctx context.Context, day stats.Day) (partition, error) {
	key := l.prefix + PartitionKey(day)
	file, err := l.store.Get(ctx, key)
	if errors.Is(err, ErrNotExist) {
		return partition{schema: newSchema(nil)}, nil
	}
	if err != nil {
		return partition{}, err
	}
	rows, schema, err := decode(file, day)
	if err != nil {
		return partition{}, &DamagedError{Key: key, Err: err}
	}
	return partition{rows, schema, len(file)}, nil
}

// DamagedError is a stored day that cannot be read, and that is therefore left as it is.
type DamagedError struct {
	Key string
	Err error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s cannot be read and was left as it is: %v: move it away and run again to pull what the API still has of the day", e.Key, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// mergeRows merges new rows of one day into its stored ones and returns them all, sorted by app.
func mergeRows(stored []storedRow, rows []stats.Row, at time.Time) (Merged, []storedRow) {
	var result Merged
	at = at.UTC().Truncate(time.Millisecond)
	merged := slices.Clone(stored)
	index := make(map[int64]int, len(merged))
	for i := range merged {
		index[merged[i].AppID] = i
	}
	for i := range rows {
		j, ok := index[rows[i].AppID]
		if !ok {
			r := rows[i]
			r.FirstPulledAt, r.UpdatedAt, r.Revision = at, at, 1
			merged = append(merged, storedRow{Row: r})
			result.Inserted++
			continue
		}
		r := &merged[j]
		if !rows[i].Fill(&r.Row) {
			result.Unchanged++
			continue
		}
		r.Revision = max(r.Revision, 1) + 1
		if at.After(r.UpdatedAt) { // a delayed run's clock may lie before that of the run that wrote the row
			r.UpdatedAt = at
		}
		result.Updated++
	}
	slices.SortFunc(merged, func(a, b storedRow) int { return cmp.Compare(a.AppID, b.AppID) })
	return result, merged
}

// PutRun stores a run's summary under its day and as the newest one.
func (l *Lake) PutRun(ctx context.Context, day stats.Day, runID string, summary json.RawMessage) error {
	if l.dryRun {
		return nil
	}
	if err := l.store.Put(ctx, l.prefix+RunKey(day, runID), summary); err != nil {
		return err
	}
	return l.store.Put(ctx, l.prefix+LatestRun, summary)
}
