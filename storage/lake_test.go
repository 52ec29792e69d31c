package storage_test

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"chatlake/internal/stats"
	"chatlake/storage"
)

const (
	day      = stats.Day(20781) // 2026-11-24
	dayKey   = "app_daily_stats/dt=2026-11-24/part-0.parquet"
	appA     = 1400000001
	appB     = 1400000002
	appC     = 1400000003
	hourOne  = 1795600800000 // at(1) in milliseconds
	hourTwo  = hourOne + 3600_000
	hourFive = hourOne + 4*3600_000
)

// at returns the clock of a run so many hours after 2026-11-25T09:00:00Z.
func at(hours int) time.Time {
	return time.Date(2026, 11, 25, 9+hours, 0, 0, 0, time.UTC)
}

// memory is a store that counts its writes. Of the methods, it has what a merge needs.
type memory struct {
	storage.Store

	mu      sync.Mutex
	objects map[string][]byte
	puts    int
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	body, ok := m.objects[key]
	if !ok {
		return nil, fmt.Errorf("failed to read %s: %w", key, storage.ErrNotExist)
	}
	return bytes.Clone(body), nil
}

func (m *memory) Put(_ context.Context, key string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects == nil {
		m.objects = make(map[string][]byte)
	}
	m.objects[key] = bytes.Clone(body)
	m.puts++
	return nil
}

// holding returns a store with the file of the day.
func holding(file []byte) *memory {
	return &memory{objects: map[string][]byte{dayKey: bytes.Clone(file)}}
}

// entry is one entry of the API's answer, in JSON without its Date, as a row of the day.
func entry(t testing.TB, app int64, fields string) stats.Row {
	t.Helper()
	if fields != "" {
		fields = "," + fields
	}
	r, err := stats.Parse(app, []byte(`{"Date":"20261124"`+fields+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func merge(t testing.TB, s storage.Store, clock time.Time, rows ...stats.Row) storage.Merged {
	t.Helper()
	got, err := storage.NewLake(s, "", false).Merge(t.Context(), day, rows, clock)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// counts are what a merge tells of its rows.
type counts struct {
	inserted, updated, unchanged int
	written                      bool
}

func countsOf(m storage.Merged) counts { return counts{m.Inserted, m.Updated, m.Unchanged, m.Written} }

// read returns the rows of a file as parquet-go gives them, by column, without nulls.
func read(t testing.TB, file []byte) []map[string]any {
	t.Helper()
	rows, err := parquet.Read[any](bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	tables := make([]map[string]any, len(rows))
	for i, row := range rows {
		tables[i], _ = plain(reflect.ValueOf(row)).(map[string]any)
	}
	return tables
}

// plain makes texts strings, integers int64, and leaves nulls out of maps.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Invalid:
		return nil
	case reflect.Interface, reflect.Pointer:
		return plain(v.Elem())
	case reflect.Map:
		m := make(map[string]any)
		for _, key := range v.MapKeys() {
			if value := plain(v.MapIndex(key)); value != nil {
				m[fmt.Sprint(key)] = value
			}
		}
		return m
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return string(v.Bytes())
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plain(v.Index(i))
		}
		return list
	case reflect.Int32, reflect.Int64, reflect.Int:
		return v.Int()
	}
	return v.Interface()
}

// stored reads the day's file of a store.
func stored(t testing.TB, m *memory) []map[string]any {
	t.Helper()
	return read(t, m.objects[dayKey])
}

func wantRows(t testing.TB, got, want []map[string]any) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("got %d rows, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		for column, value := range want[i] {
			if !reflect.DeepEqual(got[i][column], value) {
				t.Errorf("row %d: %s is %#v, want %#v", i, column, got[i][column], value)
			}
		}
		for column, value := range got[i] {
			if _, ok := want[i][column]; !ok {
				t.Errorf("row %d: %s is %#v, want NULL", i, column, value)
			}
		}
	}
}

func TestLakeKeys(t *testing.T) {
	if got := storage.PartitionKey(day); got != dayKey {
		t.Errorf("got %s", got)
	}
	for key, want := range map[string]bool{
		dayKey: true, "_raw/x": true, "_rejects/x": true, "_runs/latest.json": true, "_lock/x": true,
		"apps.json": false, "app_daily_stats2/x": false, "": false, "secrets/_raw/x": false,
	} {
		if storage.IsLakeKey(key) != want {
			t.Errorf("is %q a key of the lake? want %v", key, want)
		}
	}
}
