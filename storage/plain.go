package storage

import (
	"reflect"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding"
)

// plainNode is a file's column, to be written as this version writes its own, however the file has it.
type plainNode struct{ parquet.Node }

func (plainNode) Encoding() encoding.Encoding { return &parquet.Plain }
func (plainNode) Compression() compress.Codec { return &parquet.Snappy }

func (n plainNode) Fields() []parquet.Field {
	fields := slices.Clone(n.Node.Fields())
	for i, f := range fields {
		fields[i] = plainField{plainNode{f}, f}
	}
	return fields
}

type plainField struct {
	plainNode
	field parquet.Field
}

func (f plainField) Name() string                           { return f.field.Name() }
func (f plainField) Value(base reflect.Value) reflect.Value { return f.field.Value(base) }
