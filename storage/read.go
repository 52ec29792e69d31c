package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"chatlake/internal/stats"
)

// Listing is what the table's folder holds, as far as the store's list knows by now.
type Listing struct {
	Days    []stats.Day // with a file, in order
	Strange []string    // keys of what no run has put there, though engines read it
}

// Days lists the table.
func (l *Lake) Days(ctx context.Context) (Listing, error) {
	keys, err := l.store.List(ctx, l.prefix+Table+"/", "")
	if err != nil {
		return Listing{}, err
	}
	var found Listing
	for _, key := range keys {
		name := key[len(l.prefix):]
		text, _, _ := strings.Cut(strings.TrimPrefix(name, Table+"/dt="), "/")
		if day, err := stats.ParseDay(text); err == nil && name == PartitionKey(day) {
			found.Days = append(found.Days, day)
		} else {
			found.Strange = append(found.Strange, key)
		}
	}
	return found, nil
}

// ReadDay returns the rows of a day, sorted by app; none where there is no file. The error of a file that cannot be read is a
// [*DamagedError].
func (l *Lake) ReadDay(ctx context.Context, day stats.Day) ([]stats.Row, error) {
	rows, _, err := l.ReadFile(ctx, day)
	return rows, err
}

// ReadFile is ReadDay that tells the file's length too, which is 0 where there is none.
func (l *Lake) ReadFile(ctx context.Context, day stats.Day) (rows []stats.Row, length int, err error) {
	stored, err := l.read(ctx, day)
	if err != nil {
		return nil, 0, err
	}
	rows = make([]stats.Row, len(stored.rows))
	for i := range stored.rows {
		rows[i] = stored.rows[i].Row
	}
	return rows, stored.length, nil
}

// Runs returns the stored summaries of the newest runs, at most so many, the newest first by their clocks. It looks back as far
// as the given day.
func (l *Lake) Runs(ctx context.Context, since stats.Day, most int) ([][]byte, error) {
	const folder = "_runs/dt="
	keys, err := l.store.List(ctx, l.prefix+folder, l.prefix+folder+since.String())
	if err != nil {
		return nil, err
	}
	slices.Reverse(keys) // a run's id begins with its clock
	var runs [][]byte
	for _, key := range keys[:min(most, len(keys))] {
		summary, err := l.store.Get(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("reading a run's summary failed: %w", err)
		}
		runs = append(runs, summary)
	}
	return runs, nil
}
