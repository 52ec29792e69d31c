package storage

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"chatlake/internal/stats"
)

// storedRow is a row as a file holds it.
type storedRow struct {
	stats.Row
	foreign []parquet.Value // of columns that this version does not know; column indexes count from the first of them
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
	var values parquet.Row
	for i := range rows {
		values = appendValues(values[:0], s, &rows[i])
		if _, err := w.WriteRows([]parquet.Row{values}); err != nil {
			return nil, fmt.Errorf("writing app %d failed: %w", rows[i].AppID, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return withSum(file.Bytes())
}

// appendValues gives a row's leaf values in the schema's order.
func appendValues(row parquet.Row, s schema, r *storedRow) parquet.Row {
	texts, counters := r.Texts[:], r.Counters[:]
	leaf := 0
	add := func(v parquet.Value, repetition, definition int) {
		row = append(row, v.Level(repetition, definition, leaf))
	}
	optional := func(v parquet.Value, there bool) {
		if there {
			add(v, 0, 1)
		} else {
			add(parquet.NullValue(), 0, 0)
		}
		leaf++
	}
	timestamps := []int64{r.FirstPulledAt.UnixMilli(), r.UpdatedAt.UnixMilli()}
	known := []bool{!r.FirstPulledAt.IsZero(), !r.UpdatedAt.IsZero()}
	for _, c := range stats.Columns() {
		switch c.Kind {
		case stats.AppID:
			add(parquet.Int64Value(r.AppID), 0, 0)
			leaf++
		case stats.Date:
			add(parquet.Int32Value(int32(r.Day)), 0, 0)
			leaf++
		case stats.Text:
			optional(parquet.ByteArrayValue([]byte(texts[0])), texts[0] != "")
			texts = texts[1:]
		case stats.Counter:
			optional(parquet.Int64Value(counters[0]), counters[0] != stats.Null)
			counters = counters[1:]
		case stats.Timestamp:
			optional(parquet.Int64Value(timestamps[0]), known[0])
			timestamps, known = timestamps[1:], known[1:]
		case stats.Revision:
			optional(parquet.Int32Value(r.Revision), r.Revision != 0)
		case stats.Extra:
			keys := slices.Sorted(maps.Keys(r.Extra))
			for _, part := range []struct {
				definition int
				value      func(key string) string
			}{
				{2, func(key string) string { return key }},
				{3, func(key string) string { return r.Extra[key] }},
			} {
				for i, key := range keys {
					add(parquet.ByteArrayValue([]byte(part.value(key))), min(i, 1), part.definition)
				}
				if len(keys) == 0 {
					add(parquet.NullValue(), 0, 0)
				}
				leaf++
			}
		}
	}
	if r.foreign != nil {
		for _, v := range r.foreign {
			row = append(row, v.Level(v.RepetitionLevel(), v.DefinitionLevel(), s.own+v.Column()))
		}
		return row
	}
	for _, f := range s.foreign {
		for range f.leaves {
			add(parquet.NullValue(), 0, 0)
			leaf++
		}
	}
	return row
}
