//go:build peers

// Package arrow_test compares how fast a day's file is written and read here with how fast arrow-go does it, another well-kept Go
// implementation of Parquet: the same rows, from and to the same structs, with the same compression, encodings and page version.
//
//	cd scripts/peers/arrow && go test -tags peers -bench . -cpu 1
package arrow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
	"chatlake/storage"
)

const day = stats.Day(20781) // 2026-11-24

var clock = time.Date(2026, 11, 25, 3, 30, 0, 0, time.UTC)

func rowsOf(t testing.TB, apps int) []stats.Row {
	t.Helper()
	rows := make([]stats.Row, apps)
	for i := range rows {
		app := chattest.App{ID: 1400000000 + int64(i), Name: fmt.Sprintf("App %d", i), Company: "Harbour"}
		entry, err := json.Marshal(chattest.Values(app, day, clock))
		if err == nil {
			rows[i], err = stats.Parse(app.ID, entry)
		}
		if err != nil {
			t.Fatal(err)
		}
		rows[i].FirstPulledAt, rows[i].UpdatedAt, rows[i].Revision = clock, clock, 1
	}
	return rows
}

// one is a store of one object.
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

// oursWrite merges the rows into an empty day: it sorts them and takes them over, and writes the file.
func oursWrite(t testing.TB, rows []stats.Row) []byte {
	t.Helper()
	store := &one{}
	if _, err := storage.NewLake(store, "", false).Merge(t.Context(), day, rows, clock); err != nil {
		t.Fatal(err)
	}
	return store.body
}

func oursRead(t testing.TB, file []byte) []stats.Row {
	t.Helper()
	rows, err := storage.NewLake(&one{file}, "", false).ReadDay(t.Context(), day)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

var arrowSchema = func() *arrow.Schema {
	types := map[stats.Kind]arrow.DataType{
		stats.AppID: arrow.PrimitiveTypes.Int64, stats.Date: arrow.FixedWidthTypes.Date32, stats.Text: arrow.BinaryTypes.String,
		stats.Counter: arrow.PrimitiveTypes.Int64, stats.Extra: arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String),
		stats.Timestamp: arrow.FixedWidthTypes.Timestamp_ms, stats.Revision: arrow.PrimitiveTypes.Int32,
	}
	var fields []arrow.Field
	for _, c := range stats.Columns() {
		fields = append(fields, arrow.Field{Name: c.Column, Type: types[c.Kind], Nullable: c.Kind != stats.AppID && c.Kind != stats.Date})
	}
	return arrow.NewSchema(fields, nil)
}()

// arrowWrite builds the columns, which is how arrow-go takes rows, and writes them.
func arrowWrite(t testing.TB, rows []stats.Row) []byte {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrowSchema)
	defer b.Release()
	b.Reserve(len(rows))
	for i, text, counter, stamp := 0, 0, 0, 0; i < len(stats.Columns()); i++ {
		switch field := b.Field(i).(type) {
		case *array.Date32Builder:
			for j := range rows {
				field.Append(arrow.Date32(rows[j].Day))
			}
		case *array.StringBuilder:
			for j := range rows {
				if v := rows[j].Texts[text]; v != "" {
					field.Append(v)
				} else {
					field.AppendNull()
				}
			}
			text++
		case *array.Int64Builder:
			if stats.Columns()[i].Kind == stats.AppID {
				for j := range rows {
					field.Append(rows[j].AppID)
				}
				continue
			}
			for j := range rows {
				if v := rows[j].Counters[counter]; v != stats.Null {
					field.Append(v)
				} else {
					field.AppendNull()
				}
			}
			counter++
		case *array.MapBuilder:
			keys, values := field.KeyBuilder().(*array.StringBuilder), field.ItemBuilder().(*array.StringBuilder)
			for j := range rows {
				if rows[j].Extra == nil {
					field.AppendNull()
					continue
				}
				field.Append(true)
				for k, v := range rows[j].Extra {
					keys.Append(k)
					values.Append(v)
				}
			}
		case *array.TimestampBuilder:
			for j := range rows {
				at := rows[j].FirstPulledAt
				if stamp == 1 {
					at = rows[j].UpdatedAt
				}
				field.Append(arrow.Timestamp(at.UnixMilli()))
			}
			stamp++
		case *array.Int32Builder:
			for j := range rows {
				field.Append(rows[j].Revision)
			}
		default:
			t.Fatalf("no builder for %T", field)
		}
	}
	record := b.NewRecordBatch()
	defer record.Release()
	var file bytes.Buffer
	w, err := pqarrow.NewFileWriter(arrowSchema, &file, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithDictionaryDefault(false), parquet.WithDataPageVersion(parquet.DataPageV1), parquet.WithVersion(parquet.V2_LATEST)),
		pqarrow.DefaultWriterProps())
	if err == nil {
		err = w.Write(record)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// arrowRead reads a file's columns and makes rows of them.
func arrowRead(t testing.TB, file []byte) []stats.Row {
	t.Helper()
	table, err := pqarrow.ReadTable(t.Context(), bytes.NewReader(file), nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rows := make([]stats.Row, table.NumRows())
	for i := range rows {
		rows[i] = stats.NewRow(0, 0)
	}
	text, counter, stamp := 0, 0, 0
	for i := range int(table.NumCols()) {
		at := 0
		for _, chunk := range table.Column(i).Data().Chunks() {
			part := rows[at : at+chunk.Len()]
			at += chunk.Len()
			switch column := chunk.(type) {
			case *array.Date32:
				for j := range part {
					part[j].Day = stats.Day(column.Value(j))
				}
			case *array.String:
				for j := range part {
					if column.IsValid(j) {
						part[j].Texts[text] = string([]byte(column.Value(j))) // a copy: the column's memory is arrow's
					}
				}
			case *array.Int64:
				for j := range part {
					switch {
					case stats.Columns()[i].Kind == stats.AppID:
						part[j].AppID = column.Value(j)
					case column.IsValid(j):
						part[j].Counters[counter] = column.Value(j)
					}
				}
			case *array.Map:
				keys, values := column.Keys().(*array.String), column.Items().(*array.String)
				for j := range part {
					if column.IsNull(j) {
						continue
					}
					part[j].Extra = make(map[string]string)
					from, to := column.ValueOffsets(j)
					for k := int(from); k < int(to); k++ {
						part[j].Extra[string([]byte(keys.Value(k)))] = string([]byte(values.Value(k)))
					}
				}
			case *array.Timestamp:
				for j := range part {
					at := time.UnixMilli(int64(column.Value(j))).UTC()
					if stamp == 0 {
						part[j].FirstPulledAt = at
					} else {
						part[j].UpdatedAt = at
					}
				}
			case *array.Int32:
				for j := range part {
					part[j].Revision = column.Value(j)
				}
			default:
				t.Fatalf("no reader for %T", column)
			}
		}
		switch stats.Columns()[i].Kind {
		case stats.Text:
			text++
		case stats.Counter:
			counter++
		case stats.Timestamp:
			stamp++
		}
	}
	return rows
}

// TestSameRows holds that both read both files to the same rows, so that the benchmarks compare the same work.
func TestSameRows(t *testing.T) {
	want := rowsOf(t, 100)
	want[7].Extra = map[string]string{"NewMetric": "12"}
	want[8].Texts[1], want[8].Counters[3] = "", stats.Null
	for name, file := range map[string][]byte{"ours": oursWrite(t, want), "arrow-go's": arrowWrite(t, want)} {
		for reader, got := range map[string][]stats.Row{"chatlake": oursRead(t, file), "arrow-go": arrowRead(t, file)} {
			if len(got) != len(want) {
				t.Fatalf("%s reads %d rows of %s file, want %d", reader, len(got), name, len(want))
			}
			for i := range got {
				g, w := &got[i], &want[i]
				if g.AppID != w.AppID || g.Day != w.Day || !g.SameValues(w) || !g.FirstPulledAt.Equal(clock) || !g.UpdatedAt.Equal(clock) || g.Revision != 1 {
					t.Errorf("%s reads %s file's row %d as %+v, want %+v", reader, name, i, *g, *w)
				}
			}
		}
	}
}

func bench(b *testing.B, ours, arrow func(b *testing.B, rows []stats.Row) (work func() int)) {
	for _, apps := range []int{100, 10000} {
		rows := rowsOf(b, apps)
		for _, by := range []struct {
			name    string
			prepare func(b *testing.B, rows []stats.Row) func() int
		}{{"chatlake", ours}, {"arrow", arrow}} {
			b.Run(fmt.Sprintf("apps=%d/by=%s", apps, by.name), func(b *testing.B) {
				work := by.prepare(b, rows)
				b.ReportAllocs()
				size := 0
				for b.Loop() {
					size = work()
				}
				b.SetBytes(int64(size))
				b.ReportMetric(float64(size), "file-bytes")
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	bench(b, func(b *testing.B, rows []stats.Row) func() int {
		return func() int { return len(oursWrite(b, rows)) }
	}, func(b *testing.B, rows []stats.Row) func() int {
		return func() int { return len(arrowWrite(b, rows)) }
	})
}

// BenchmarkDecode reads the same file, the one that chatlake writes.
func BenchmarkDecode(b *testing.B) {
	bench(b, func(b *testing.B, rows []stats.Row) func() int {
		file := oursWrite(b, rows)
		return func() int { oursRead(b, file); return len(file) }
	}, func(b *testing.B, rows []stats.Row) func() int {
		file := oursWrite(b, rows)
		return func() int { arrowRead(b, file); return len(file) }
	})
}
