package storage

import (
	"encoding/binary"
	"errors"
)

// checkFooter walks through a file's metadata, Thrift in its compact protocol, and refuses lengths that go beyond it: the
// parser would ask for as much memory as a damaged one says. The file's frame has been checked.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
func checkFooter(file []byte) error {
	end := len(file) - 8
	w := compact{file[end-int(binary.LittleEndian.Uint32(file[end:])) : end]}
	if !w.skip(thriftStruct, 0) {
		return errors.New("its footer is damaged")
	}
	return nil
}

const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12

	deepest = 32
)

// compact is what is left to walk through.
type compact struct{ left []byte }

func (w *compact) byte() (b byte, ok bool) {
	if len(w.left) == 0 {
		return 0, false
	}
	b, w.left = w.left[0], w.left[1:]
	return b, true
}

// length reads a length of at most what is left.
func (w *compact) length() (int, bool) {
	v, n := binary.Uvarint(w.left)
	if n <= 0 || v > uint64(len(w.left)-n) {
		return 0, false
	}
	w.left = w.left[n:]
	return int(v), true
}

func (w *compact) drop(n int, ok bool) bool {
	if !ok || n > len(w.left) {
		return false
	}
	w.left = w.left[n:]
	return true
}

// skip skips a value that is no field: a boolean is a byte there.
func (w *compact) skip(kind byte, depth int) bool {
	if depth > deepest {
		return false
	}
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		return w.drop(1, true)
	case thriftI16, thriftI32, thriftI64:
		_, n := binary.Uvarint(w.left)
		return w.drop(n, n > 0)
	case thriftDouble:
		return w.drop(8, true)
	case thriftBinary:
		return w.drop(w.length())
	case thriftList, thriftSet:
		return w.skipList(depth)
	case thriftMap:
		return w.skipMap(depth)
	case thriftStruct:
		return w.skipStruct(depth)
	}
	return false
}

func (w *compact) skipStruct(depth int) bool {
	for {
		head, ok := w.byte()
		if !ok || head == 0 {
			return ok
		}
		if head>>4 == 0 { // the field's number follows
			if _, n := binary.Uvarint(w.left); !w.drop(n, n > 0) {
				return false
			}
		}
		kind := head & 15
		if kind == thriftTrue || kind == thriftFalse {
			continue
		}
		if !w.skip(kind, depth+1) {
			return false
		}
	}
}

func (w *compact) skipList(depth int) bool {
	head, ok := w.byte()
	n := int(head >> 4)
	if ok && n == 15 {
		n, ok = w.length()
	}
	for range n {
		if !ok {
			break
		}
		ok = w.skip(head&15, depth+1)
	}
	return ok
}

func (w *compact) skipMap(depth int) bool {
	n, ok := w.length()
	if !ok || n == 0 {
		return ok
	}
	kinds, ok := w.byte()
	for range n {
		ok = ok && w.skip(kinds>>4, depth+1) && w.skip(kinds&15, depth+1)
	}
	return ok
}
