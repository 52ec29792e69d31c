package storage

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"chatlake/internal/stats"
)

// storedRow is a row as a file holds it.
type storedRow struct {
	stats.Row
	foreign []parquet.Value // of columns that this version does not know; column indexes count from the first of them
}

// timestamp returns the one of the table's timestamps with that index.
func (r *storedRow) timestamp(index int) *time.Time {
	if index == 0 {
		return &r.FirstPulledAt
	}
	return &r.UpdatedAt
}

// paddingKey is the file metadata that makes a file longer than the one that it replaces.
const paddingKey = "chatlake.padding"

// encode writes a day's rows, sorted by app, as a Parquet file of more than longerThan bytes. The same rows give the
// same bytes, but for the padding.
//
// What the file uses is what every engine reads: version 1 data pages, plain encodings, Snappy. It is longer than the
// one that it replaces since some engines' caches know a file by its path and length
// (https://github.com/trinodb/trino/issues/23327).
func encode(s schema, rows []storedRow, longerThan int) ([]byte, error) {
	file, err := encodePadded(s, rows, 0)
	if err != nil || len(file) > longerThan {
		return file, err
	}
	return encodePadded(s, rows, longerThan-len(file)+1)
}

func encodePadded(s schema, rows []storedRow, padding int) ([]byte, error) {
	options := []parquet.WriterOption{
		s.parquet,
		parquet.DataPageVersion(1),
		parquet.DefaultEncoding(&parquet.Plain),
		parquet.Compression(&parquet.Snappy),
		parquet.CreatedBy("chatlake", "1", ""), // the default names the build, and would change the bytes with it
	}
	options = append(options, parquet.KeyValueMetadata(sumKey, noSum))
	if padding > 0 {
		options = append(options, parquet.KeyValueMetadata(paddingKey, strings.Repeat(" ", padding)))
	}
	var file bytes.Buffer
	w := parquet.NewWriter(&file, options...)
	columns := w.ColumnWriters()
	var values []parquet.Value
	for batch := range slices.Chunk(rows, 64) { // a page ends with a batch
		for i, column := range columns {
			values = s.leaves[i](values[:0], batch)
			if _, err := column.WriteRowValues(values); err != nil {
				return nil, fmt.Errorf("writing the column %s failed: %w", strings.Join(s.parquet.Columns()[i], "."), err)
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return withSum(file.Bytes())
}

// getter appends the rows' values of one leaf column.
type getter func(values []parquet.Value, rows []storedRow) []parquet.Value

// getters returns those of the column's leaves.
func (c column) getters() []getter {
	switch c.Kind {
	case stats.AppID:
		return []getter{func(values []parquet.Value, rows []storedRow) []parquet.Value {
			for i := range rows {
				values = append(values, parquet.Int64Value(rows[i].AppID))
			}
			return values
		}}
	case stats.Date:
		return []getter{func(values []parquet.Value, rows []storedRow) []parquet.Value {
			for i := range rows {
				values = append(values, parquet.Int32Value(int32(rows[i].Day)))
			}
			return values
		}}
	case stats.Text:
		return []getter{func(values []parquet.Value, rows []storedRow) []parquet.Value {
			for i := range rows {
				v := rows[i].Texts[c.index]
				values = appendOptional(values, text(v), v != "")
			}
			return values
		}}
	case stats.Counter:
		return []getter{func(values []parquet.Value, rows []storedRow) []parquet.Value {
			for i := range rows {
				v := rows[i].Counters[c.index]
				values = appendOptional(values, parquet.Int64Value(v), v != stats.Null)
			}
			return values
		}}
	case stats.Timestamp:
		return []getter{func(values []parquet.Value, rows []storedRow) []parquet.Value {
			for i := range rows {
				at := *rows[i].timestamp(c.index)
				values = appendOptional(values, parquet.Int64Value(at.UnixMilli()), !at.IsZero())
			}
			return values
		}}
	case stats.Revision:
		return []getter{func(values []parquet.Value, rows []storedRow) []parquet.Value {
			for i := range rows {
				v := rows[i].Revision
				values = appendOptional(values, parquet.Int32Value(v), v != 0)
			}
			return values
		}}
	case stats.Extra:
		return []getter{
			extraGetter(2, func(_ *storedRow, key string) string { return key }),
			extraGetter(3, func(r *storedRow, key string) string { return r.Extra[key] }),
		}
	}
	panic(fmt.Sprintf("no values of the kind %d", c.Kind))
}

func text(s string) parquet.Value { return parquet.ByteArrayValue([]byte(s)) }

func appendOptional(values []parquet.Value, v parquet.Value, there bool) []parquet.Value {
	if !there {
		return append(values, parquet.Value{})
	}
	values = append(values, v)
	values[len(values)-1].SetDefinitionLevel(1) // in its place: on the way there it would cost more than all else
	return values
}

func extraGetter(definition int, part func(r *storedRow, key string) string) getter {
	return func(values []parquet.Value, rows []storedRow) []parquet.Value {
		for i := range rows {
			r := &rows[i]
			if len(r.Extra) == 0 {
				values = append(values, parquet.Value{})
				continue
			}
			for j, key := range slices.Sorted(maps.Keys(r.Extra)) {
				values = append(values, text(part(r, key)).Level(min(j, 1), definition, 0))
			}
		}
		return values
	}
}

// foreignGetter appends what the rows of a file kept of a leaf column that this version does not know.
func foreignGetter(column int) getter {
	return func(values []parquet.Value, rows []storedRow) []parquet.Value {
		for i := range rows {
			if rows[i].foreign == nil {
				values = append(values, parquet.Value{})
			}
			for _, v := range rows[i].foreign {
				if v.Column() == column {
					values = append(values, v)
				}
			}
		}
		return values
	}
}
