package storage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
	"chatlake/storage"
)

// one is a store of one object, which costs nothing.
type one struct{ body []byte }

func (s *one) Get(context.Context, string) ([]byte, error) {
	if s.body == nil {
		return nil, storage.ErrNotExist
	}
	return s.body, nil
}

func (s *one) Put(_ context.Context, _ string, body []byte) error {
	s.body = body
	return nil
}

func (s *one) Create(ctx context.Context, key string, body []byte) error {
	return s.Put(ctx, key, body)
}
func (s *one) List(context.Context, string, string) ([]string, error) { return nil, nil }
func (s *one) Now() time.Time                                         { return time.Now() }

const benchDay = stats.Day(20781) // 2026-11-24

var benchClock = time.Date(2026, 11, 25, 3, 30, 0, 0, time.UTC)

// rowsOf returns the rows that the API gives of so many apps for one day.
func rowsOf(b *testing.B, apps int, asOf time.Time) []stats.Row {
	b.Helper()
	rows := make([]stats.Row, apps)
	for i := range rows {
		app := chattest.App{ID: 1400000000 + int64(i), Name: fmt.Sprintf("App %d", i), Company: "Harbour"}
		entry, err := json.Marshal(chattest.Values(app, benchDay, asOf))
		if err == nil {
			rows[i], err = stats.Parse(app.ID, entry)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return rows
}

// eachSize runs a benchmark of a day with the rows of 100, 1,000 and 10,000 apps; work returns the day's file.
func eachSize(b *testing.B, prepare func(rows []stats.Row) (work func() *one)) {
	for _, apps := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("apps=%d", apps), func(b *testing.B) {
			work := prepare(rowsOf(b, apps, benchClock))
			b.ReportAllocs()
			var store *one
			for b.Loop() {
				store = work()
			}
			b.SetBytes(int64(len(store.body)))
			b.ReportMetric(float64(apps)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func mergeDay(b *testing.B, store *one, rows []stats.Row, clock time.Time) {
	b.Helper()
	if _, err := storage.NewLake(store, "", false).Merge(b.Context(), benchDay, rows, clock); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkEncode writes a day's file.
func BenchmarkEncode(b *testing.B) {
	eachSize(b, func(rows []stats.Row) func() *one {
		return func() *one {
			store := &one{}
			mergeDay(b, store, rows, benchClock)
			return store
		}
	})
}

// BenchmarkDecode reads a day's file.
func BenchmarkDecode(b *testing.B) {
	eachSize(b, func(rows []stats.Row) func() *one {
		store := &one{}
		mergeDay(b, store, rows, benchClock)
		return func() *one {
			if got, err := storage.NewLake(store, "", false).ReadDay(b.Context(), benchDay); err != nil || len(got) != len(rows) {
				b.Fatal(len(got), err)
			}
			return store
		}
	})
}

// BenchmarkMerge merges the rows that the API gives on the next day: the same ones, as 27 of 30 days are, or ones in which every
// number is revised.
func BenchmarkMerge(b *testing.B) {
	for _, test := range []struct {
		name  string
		after time.Duration
	}{{"unchanged", 0}, {"revised", 24 * time.Hour}} {
		b.Run(test.name, func(b *testing.B) {
			eachSize(b, func(rows []stats.Row) func() *one {
				first := &one{}
				mergeDay(b, first, rows, benchClock)
				clock := benchClock.Add(test.after)
				pulled := rowsOf(b, len(rows), clock)
				return func() *one {
					store := &one{slices.Clip(first.body)}
					mergeDay(b, store, pulled, clock)
					return store
				}
			})
		})
	}
}

// BenchmarkArchive keeps the answers of 100 apps of 30 days each for the raw archive.
func BenchmarkArchive(b *testing.B) {
	const apps = 100
	bodies := make([][]byte, apps)
	size := int64(0)
	for i := range bodies {
		var entries []map[string]any
		app := chattest.App{ID: 1400000000 + int64(i), Name: fmt.Sprintf("App %d", i), Company: "Harbour"}
		for day := benchDay - chattest.Days + 1; day <= benchDay; day++ {
			entries = append(entries, chattest.Values(app, day, benchClock))
		}
		body, err := json.Marshal(map[string]any{"ErrorCode": 0, "ErrorInfo": "OK", "Result": entries})
		if err != nil {
			b.Fatal(err)
		}
		bodies[i] = body
		size += int64(len(body))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		archive, store := storage.NewArchive(), &one{}
		for i, body := range bodies {
			archive.Add(storage.RawAnswer{AppID: int64(i), Clock: benchClock, At: benchClock, Status: 200, Good: true, Body: body})
		}
		err := storage.NewLake(store, "", false).PutArchive(b.Context(), benchDay, "run", archive)
		archive.Close()
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(apps*float64(b.N)/b.Elapsed().Seconds(), "answers/s")
}
