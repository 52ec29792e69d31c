package storage

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"chatlake/internal/stats"
)

// decode reads a day's file: its rows by app, and its schema, in which they can be written again without a loss.
func decode(file []byte, day stats.Day) (rows []storedRow, s schema, err error) {
	if err := cmp.Or(checkFrame(file), checkSum(file)); err != nil {
		return nil, schema{}, err
	}
	if err := checkFooter(file); err != nil {
		return nil, schema{}, err
	}
	// The Parquet reader panics on some damaged files (https://github.com/parquet-go/parquet-go/issues/537).
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading it as Parquet failed: %v", p)
		}
	}()
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, schema{}, err
	}
	if err := checkPages(file, f); err != nil {
		return nil, schema{}, err
	}
	d, err := newDecoder(f, day)
	if err != nil {
		return nil, schema{}, err
	}
	rows, err = d.rows(f)
	return rows, d.schema, err
}

// decoder reads the rows of files of one schema.
type decoder struct {
	schema schema
	day    stats.Day
	leaves []leaf // by the file's leaf column
}

// leaf puts the values of one leaf column into a row.
type leaf struct {
	set   func(*storedRow, parquet.Value) error
	nulls bool // it takes nulls too
	key   bool // of the row's key
}

// newDecoder finds each of the file's columns its place in a row.
func newDecoder(f *parquet.File, day stats.Day) (*decoder, error) {
	d := &decoder{day: day}
	known := make(map[string]stats.Field)
	setters := setters()
	for _, c := range stats.Columns() {
		known[c.Column] = c
	}
	var foreign []foreignColumn
	foreignLeaves := 0
	seen := make(map[string]bool)
	for _, column := range f.Root().Columns() {
		name := column.Name()
		if seen[name] {
			return nil, fmt.Errorf("it has the column %s twice", name)
		}
		seen[name] = true
		c, ok := known[name]
		if !ok {
			fc := foreignColumn{name: name, node: plainNode{column}, leaves: countLeaves(column)}
			if column.Required() {
				fc.node, fc.lift = parquet.Optional(plainNode{column}), 1
			}
			for _, c := range leavesOf(column) {
				d.leaves = append(d.leaves, keepForeign(c, foreignLeaves, fc.lift))
				foreignLeaves++
			}
			foreign = append(foreign, fc)
			continue
		}
		if err := checkType(column, c.Kind); err != nil {
			return nil, fmt.Errorf("its column %s %w", name, err)
		}
		d.leaves = append(d.leaves, setters[name]...)
	}
	for _, c := range stats.Columns() {
		if (c.Kind == stats.AppID || c.Kind == stats.Date) && !seen[c.Column] {
			return nil, fmt.Errorf("it lacks the column %s", c.Column)
		}
	}
	d.schema = newSchema(foreign)
	return d, nil
}

// checkType compares a file's column with the type that its kind has. A column may be required where it is optional here.
func checkType(column *parquet.Column, kind stats.Kind) error {
	if kind == stats.Extra {
		if !isTextMap(column) {
			return errors.New("is not MAP<STRING,STRING>")
		}
		return nil
	}
	want := nodeOf(kind)
	if !column.Leaf() || column.Repeated() {
		return errors.New("is not a single value")
	}
	if column.Type().Kind() != want.Type().Kind() || !sameMeaning(column.Type().LogicalType(), want.Type().LogicalType(), kind) {
		return fmt.Errorf("is %s, not %s", column.Type(), want.Type())
	}
	return nil
}

// sameMeaning compares what two columns of one physical type mean. A writer may leave out that an integer is one, and that
// a text is one.
func sameMeaning(got, want *format.LogicalType, kind stats.Kind) bool {
	if got == nil {
		return kind != stats.Timestamp
	}
	return got.String() == want.String()
}

// isTextMap tells by structure: some writers leave out that a map is one.
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#maps
func isTextMap(column *parquet.Column) bool {
	entries := column.Columns()
	if column.Leaf() || len(entries) != 1 || !entries[0].Repeated() {
		return false
	}
	pair := entries[0].Columns()
	isText := func(c *parquet.Column) bool { return c.Leaf() && !c.Repeated() && c.Type().Kind() == parquet.ByteArray }
	return len(pair) == 2 && isText(pair[0]) && isText(pair[1])
}

// setters returns, by column, what puts the values of its leaves into a row. A null is left out beforehand.
func setters() map[string][]leaf {
	m := make(map[string][]leaf)
	texts, counters, timestamps := 0, 0, 0
	for _, c := range stats.Columns() {
		var set func(*storedRow, parquet.Value)
		switch c.Kind {
		case stats.AppID:
			set = func(r *storedRow, v parquet.Value) { r.AppID = v.Int64() }
		case stats.Date:
			set = func(r *storedRow, v parquet.Value) { r.Day = stats.Day(v.Int32()) }
		case stats.Text:
			i := texts
			texts++
			set = func(r *storedRow, v parquet.Value) { r.Texts[i] = string(v.ByteArray()) }
		case stats.Counter:
			i := counters
			counters++
			set = func(r *storedRow, v parquet.Value) { r.Counters[i] = v.Int64() }
		case stats.Timestamp:
			first := timestamps == 0
			timestamps++
			set = func(r *storedRow, v parquet.Value) {
				if t := time.UnixMilli(v.Int64()).UTC(); first {
					r.FirstPulledAt = t
				} else {
					r.UpdatedAt = t
				}
			}
		case stats.Revision:
			set = func(r *storedRow, v parquet.Value) { r.Revision = v.Int32() }
		case stats.Extra:
			m[c.Column] = extraSetters()
			continue
		}
		m[c.Column] = []leaf{{key: c.Kind == stats.AppID || c.Kind == stats.Date, set: func(r *storedRow, v parquet.Value) error {
			set(r, v)
			return nil
		}}}
	}
	return m
}

// extraSetters reads a map: all keys of a row come before the first of its values.
func extraSetters() []leaf {
	var keys []string
	return []leaf{
		{nulls: true, set: func(_ *storedRow, v parquet.Value) error {
			if v.RepetitionLevel() == 0 {
				keys = keys[:0]
			}
			if !v.IsNull() {
				keys = append(keys, string(v.ByteArray()))
			}
			return nil
		}},
		{nulls: true, set: func(r *storedRow, v parquet.Value) error {
			if len(keys) == 0 {
				if v.IsNull() {
					return nil // no map, or an empty one
				}
				return errors.New("its extra has a value without a key")
			}
			if r.Extra == nil {
				r.Extra = make(map[string]string, len(keys))
			}
			r.Extra[keys[0]], keys = string(v.ByteArray()), keys[1:]
			return nil
		}},
	}
}

func keepForeign(c *parquet.Column, column, lift int) leaf {
	return leaf{nulls: true, set: func(r *storedRow, v parquet.Value) error {
		if v.DefinitionLevel() > c.MaxDefinitionLevel() || v.RepetitionLevel() > c.MaxRepetitionLevel() {
			return fmt.Errorf("its column %s has a level beyond its schema", c.Name())
		}
		v = v.Clone()
		r.foreign = append(r.foreign, v.Level(v.RepetitionLevel(), v.DefinitionLevel()+lift, column))
		return nil
	}}
}

func leavesOf(c *parquet.Column) (leaves []*parquet.Column) {
	if c.Leaf() {
		return []*parquet.Column{c}
	}
	for _, child := range c.Columns() {
		leaves = append(leaves, leavesOf(child)...)
	}
	return leaves
}

// rows reads all rows, and refuses a file that could not have been written here.
func (d *decoder) rows(f *parquet.File) ([]storedRow, error) {
	var rows []storedRow
	apps := make(map[int64]bool)
	buf := make([]parquet.Row, 64)
	for _, group := range f.RowGroups() {
		reader := group.Rows()
		defer reader.Close()
		for {
			n, err := reader.ReadRows(buf)
			for _, values := range buf[:n] {
				r, err := d.row(values)
				if err != nil {
					return nil, err
				}
				if apps[r.AppID] {
					return nil, fmt.Errorf("it has two rows of app %d", r.AppID)
				}
				apps[r.AppID] = true
				rows = append(rows, r)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
		}
	}
	if int64(len(rows)) != f.NumRows() {
		return nil, fmt.Errorf("it has %d rows, and its footer says %d", len(rows), f.NumRows())
	}
	return rows, nil
}

func (d *decoder) row(values parquet.Row) (storedRow, error) {
	r := storedRow{Row: stats.NewRow(0, 0)}
	keys, columns := 0, 0
	for _, v := range values {
		if v.RepetitionLevel() == 0 {
			if v.Column() != columns {
				return r, errors.New("it has a row without a value of each column")
			}
			columns++
		}
		leaf := d.leaves[v.Column()]
		if v.IsNull() && !leaf.nulls {
			continue
		}
		if leaf.key {
			keys++
		}
		if err := leaf.set(&r, v); err != nil {
			return r, err
		}
	}
	if columns != len(d.leaves) {
		return r, errors.New("it has a row without a value of each column")
	}
	if keys != 2 {
		return r, errors.New("it has a row without an app or a day")
	}
	if r.Day != d.day {
		return r, fmt.Errorf("its row of app %d is of %s", r.AppID, r.Day)
	}
	r.Adopt()
	return r, nil
}
