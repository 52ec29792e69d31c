package storage

import (
	"fmt"

	"github.com/parquet-go/parquet-go"

	"chatlake/internal/stats"
)

// schema is a Parquet schema of the table: the columns of [stats.Columns] in their order and behind them, where a file
// was written by a newer version, the columns that this one does not know.
type schema struct {
	parquet *parquet.Schema
	leaves  []getter // by leaf column
}

// foreignColumn is a column of a file that this version does not know.
type foreignColumn struct {
	name   string
	node   parquet.Node
	leaves int
	lift   int // what was added to its definition levels, since it became optional
}

// column is one of [stats.Columns] with its index among those of its kind.
type column struct {
	stats.Field
	index int
}

func columns() []column {
	var all []column
	next := make(map[stats.Kind]int)
	for _, c := range stats.Columns() {
		all = append(all, column{c, next[c.Kind]})
		next[c.Kind]++
	}
	return all
}

func newSchema(foreign []foreignColumn) schema {
	names := make([]string, 0, len(stats.Columns())+len(foreign))
	nodes := make(parquet.Group)
	var s schema
	for _, c := range columns() {
		names = append(names, c.Column)
		nodes[c.Column] = nodeOf(c.Kind)
		s.leaves = append(s.leaves, c.getters()...)
	}
	foreignLeaves := 0
	for _, f := range foreign {
		names = append(names, f.name)
		nodes[f.name] = f.node
		for range f.leaves {
			s.leaves = append(s.leaves, foreignGetter(foreignLeaves))
			foreignLeaves++
		}
	}
	s.parquet = parquet.NewSchema(Table, orderedGroup{nodes, names})
	return s
}

// nodeOf returns the Parquet type of a kind of column. All but the key are optional, so that every version can read
// every other's files.
func nodeOf(kind stats.Kind) parquet.Node {
	switch kind {
	case stats.AppID:
		return parquet.Required(withoutLength(parquet.Int(64)))
	case stats.Date:
		return parquet.Required(withoutLength(parquet.Date()))
	case stats.Text:
		return parquet.Optional(parquet.String())
	case stats.Counter:
		return parquet.Optional(withoutLength(parquet.Int(64)))
	case stats.Extra:
		return parquet.Optional(parquet.Map(parquet.String(), parquet.Optional(parquet.String())))
	case stats.Timestamp:
		return parquet.Optional(withoutLength(parquet.Timestamp(parquet.Millisecond)))
	case stats.Revision:
		return parquet.Optional(withoutLength(parquet.Int(32)))
	}
	panic(fmt.Sprintf("no Parquet type for the kind %d", kind))
}

// withoutLength is an integer column whose schema element has no type_length, which the format has for
// FIXED_LEN_BYTE_ARRAY alone (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
// parquet-go writes the bits of an integer there, and Hive's reader then does not find the column.
func withoutLength(n parquet.Node) parquet.Node { return lengthless{n} }

type lengthless struct{ parquet.Node }

func (n lengthless) Type() parquet.Type { return lengthlessType{n.Node.Type()} }

type lengthlessType struct{ parquet.Type }

func (lengthlessType) Length() int { return 0 }

// orderedGroup is a group whose fields keep their order; a parquet.Group sorts them by name.
type orderedGroup struct {
	parquet.Group
	names []string
}

func (g orderedGroup) Fields() []parquet.Field {
	byName := make(map[string]parquet.Field, len(g.Group))
	for _, f := range g.Group.Fields() {
		byName[f.Name()] = f
	}
	fields := make([]parquet.Field, len(g.names))
	for i, name := range g.names {
		fields[i] = byName[name]
	}
	return fields
}

func countLeaves(n parquet.Node) int {
	if n.Leaf() {
		return 1
	}
	total := 0
	for _, f := range n.Fields() {
		total += countLeaves(f)
	}
	return total
}
