package storage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"chatlake/internal/chat/chattest"
	"chatlake/storage"
)

const (
	rawRun = "20261125T090000Z-0123abcd"
	rawKey = "_raw/dt=2026-11-25/" + rawRun + ".ndjson.gz"
)

// answers are some as a run has them: one of everything, and such as are no JSON, no UTF-8, nothing.
func answers() []storage.RawAnswer {
	from, to := day-3, day
	whole := storage.RawAnswer{
		RunID: rawRun, Clock: at(0), AppID: appA, Region: "singapore", Fields: []string{"UpMsgNum", "AppName"}, From: &from, To: &to,
		At: at(1).Add(123456789), Status: 200, Good: true, Body: chattest.Sample(),
	}
	list := []storage.RawAnswer{whole}
	for _, body := range []string{
		"", "\x00", "\n\r\n\t", "null", `{"base64":"AA=="}`, "\xff\xfe\x00\x01", "a\xe9\x9d", "\u2028\u2029\ufffd\ufeff", "青鸟\U0001f600",
		"<html><body>&amp; 502 Bad Gateway</body></html>\n", `"\ud800\\u0041"`, "\xed\xa0\x80", "{\"ErrorCode\":60008}\r\n",
	} {
		list = append(list, storage.RawAnswer{RunID: rawRun, Clock: at(0), AppID: appB, At: at(1), Status: 502, Body: storage.Body(body)})
	}
	return list
}

// archiveOf returns the object that answers make.
func archiveOf(t testing.TB, list ...storage.RawAnswer) []byte {
	t.Helper()
	a := storage.NewArchive()
	defer a.Close()
	for _, answer := range list {
		a.Add(answer)
	}
	if a.Len != len(list) {
		t.Errorf("%d answers, not %d", a.Len, len(list))
	}
	m := &memory{}
	if err := storage.NewLake(m, "chat/", false).PutArchive(t.Context(), day+1, rawRun, a); err != nil {
		t.Fatal(err)
	}
	return m.objects["chat/"+rawKey]
}

func TestArchiveRoundTrip(t *testing.T) {
	list := answers()
	object := archiveOf(t, list...)
	read, err := readArchive(object)
	if err != nil || len(read) != len(list) {
		t.Fatalf("%d answers, %v", len(read), err)
	}
	for i := range list {
		wantAnswer(t, read[i], list[i])
	}
	// What other programs see: a line an answer, its body a JSON string wherever it is a text.
	lines := slices.Collect(strings.Lines(string(unzipped(t, object))))
	if len(lines) != len(list) {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		var keys struct {
			RunID string `json:"run_id"`
			Clock string
			App   int64 `json:"sdk_app_id"`
			Body  any
		}
		if err := json.Unmarshal([]byte(line), &keys); err != nil {
			t.Fatal(err)
		}
		text, isText := keys.Body.(string)
		if isText != utf8.Valid(list[i].Body) || isText && text != string(list[i].Body) {
			t.Errorf("the body %q is %T", list[i].Body, keys.Body)
		}
		if keys.RunID != rawRun || keys.Clock != "2026-11-25T09:00:00Z" || keys.App != list[i].AppID {
			t.Errorf("line %d: %+v", i, keys)
		}
	}
}

func TestArchiveCutsErrors(t *testing.T) {
	const most = 64 << 10
	for _, test := range []struct {
		name string
		good bool
		body string
		kept int
		cut  int
	}{
		{"a long error", false, strings.Repeat("x", 200<<10), most, 200 << 10},
		{"within a character", false, strings.Repeat("青", 70_000), most, 210_000},
		{"no text", false, strings.Repeat("\xff", most+1), most, most + 1},
		{"just as long", false, strings.Repeat("x", most), most, 0},
		{"a good answer", true, strings.Repeat("<\u2028", 50<<10), 200 << 10, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := answers()[0]
			answer.Good, answer.Body = test.good, storage.Body(test.body)
			read, err := readArchive(archiveOf(t, answer, answers()[1]))
			if err != nil || len(read) != 2 {
				t.Fatalf("%d answers, %v", len(read), err)
			}
			if got := read[0]; got.Cut != test.cut || string(got.Body) != test.body[:test.kept] {
				t.Errorf("%d bytes are kept and cut from %d", len(got.Body), got.Cut)
			}
			if len(answer.Body) != len(test.body) {
				t.Error("the caller's answer was cut")
			}
		})
	}
}

func TestArchiveLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	files := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	a := storage.NewArchive()
	a.Add(answers()[0])
	if files() != 1 {
		t.Errorf("%d files while it is written", files())
	}
	if err := storage.NewLake(refusing{&memory{}, false}, "", false).PutArchive(t.Context(), day, rawRun, a); !errors.Is(err, errRefused) {
		t.Errorf("got %v", err)
	}
	a.Close()
	if files() != 0 {
		t.Errorf("%d files afterwards", files())
	}
}

func TestArchiveWithoutRoom(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	a := storage.NewArchive()
	defer a.Close()
	m := &memory{}
	if err := storage.NewLake(m, "", false).PutArchive(t.Context(), day, rawRun, a); err != nil {
		t.Errorf("nothing to store: %v", err)
	}
	a.Add(answers()[0])
	if err := storage.NewLake(m, "", false).PutArchive(t.Context(), day, rawRun, a); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if m.puts > 0 {
		t.Error("something was stored")
	}
}

func TestNothingIsArchived(t *testing.T) {
	m := &memory{}
	a := storage.NewArchive()
	defer a.Close()
	rejects := []storage.Reject{{AppID: appA, RunID: rawRun, Reason: "none", Row: json.RawMessage(`{}`)}}
	err := errors.Join(
		storage.NewLake(m, "", false).PutArchive(t.Context(), day, rawRun, a),
		storage.NewLake(m, "", false).PutRejects(t.Context(), day, rawRun, nil),
		storage.NewLake(m, "", true).PutRejects(t.Context(), day, rawRun, rejects),
	)
	a.Add(answers()[0])
	err = errors.Join(err, storage.NewLake(m, "", true).PutArchive(t.Context(), day, rawRun, a))
	if err != nil || m.puts > 0 {
		t.Errorf("%d objects, %v", m.puts, err)
	}
}

func TestArchiveOfManyAtOnce(t *testing.T) {
	const apps, each = 8, 50
	a := storage.NewArchive()
	defer a.Close()
	var group sync.WaitGroup
	for app := range apps {
		group.Go(func() {
			for n := range each {
				a.Add(storage.RawAnswer{AppID: int64(app), Status: n, Body: storage.Body(strings.Repeat(fmt.Sprint(app), 1000))})
			}
		})
	}
	group.Wait()
	m := &memory{}
	if err := storage.NewLake(m, "", false).PutArchive(t.Context(), day+1, rawRun, a); err != nil {
		t.Fatal(err)
	}
	read, err := readArchive(m.objects[rawKey])
	if err != nil || len(read) != apps*each || a.Len != apps*each {
		t.Fatalf("%d answers, %v", len(read), err)
	}
	next := make(map[int64]int)
	for _, answer := range read {
		if answer.Status != next[answer.AppID] || string(answer.Body) != strings.Repeat(fmt.Sprint(answer.AppID), 1000) {
			t.Fatalf("answer %d of app %d is in the place of %d", answer.Status, answer.AppID, next[answer.AppID])
		}
		next[answer.AppID]++
	}
}
