package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// checkFrame looks at what a file begins and ends with, before a parser trusts the lengths in it.
// https://parquet.apache.org/docs/file-format/
func checkFrame(file []byte) error {
	const magic, tail = "PAR1", 8
	if len(file) < len(magic)+tail || string(file[:4]) != magic || string(file[len(file)-4:]) != magic {
		return errors.New("it is not a Parquet file, or not a whole one")
	}
	if footer := binary.LittleEndian.Uint32(file[len(file)-tail:]); int64(footer) > int64(len(file)-len(magic)-tail) {
		return errors.New("its footer is longer than the file")
	}
	return nil
}

// maxPage bounds what one page may unpack to: far beyond what a day's rows need.
const maxPage = 64 << 20

// checkPages reads the headers of all pages from memory. The Parquet reader trusts the lengths in them, and asks for
// gigabytes where a damaged file says so.
func checkPages(file []byte, f *parquet.File) error {
	for _, group := range f.Metadata().RowGroups {
		for _, chunk := range group.Columns {
			from, length := chunk.MetaData.DataPageOffset, chunk.MetaData.TotalCompressedSize
			if dictionary := chunk.MetaData.DictionaryPageOffset; dictionary > 0 {
				from = min(from, dictionary)
			}
			if from < 0 || length < 0 || from > int64(len(file))-length {
				return errors.New("its footer has a column beyond the file")
			}
			for pages := file[from : from+length]; len(pages) > 0; {
				size, err := checkPage(pages)
				if err != nil {
					return err
				}
				pages = pages[size:]
			}
		}
	}
	return nil
}

// checkPage returns the length of the first of some pages, with its header.
func checkPage(pages []byte) (int, error) {
	reader := new(thrift.CompactProtocol).NewReaderFromBytes(pages)
	var header format.PageHeader
	if err := thrift.NewDecoder(reader).Decode(&header); err != nil {
		return 0, fmt.Errorf("reading a page's header failed: %w", err)
	}
	body := reader.Reader().(*bytes.Reader).Len()
	size := int(header.CompressedPageSize)
	if size < 0 || size > body || header.UncompressedPageSize < 0 || header.UncompressedPageSize > maxPage {
		return 0, errors.New("it has a page of an impossible size")
	}
	return len(pages) - body + size, nil
}
