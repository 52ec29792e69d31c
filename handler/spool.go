package handler

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"os"

	"chatlake/internal/stats"
)

// spool keeps the rows of a run by day until they are merged: few in memory, many in a temporary file, so that the apps of a run
// are not bounded by its memory.
type spool struct {
	file *os.File // made when it is first needed
	size int64
	full bool // the disk takes no more: what follows stays in memory
	days map[stats.Day]*spooledDay
	rows int
}

type spooledDay struct {
	rows    int
	encoder *gob.Encoder
	tail    bytes.Buffer // what is not in the file
	written []section
}

// section is a piece of the file.
type section struct{ offset, length int64 }

// spoolBuffer is how many bytes of a day stay in memory, some 200 rows.
const spoolBuffer = 32 << 10

func newSpool() *spool { return &spool{days: make(map[stats.Day]*spooledDay)} }

// close removes the file.
func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}

func (s *spool) add(row stats.Row) {
	d := s.days[row.Day]
	if d == nil {
		d = &spooledDay{}
		d.encoder = gob.NewEncoder(&d.tail)
		s.days[row.Day] = d
	}
	if err := d.encoder.Encode(&row); err != nil {
		panic(fmt.Sprintf("a row can't be encoded: %v", err)) // memory takes all, and gob every row
	}
	d.rows++
	s.rows++
	if d.tail.Len() >= spoolBuffer && !s.full {
		s.full = s.flush(d) != nil
	}
}

func (s *spool) flush(d *spooledDay) (err error) {
	if s.file == nil {
		if s.file, err = os.CreateTemp("", "chatlake-rows-*"); err != nil {
			return err
		}
	}
	n, err := s.file.WriteAt(d.tail.Bytes(), s.size)
	if err != nil {
		return err
	}
	d.written = append(d.written, section{s.size, int64(n)})
	s.size += int64(n)
	d.tail.Reset()
	return nil
}

// list returns the days that have rows.
func (s *spool) list() []stats.Day {
	days := make([]stats.Day, 0, len(s.days))
	for day := range s.days {
		days = append(days, day)
	}
	return days
}

// most is the number of rows of the day that has most.
func (s *spool) most() (n int) {
	for _, d := range s.days {
		n = max(n, d.rows)
	}
	return n
}

// day returns the rows of a day. It is safe for concurrent use once all rows are there.
func (s *spool) day(day stats.Day) ([]stats.Row, error) {
	d := s.days[day]
	parts := make([]io.Reader, 0, len(d.written)+1)
	for _, w := range d.written {
		parts = append(parts, io.NewSectionReader(s.file, w.offset, w.length))
	}
	decoder := gob.NewDecoder(io.MultiReader(append(parts, bytes.NewReader(d.tail.Bytes()))...))
	rows := make([]stats.Row, d.rows)
	for i := range rows {
		if err := decoder.Decode(&rows[i]); err != nil {
			return nil, fmt.Errorf("failed to read the pulled rows of %s back from %s: %w", day, os.TempDir(), err)
		}
	}
	return rows, nil
}
