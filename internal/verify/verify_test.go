package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/stats"
	"chatlake/internal/verify"
	"chatlake/storage"
)

const (
	appA, appB = 1400000001, 1400000002
	first      = "2026-09-01"
)

var now = time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC)

func day(text string) stats.Day {
	d, err := stats.ParseDay(text)
	if err != nil {
		panic(err)
	}
	return d
}

// world is a lake in a directory, of two apps from the first of September to yesterday.
type world struct {
	t   *testing.T
	dir string
	*storage.Lake
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir()}
	w.Lake = storage.NewLake(storage.NewDir(w.dir), "", false)
	for d := day(first); d <= day("2026-11-24"); d++ {
		w.store(d, appA, appB)
	}
	return w
}

func (w *world) store(d stats.Day, apps ...int64) {
	w.t.Helper()
	var rows []stats.Row
	for _, app := range apps {
		row := stats.NewRow(app, d)
		row.Counters[0] = app
		rows = append(rows, row)
	}
	if _, err := w.Merge(w.t.Context(), d, rows, now); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) path(d stats.Day) string {
	return filepath.Join(w.dir, filepath.FromSlash(storage.PartitionKey(d)))
}

func (w *world) remove(days ...string) {
	w.t.Helper()
	for _, d := range days {
		if err := os.RemoveAll(filepath.Dir(w.path(day(d)))); err != nil {
			w.t.Fatal(err)
		}
	}
}

// holds leaves a day with some apps' rows alone.
func (w *world) holds(d string, apps ...int64) {
	w.t.Helper()
	w.remove(d)
	w.store(day(d), apps...)
}

func (w *world) verify(raw bool) verify.Report {
	w.t.Helper()
	r, err := verify.Lake(w.t.Context(), w.Lake, raw, now, func(handler.Progress) {})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func TestSound(t *testing.T) {
	w := newWorld(t)
	var told []handler.Progress
	r, err := verify.Lake(t.Context(), w.Lake, true, now, func(p handler.Progress) { told = append(told, p) })
	if err != nil || !r.Sound() || r.Files != 85 || r.Rows != 170 || r.Apps != 2 || r.First.String() != first || r.Last.String() != "2026-11-24" || r.Bytes < int64(r.Longest) || r.Longest == 0 || r.Archive.Objects != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if n := len(told); n != 11 || told[n-1].Done != 85 || told[n-1].Total != 85 {
		t.Errorf("told %+v", told)
	}
}

func TestEmptyTableIsNotSound(t *testing.T) {
	w := &world{t: t, Lake: storage.NewLake(storage.NewDir(t.TempDir()), "", false)}
	if r := w.verify(false); r.Sound() || r.Files != 0 {
		t.Errorf("%+v", r)
	}
}

func TestMissing(t *testing.T) {
	w := newWorld(t)
	w.holds("2026-09-10", appB)
	w.holds("2026-10-25", appA) // the last that the API has no more, and the first that it has
	w.holds("2026-10-26", appA)
	w.remove("2026-10-01", "2026-10-02", "2026-11-20")
	w.holds("2026-11-24", appB) // the end of an app's rows is no hole in them
	w.store(day("2026-12-24"), appA, appB)
	r := w.verify(false)
	got := func(list []verify.Missing) string {
		var text []string
		for _, m := range list {
			text = append(text, fmt.Sprintf("%d %s %s: %s %s", m.AppID, m.From, m.To, m.Command, m.Event))
		}
		return strings.Join(text, "\n")
	}
	if want := strings.Join([]string{
		`0 2026-10-01 2026-10-02: chatlake run --source raw --from 2026-10-01 --to 2026-10-02 {"source":"raw","from":"2026-10-01","to":"2026-10-02"}`,
		`0 2026-11-20 2026-11-20: chatlake run --from 2026-11-20 --to 2026-11-20 {"from":"2026-11-20","to":"2026-11-20"}`,
	}, "\n"); got(r.NoFile) != want {
		t.Errorf("without a file:\n%s\nwant\n%s", got(r.NoFile), want)
	}
	if want := strings.Join([]string{
		`1400000001 2026-09-10 2026-09-10: chatlake run --source raw --apps 1400000001 --from 2026-09-10 --to 2026-09-10 {"source":"raw","apps":[1400000001],"from":"2026-09-10","to":"2026-09-10"}`,
		`1400000002 2026-10-25 2026-10-25: chatlake run --source raw --apps 1400000002 --from 2026-10-25 --to 2026-10-25 {"source":"raw","apps":[1400000002],"from":"2026-10-25","to":"2026-10-25"}`,
		`1400000002 2026-10-26 2026-10-26: chatlake run --apps 1400000002 --from 2026-10-26 --to 2026-10-26 {"apps":[1400000002],"from":"2026-10-26","to":"2026-10-26"}`,
	}, "\n"); got(r.Missing) != want {
		t.Errorf("missing:\n%s\nwant\n%s", got(r.Missing), want)
	}
	if r.Sound() || len(r.Damaged)+len(r.Strange) > 0 {
		t.Errorf("%+v", r)
	}
}

// TestSourceLacks: what the API had not either is no fault of the lake.
func TestSourceLacks(t *testing.T) {
	w := newWorld(t)
	w.remove("2026-10-05")
	w.holds("2026-10-06", appA)
	gap := func(app int64, from, to string) handler.Gap {
		return handler.Gap{AppID: app, From: day(from), To: day(to), SourceLacks: true, Lost: true}
	}
	latest := func(gaps ...handler.Gap) {
		text, _ := json.Marshal(handler.Latest{Summary: handler.Summary{Gaps: gaps}})
		if err := w.PutLatestRun(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	latest(gap(appA, "2026-10-05", "2026-10-05"), gap(appB, "2026-10-05", "2026-10-06"))
	if r := w.verify(false); !r.Sound() {
		t.Errorf("%+v", r)
	}
	lost := gap(appB, "2026-10-05", "2026-10-06") // which the API may have had
	lost.SourceLacks = false
	latest(gap(appA, "2026-10-05", "2026-10-05"), lost)
	if r := w.verify(false); len(r.NoFile) != 1 || len(r.Missing) != 1 {
		t.Errorf("%+v", r)
	}
	if err := w.PutLatestRun(t.Context(), []byte("{")); err != nil {
		t.Fatal(err)
	}
	if r := w.verify(false); len(r.Damaged) != 1 || r.Damaged[0].Key != "_runs/latest.json" || r.Damaged[0].Command != "" {
		t.Errorf("%+v", r)
	}
}

func TestDamaged(t *testing.T) {
	w := newWorld(t)
	file := func(d string) []byte {
		body, err := os.ReadFile(w.path(day(d)))
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	put := func(key string, body []byte) {
		if err := storage.NewDir(w.dir).Put(t.Context(), key, body); err != nil {
			t.Fatal(err)
		}
	}
	flipped := file("2026-09-05")
	flipped[len(flipped)/2] ^= 1
	put(storage.PartitionKey(day("2026-09-05")), flipped)
	put(storage.PartitionKey(day("2026-09-20")), file("2026-09-21")) // rows of another day
	put("app_daily_stats/dt=2026-09-20/part-0.parquet.bak", nil)
	put("app_daily_stats/_SUCCESS", nil)
	r := w.verify(false)
	if len(r.Damaged) != 2 || r.Damaged[0].Day.String() != "2026-09-05" || !strings.Contains(r.Damaged[0].Error, "checksum") ||
		!strings.Contains(r.Damaged[1].Error, "is of 2026-09-21") || r.Damaged[1].Command != "chatlake run --source raw --from 2026-09-20 --to 2026-09-20" {
		t.Errorf("damaged %+v", r.Damaged)
	}
	if len(r.Strange) != 2 || r.Files != 85 || r.Rows != 166 || len(r.Missing)+len(r.NoFile) > 0 {
		t.Errorf("%+v", r)
	}
}

func TestArchive(t *testing.T) {
	w := newWorld(t)
	for d := range 9 {
		a := storage.NewArchive()
		a.Add(storage.RawAnswer{AppID: appA, Good: true, Body: []byte("{}")})
		a.Add(storage.RawAnswer{AppID: appB, Good: true, Body: []byte("{}")})
		if err := w.PutArchive(t.Context(), day("2026-11-01")+stats.Day(d), fmt.Sprintf("run-%d", d), a); err != nil {
			t.Fatal(err)
		}
		a.Close()
	}
	broken := filepath.Join(w.dir, "_raw", "dt=2026-11-03", "run-2.ndjson.gz")
	if err := os.Truncate(broken, 40); err != nil {
		t.Fatal(err)
	}
	if r := w.verify(false); !r.Sound() || r.Archive != nil {
		t.Errorf("without the archive: %+v", r)
	}
	r := w.verify(true)
	if r.Sound() || r.Archive.Objects != 9 || r.Archive.Answers != 16 || len(r.Archive.Damaged) != 1 || r.Archive.Damaged[0].Key != "_raw/dt=2026-11-03/run-2.ndjson.gz" {
		t.Errorf("%+v", r.Archive)
	}
}

// TestUnread: what could not be read is not called damaged.
func TestUnread(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := verify.Lake(ctx, w.Lake, false, now, func(handler.Progress) { cancel() })
	if err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("%v", err)
	}
}
