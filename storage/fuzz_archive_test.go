package storage_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"reflect"
	"slices"
	"testing"

	"chatlake/internal/chat"
	"chatlake/internal/stats"
	"chatlake/storage"
)

// FuzzReadArchive holds that reading an object of the raw archive never panics, that an object which it takes whole has
// answers that are archived again without a loss, and that a replay of them can be repeated.
func FuzzReadArchive(f *testing.F) {
	lines := unzipped(f, archiveOf(f, answers()...))
	f.Add(lines, true)
	f.Add(archiveOf(f, answers()...), false)
	for _, line := range []string{
		``, "\n", `null`, `{}`, `{"body":{"base64":"/w=="}}`, `{"body":{"base64":null}}`, `{"from":"2026-11-24","to":"0001-01-01","body":null}`,
		`{"good":true,"sdk_app_id":-1,"clock":"0000-01-01T00:00:00Z","body":"{\"ErrorCode\":0,\"Result\":[{\"Date\":\"00010101\",},]}"}`,
		`{"good":true,"sdk_app_id":1,"clock":"9999-12-31T23:59:59.999999999+23:59","body":"{\"ErrorCode\":0,\"Result\":[{\"Date\":\"99991231\",\"X\":[1]}]}"}`,
	} {
		f.Add([]byte(line), true)
	}
	f.Fuzz(func(t *testing.T, object []byte, plain bool) {
		if plain {
			object = zipped(t, object)
		}
		storage.RawTime(object)
		read, err := readArchive(object)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		wantArchivedAgain(t, read)
		replayTwice(t, read)
	})
}

func wantArchivedAgain(t *testing.T, read []storage.RawAnswer) {
	if len(read) == 0 {
		return
	}
	again, err := readArchive(archiveOf(t, read...))
	if err != nil || len(again) != len(read) {
		t.Fatalf("%d answers of %d, %v", len(again), len(read), err)
	}
	for i, a := range read {
		wantAnswer(t, again[i], a)
	}
}

// replayTwice folds the answers in, as a run does. Where the runs' clocks are in the order of the answers, the second time
// changes nothing.
func replayTwice(t *testing.T, read []storage.RawAnswer) {
	const mostDays = 3
	m := &memory{}
	lake := storage.NewLake(m, "", false)
	inOrder := slices.IsSortedFunc(read, func(a, b storage.RawAnswer) int { return a.Clock.Compare(b.Clock) })
	for again := range 2 {
		p := lake.NewReplay()
		for _, a := range read {
			entries, err := chat.ParseAnswer(a.Body)
			if err != nil || !a.Good {
				continue
			}
			for _, e := range entries {
				row, err := stats.Parse(a.AppID, e)
				if days := p.Days(); err == nil && (len(days) < mostDays || slices.Contains(days, row.Day)) {
					p.Add(t.Context(), row, a.Clock)
				}
			}
		}
		days := p.Days()
		slices.Sort(days)
		for _, day := range days {
			got, err := p.Finish(t.Context(), day, "")
			switch {
			case err != nil:
				t.Fatalf("%s: %v", day, err)
			case again == 0 && !got.Written, again == 1 && inOrder && got.Written:
				t.Fatalf("%s, replay %d: %+v", day, again+1, got)
			}
		}
	}
}

// FuzzRawAnswer holds that an answer of any bytes comes back as it was, but for what is cut off an error.
func FuzzRawAnswer(f *testing.F) {
	for _, a := range answers() {
		f.Add([]byte(a.Body), a.Good, a.Region, a.AppID, a.Status)
	}
	f.Add(bytes.Repeat([]byte("青"), 22_000), false, "china", int64(1), 502)
	f.Fuzz(func(t *testing.T, body []byte, good bool, text string, app int64, status int) {
		a := answers()[0]
		a.Body, a.Good, a.AppID, a.Status = body, good, app, status
		if a.Region = text; string([]rune(text)) != text {
			a.Region = "" // a region is the configuration's own
		}
		object := archiveOf(t, a, a)
		if n := bytes.Count(unzipped(t, object), []byte("\n")); n != 2 {
			t.Fatalf("2 answers are %d lines", n)
		}
		read, err := readArchive(object)
		if err != nil || len(read) != 2 {
			t.Fatalf("%d answers, %v", len(read), err)
		}
		for _, got := range read {
			wantAnswer(t, got, a)
		}
	})
}

// wantAnswer compares an answer that was read with the one that was archived.
func wantAnswer(t testing.TB, got, want storage.RawAnswer) {
	t.Helper()
	if !sameAnswer(got, want) {
		t.Errorf("read the body %.200q, want %.200q", got.Body, want.Body)
		got.Body, want.Body = nil, nil
		t.Errorf("read %+v, want %+v", got, want)
	}
}

func sameAnswer(got, want storage.RawAnswer) bool {
	if !want.Good && len(want.Body) > 64<<10 {
		want.Cut, want.Body = len(want.Body), want.Body[:64<<10]
	}
	if !bytes.Equal(got.Body, want.Body) || !got.Clock.Equal(want.Clock) || !got.At.Equal(want.At) || !slices.Equal(got.Fields, want.Fields) {
		return false
	}
	got.Body, got.Clock, got.At, got.Fields = want.Body, want.Clock, want.At, want.Fields
	return reflect.DeepEqual(got, want)
}

func readArchive(object []byte) (read []storage.RawAnswer, err error) {
	err = storage.ReadArchive(bytes.NewReader(object), func(a storage.RawAnswer) error {
		read = append(read, a)
		return nil
	})
	return read, err
}

func zipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unzipped(t testing.TB, object []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
