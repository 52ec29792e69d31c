package storage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"

	"chatlake/internal/stats"
)

// RawAnswer is one answer of the API as received, a line of the raw archive.
type RawAnswer struct {
	RunID  string     `json:"run_id"`
	Clock  time.Time  `json:"clock"` // the run's
	AppID  int64      `json:"sdk_app_id"`
	Region string     `json:"region,omitempty"`
	Fields []string   `json:"fields,omitempty"` // the request's; none: all
	From   *stats.Day `json:"from,omitempty"`   // the days of the answer that the run merged: the request's
	To     *stats.Day `json:"to,omitempty"`
	At     time.Time  `json:"at"` // when the answer had come, by the wall clock
	Status int        `json:"status"`
	Good   bool       `json:"good"`               // rows can be made of it
	Cut    int        `json:"cut_from,omitempty"` // the length of an error answer that was cut
	Body   Body       `json:"body"`
}

// Body is an answer's bytes: a JSON string where they are UTF-8, else {"base64": …}.
type Body []byte

type base64Body struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON writes every byte of the body so that it can be read back.
func (b Body) MarshalJSON() ([]byte, error) {
	if !utf8.Valid(b) {
		return json.Marshal(base64Body{b})
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(string(b))
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *Body) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '{' {
		var binary base64Body
		err := json.Unmarshal(text, &binary)
		*b = binary.Base64
		return err
	}
	var s string
	err := json.Unmarshal(text, &s)
	*b = Body(s)
	return err
}

const (
	maxErrorBody = 64 << 10
	maxRawLine   = 128 << 20 // a body of the longest that a pull takes, escaped
)

// Archive gathers a run's answers in a temporary file, so that they cost no memory. It is safe for concurrent use.
type Archive struct {
	mu     sync.Mutex
	file   *os.File
	gzip   *gzip.Writer
	failed error
	Len    int // answers
}

// NewArchive makes an empty archive. Close removes its file.
func NewArchive() *Archive {
	file, err := os.CreateTemp("", "chatlake-raw-*")
	if err != nil {
		return &Archive{failed: err}
	}
	return &Archive{file: file, gzip: gzip.NewWriter(file)}
}

// Size returns about how many bytes the answers take.
func (a *Archive) Size() int64 {
	if a.file == nil {
		return 0
	}
	info, err := a.file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// Add appends an answer. What fails here is told by [Lake.PutArchive].
func (a *Archive) Add(answer RawAnswer) {
	if !answer.Good && len(answer.Body) > maxErrorBody {
		answer.Cut, answer.Body = len(answer.Body), answer.Body[:maxErrorBody]
	}
	line, err := json.Marshal(answer)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Len++
	if a.failed == nil && err == nil {
		_, err = a.gzip.Write(append(line, '\n'))
	}
	if a.failed == nil {
		a.failed = err
	}
}

// Close removes the temporary file.
func (a *Archive) Close() {
	if a.file != nil {
		a.file.Close()
		os.Remove(a.file.Name())
	}
}

func (a *Archive) bytes() ([]byte, error) {
	if a.failed != nil {
		return nil, a.failed
	}
	if err := a.gzip.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(a.file.Name())
}

// PutArchive stores a run's answers, if there are any.
func (l *Lake) PutArchive(ctx context.Context, day stats.Day, runID string, a *Archive) error {
	if a.Len == 0 || l.dryRun {
		return nil
	}
	body, err := a.bytes()
	if err != nil {
		return fmt.Errorf("gathering the raw answers failed: %w", err)
	}
	return l.store.Put(ctx, l.prefix+rawKey(day, runID), body)
}

// ReadArchive reads the answers of an object of the raw archive in their order, until each fails. An object that is damaged
// anywhere gives none: gzip's checksum comes last, and an answer before the damage may be altered too.
func ReadArchive(r io.ReadSeeker, each func(RawAnswer) error) error {
	unzipped, err := gzip.NewReader(r)
	if err == nil {
		_, err = io.Copy(io.Discard, unzipped)
	}
	if err != nil {
		return fmt.Errorf("it is damaged: %w", err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := unzipped.Reset(r); err != nil {
		return err
	}
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, maxRawLine)
	for n := 1; lines.Scan(); n++ {
		var answer RawAnswer
		if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
			return fmt.Errorf("its line %d is not a raw answer: %w", n, err)
		}
		if err := each(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

// RawObject is an object of the raw archive.
type RawObject struct {
	Key string
	Day stats.Day // of the clock of the run that stored it, UTC
}

// RawObjects lists the objects of the runs of some days, in the order of the runs' clocks.
func (l *Lake) RawObjects(ctx context.Context, from, to stats.Day) ([]RawObject, error) {
	keys, err := l.store.List(ctx, l.prefix+rawPrefix, l.prefix+rawDay(from))
	if err != nil {
		return nil, err
	}
	var objects []RawObject
	for _, key := range keys {
		day, ok := parseRawKey(key[len(l.prefix):])
		if ok && day >= from && day <= to {
			objects = append(objects, RawObject{key, day})
		}
	}
	return objects, nil
}

// ReadRaw reads an object of the raw archive.
func (l *Lake) ReadRaw(ctx context.Context, key string) ([]byte, error) { return l.store.Get(ctx, key) }

// Reject is a row that was refused, a line of a run's rejects.
type Reject struct {
	AppID  int64           `json:"sdk_app_id"`
	RunID  string          `json:"run_id"`
	Reason string          `json:"reason"`
	Row    json.RawMessage `json:"row"` // as received
}

// PutRejects stores a run's refused rows, if there are any.
func (l *Lake) PutRejects(ctx context.Context, day stats.Day, runID string, rejects []Reject) error {
	if len(rejects) == 0 || l.dryRun {
		return nil
	}
	var lines bytes.Buffer
	e := json.NewEncoder(&lines)
	e.SetEscapeHTML(false)
	for _, r := range rejects {
		if err := e.Encode(r); err != nil {
			return fmt.Errorf("writing the refused rows failed: %w", err)
		}
	}
	return l.store.Put(ctx, l.prefix+rejectsKey(day, runID), lines.Bytes())
}

// RawTime returns when the first answer of an object had come, or zero: runs exclude one another, so that this is their order.
func RawTime(object []byte) time.Time {
	unzipped, err := gzip.NewReader(bytes.NewReader(object))
	if err != nil {
		return time.Time{}
	}
	var first RawAnswer
	if err := json.NewDecoder(unzipped).Decode(&first); err != nil {
		return time.Time{}
	}
	return first.At
}
