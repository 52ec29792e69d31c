package storage

import (
	"context"
	"errors"
	"fmt"
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

// Merge puts pulled rows of a day, each app's once, into the day's file. A field that a row has replaces the stored
// value and one that it lacks keeps it; what the file has beyond these rows and this version's columns stays. A file whose
// rows did not change is not written. clock is the run's.
func (l *Lake) Merge(ctx context.Context, day stats.Day, rows []stats.Row, clock time.Time) (Merged, error) {
	stored, err := l.read(ctx, day)
	if err != nil {
		return Merged{}, err
	}
	result, merged := mergeRows(stored.rows, rows, stamp(clock))
	if !result.Written {
		return result, nil
	}
	return result, l.write(ctx, day, stored, merged)
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
		return partition{}, &DamagedError{Key: key, Day: day, Err: err, file: file}
	}
	return partition{rows, schema, len(file)}, nil
}

// write replaces a day's file by one with the rows.
func (l *Lake) write(ctx context.Context, day stats.Day, stored partition, rows []storedRow) error {
	if l.dryRun {
		return nil
	}
	file, err := encode(stored.schema, rows, stored.length)
	if err != nil {
		return fmt.Errorf("writing the Parquet file of %s failed: %w", day, err)
	}
	return l.store.Put(ctx, l.prefix+PartitionKey(day), file)
}

// DamagedError is a stored day that cannot be read, and that is therefore left as it is.
type DamagedError struct {
	Key string
	Day stats.Day
	Err error

	file []byte
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s cannot be read and was left as it is (%v): rebuild the day from the raw archive by the request {\"source\":\"raw\",\"from\":%q,\"to\":%q}, which keeps the damaged file beside the table",
		e.Key, e.Err, e.Day, e.Day)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// PutRun stores a run's summary under its day.
func (l *Lake) PutRun(ctx context.Context, day stats.Day, runID string, summary []byte) error {
	if l.dryRun {
		return nil
	}
	return l.store.Put(ctx, l.prefix+runKey(day, runID), summary)
}

// PutLatestRun stores the summary of the newest run, with what the next one has to know.
func (l *Lake) PutLatestRun(ctx context.Context, latest []byte) error {
	if l.dryRun {
		return nil
	}
	return l.store.Put(ctx, l.prefix+latestRunKey, latest)
}

// LatestRun returns what the newest run stored as its summary, or ErrNotExist.
func (l *Lake) LatestRun(ctx context.Context) ([]byte, error) {
	return l.store.Get(ctx, l.prefix+latestRunKey)
}
