package storage

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
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
	d, err := newDecoder(f)
	if err != nil {
		return nil, schema{}, err
	}
	const shortest = 32 // bytes of a row, as far as a footer is believed
	d.rows = make([]storedRow, 0, min(f.NumRows(), int64(len(file)/shortest)))
	for _, group := range f.RowGroups() {
		if err := d.read(group.ColumnChunks()); err != nil {
			return nil, schema{}, err
		}
	}
	if int64(len(d.rows)) != f.NumRows() {
		return nil, schema{}, fmt.Errorf("it has %d rows, and its footer says %d", len(d.rows), f.NumRows())
	}
	return d.rows, d.schema, d.check(day)
}

// decoder reads a file's rows, column by column.
type decoder struct {
	schema schema
	leaves []leaf // by the file's leaf column
	apps   int    // the leaf column that every row has a value of
	rows   []storedRow
	values [256]parquet.Value
}

// leaf puts the values of one leaf column into a row.
type leaf struct {
	set     func(*storedRow, parquet.Value) error
	nulls   bool // it takes nulls too
	key     bool // of the row's key
	counter bool // a counter
	index   int  // of a counter
}

// newDecoder finds each of the file's columns its place in a row.
func newDecoder(f *parquet.File) (*decoder, error) {
	d := &decoder{}
	known := make(map[string]column)
	for _, c := range columns() {
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
		if c.Kind == stats.AppID {
			d.apps = len(d.leaves)
		}
		d.leaves = append(d.leaves, c.setters()...)
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

// setters returns what puts the values of the column's leaves into a row.
func (c column) setters() []leaf {
	switch c.Kind {
	case stats.AppID:
		return []leaf{{key: true, set: func(r *storedRow, v parquet.Value) error {
			r.AppID = v.Int64()
			return nil
		}}}
	case stats.Date:
		return []leaf{{key: true, set: func(r *storedRow, v parquet.Value) error {
			r.Day = stats.Day(v.Int32())
			return nil
		}}}
	case stats.Text:
		return []leaf{{set: func(r *storedRow, v parquet.Value) error {
			r.Texts[c.index] = string(v.ByteArray())
			return nil
		}}}
	case stats.Counter:
		return []leaf{{counter: true, index: c.index, set: func(r *storedRow, v parquet.Value) error {
			r.Counters[c.index] = v.Int64()
			return nil
		}}}
	case stats.Timestamp:
		return []leaf{{set: func(r *storedRow, v parquet.Value) error {
			*r.timestamp(c.index) = time.UnixMilli(v.Int64()).UTC()
			return nil
		}}}
	case stats.Revision:
		return []leaf{{set: func(r *storedRow, v parquet.Value) error {
			r.Revision = v.Int32()
			return nil
		}}}
	case stats.Extra:
		return extraSetters()
	}
	panic(fmt.Sprintf("no place for the kind %d", c.Kind))
}

// extraSetters reads a map: the keys of all rows come before the first of the values.
func extraSetters() []leaf {
	keys := make(map[*storedRow][]string) // that wait for their values
	return []leaf{
		{nulls: true, set: func(r *storedRow, v parquet.Value) error {
			if !v.IsNull() {
				keys[r] = append(keys[r], string(v.ByteArray()))
			}
			return nil
		}},
		{nulls: true, set: func(r *storedRow, v parquet.Value) error {
			waiting := keys[r]
			if len(waiting) == 0 {
				if v.IsNull() {
					return nil // no map, or an empty one
				}
				return errors.New("its extra has a value without a key")
			}
			if r.Extra == nil {
				r.Extra = make(map[string]string, len(waiting))
			}
			r.Extra[waiting[0]], keys[r] = string(v.ByteArray()), waiting[1:]
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

// read reads a group of rows.
func (d *decoder) read(columns []parquet.ColumnChunk) error {
	first := len(d.rows)
	err := eachPage(columns[d.apps], func(page parquet.Page) error {
		for range page.NumRows() {
			d.rows = append(d.rows, storedRow{Row: stats.NewRow(0, 0)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, column := range columns {
		f := filling{leaf: d.leaves[i], rows: d.rows[first:], values: d.values[:], at: -1}
		if err := eachPage(column, f.fill); err != nil {
			return err
		}
		if f.at != len(f.rows)-1 {
			return errColumns
		}
	}
	return nil
}

func eachPage(column parquet.ColumnChunk, do func(parquet.Page) error) error {
	pages := column.Pages()
	defer pages.Close()
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(page); err != nil {
			return err
		}
		parquet.Release(page)
	}
}

// filling puts the values of one leaf column into rows, in their order.
type filling struct {
	leaf   leaf
	rows   []storedRow
	values []parquet.Value
	at     int
}

var errColumns = errors.New("it has a row without a value of each column")

func (f *filling) fill(page parquet.Page) error {
	if f.leaf.counter && page.Dictionary() == nil && page.DefinitionLevels() != nil {
		data := page.Data()
		return f.fillCounters(page.DefinitionLevels(), data.Int64())
	}
	for values, end := page.Values(), false; !end; {
		n, err := values.ReadValues(f.values)
		if end = errors.Is(err, io.EOF); err != nil && !end {
			return err
		}
		for _, v := range f.values[:n] {
			if v.RepetitionLevel() == 0 {
				f.at++
			}
			if f.at < 0 || f.at >= len(f.rows) {
				return errColumns
			}
			if v.IsNull() && f.leaf.key {
				return errors.New("it has a row without an app or a day")
			}
			if v.IsNull() && !f.leaf.nulls {
				continue
			}
			if err := f.leaf.set(&f.rows[f.at], v); err != nil {
				return err
			}
		}
	}
	return nil
}

// fillCounters does the same with what nearly all of a file is, without a [parquet.Value] for each.
func (f *filling) fillCounters(levels []byte, counters []int64) error {
	for _, level := range levels {
		f.at++
		if f.at >= len(f.rows) || int(level) > len(counters) {
			return errColumns
		}
		if level == 1 {
			f.rows[f.at].Counters[f.leaf.index] = counters[0]
			counters = counters[1:]
		}
	}
	return nil
}

// check refuses rows that could not have been written here.
func (d *decoder) check(day stats.Day) error {
	apps := make([]int64, len(d.rows))
	for i := range d.rows {
		r := &d.rows[i]
		if r.Day != day {
			return fmt.Errorf("its row of app %d is of %s", r.AppID, r.Day)
		}
		r.Adopt()
		apps[i] = r.AppID
	}
	slices.Sort(apps)
	for i := 1; i < len(apps); i++ {
		if apps[i] == apps[i-1] {
			return fmt.Errorf("it has two rows of app %d", apps[i])
		}
	}
	return nil
}
