package storage_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"chatlake/storage"
)

// TestTruncatedArchive: without the checksum at its end, nothing of an object is to be trusted.
func TestTruncatedArchive(t *testing.T) {
	object := archiveOf(t, answers()...)
	for n := range len(object) {
		if read, err := readArchive(object[:n]); err == nil || len(read) > 0 {
			t.Errorf("cut at %d of %d bytes: %d answers, %v", n, len(object), len(read), err)
		}
	}
}

// TestFlippedArchive holds that no answer is given which is not as it was archived, since a replay would merge it.
func TestFlippedArchive(t *testing.T) {
	list := answers()
	object := archiveOf(t, list...)
	flips, refused, altered := 0, 0, 0
	for i := 0; i < len(object)*8; i += 3 {
		flips++
		flipped := bytes.Clone(object)
		flipped[i/8] ^= 1 << (i % 8)
		read, err := readArchive(flipped)
		if err != nil {
			refused++
		} else if len(read) != len(list) {
			t.Errorf("byte %d, bit %d: %d answers and no error", i/8, i%8, len(read))
		}
		for n := range read {
			if n >= len(list) || !sameAnswer(read[n], list[n]) {
				altered++
				break
			}
		}
	}
	if altered > 0 {
		t.Errorf("of %d flips, %d were refused, and %d gave an altered answer", flips, refused, altered)
	}
}

func TestLinesThatAreNoAnswers(t *testing.T) {
	const good = `{"sdk_app_id":1,"body":"a"}`
	for name, test := range map[string]struct {
		text string
		read int
		want string // in the error
	}{
		"nothing":            {"", 0, ""},
		"no last line end":   {good + "\n" + good, 2, ""},
		"an empty line":      {good + "\n\n" + good + "\n", 1, "line 2"},
		"text":               {good + "\n" + good + "\nhello\n", 2, "line 3"},
		"half a line":        {good + "\n" + good[:10], 1, "line 2"},
		"two on a line":      {good + good + "\n", 0, "line 1"},
		"a list":             {"[" + good + "]\n", 0, "line 1"},
		"a body of a number": {`{"body":5}`, 0, "line 1"},
		"a body of no bytes": {`{"body":{"base64":"*"}}`, 0, "line 1"},
		"a clock of a word":  {good + "\n" + `{"clock":"yesterday"}`, 1, "line 2"},
		"a day of a word":    {good + "\n" + `{"from":"yesterday"}`, 1, "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			read, err := readArchive(zipped(t, []byte(test.text)))
			if len(read) != test.read || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%d answers, %v; want %d and %q", len(read), err, test.read, test.want)
			}
		})
	}
	t.Run("no gzip", func(t *testing.T) {
		for _, object := range []string{"", good, "\x1f\x8b", "\x1f\x8b\x08\x00"} {
			if read, err := readArchive([]byte(object)); err == nil || len(read) > 0 {
				t.Errorf("%q: %d answers, %v", object, len(read), err)
			}
			if at := storage.RawTime([]byte(object)); !at.IsZero() {
				t.Errorf("%q is of %v", object, at)
			}
		}
	})
	t.Run("something behind", func(t *testing.T) {
		if read, err := readArchive(append(archiveOf(t, answers()...), "more"...)); err == nil || len(read) > 0 {
			t.Errorf("%d answers, %v", len(read), err)
		}
	})
}

func TestReadArchiveStops(t *testing.T) {
	object := archiveOf(t, answers()...)
	read := 0
	err := storage.ReadArchive(bytes.NewReader(object), func(storage.RawAnswer) error {
		read++
		return errRefused
	})
	if read != 1 || !errors.Is(err, errRefused) {
		t.Errorf("%d answers, %v", read, err)
	}
	if got := storage.RawTime(object); !got.Equal(answers()[0].At) {
		t.Errorf("the first answer is of %v", got)
	}
}
