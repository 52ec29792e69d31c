package storage

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc64"
	"strings"
)

// A file carries a checksum of itself in its metadata: the CRC64 of all its bytes, taken with noSum in the checksum's
// place. It tells damage before a parser is given the file: Parquet's own checksums cover the pages alone, and a flipped bit
// elsewhere has made parsers read other rows, or ask for all memory. Files of other writers have none.
const sumKey = "chatlake.crc64"

var noSum = strings.Repeat("0", 16)

// sumPlace finds the checksum's bytes. In Thrift's compact protocol, in which the metadata is written, the value follows its
// key, with a byte for the field and one for the length between them
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
func sumPlace(file []byte) (from, to int, ok bool) {
	head := sumKey + "\x18\x10"
	i := bytes.LastIndex(file, []byte(head))
	from = i + len(head)
	to = from + len(noSum)
	return from, to, i >= 0 && to <= len(file)
}

func withSum(file []byte) ([]byte, error) {
	from, to, ok := sumPlace(file)
	if !ok {
		return nil, errors.New("the file's metadata lacks the place for its checksum")
	}
	copy(file[from:to], fmt.Sprintf("%016x", crc64.Checksum(file, ecma)))
	return file, nil
}

// checkSum compares a file with the checksum that it carries, if it does.
func checkSum(file []byte) error {
	from, to, ok := sumPlace(file)
	if !ok {
		return nil
	}
	sum := crc64.Checksum(file[:from], ecma)
	sum = crc64.Update(sum, ecma, []byte(noSum))
	sum = crc64.Update(sum, ecma, file[to:])
	if got := fmt.Sprintf("%016x", sum); got != string(file[from:to]) {
		return fmt.Errorf("its bytes have the checksum %s, and it says %s: it is damaged, or another program has written it anew", got, file[from:to])
	}
	return nil
}
