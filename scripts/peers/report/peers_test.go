//go:build peers

// Package peers_test looks at the report in a real browser, Chromium, and with axe-core, which finds what people with a screen
// reader, a keyboard or weak eyes stumble over (https://github.com/dequelabs/axe-core).
//
// The test installs nothing. Once, on Debian, from the repository's root:
//
//	apt-get install chromium
//	npm ci --prefix scripts/peers/report
//
// Then:
//
//	go test -tags peers ./scripts/peers/report
//
// What is missing fails the test, which names the command: a check that skips itself proves nothing.
package peers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"chatlake/internal/report"
	"chatlake/internal/stats"
	"chatlake/storage"
)

var made = time.Date(2026, 11, 25, 4, 30, 0, 0, time.UTC)

// seen is what page.mjs prints of one page at one width in one scheme.
type seen struct {
	File, Scheme string
	Width        int

	Complaints, Violations []string
	Overflow               int
	Background             string
	Coverage               [][]string
	Strips                 []int
	Values, Facts          []string
	Lines                  int
	FirstStop              string
	FirstStopSeen          bool
	Found                  struct {
		Said           string
		Rows, Articles int
	}
	Order []string
}

func TestReport(t *testing.T) {
	if _, err := os.Stat("node_modules/axe-core"); err != nil {
		t.Fatalf("%v: run npm ci --prefix scripts/peers/report", err)
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: run apt-get install chromium", err)
	}
	dir := t.TempDir()
	var pages []string
	for _, test := range []struct{ apps, days int }{{1, 1}, {3, 40}, {200, 90}} {
		pages = append(pages, page(t, dir, test.apps, test.days))
	}
	arg, err := json.Marshal(map[string]any{"chromium": chromium, "pages": pages})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "page.mjs", string(arg))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("page.mjs: %v\n%s", err, &stderr)
	}
	var all []seen
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("page.mjs printed %q: %v", out, err)
	}
	if len(all) != 4*len(pages) {
		t.Fatalf("page.mjs saw %d pages", len(all))
	}
	for _, s := range all {
		t.Run(fmt.Sprintf("%s/%d/%s", filepath.Base(s.File), s.Width, s.Scheme), func(t *testing.T) { s.judge(t) })
	}
}

func (s *seen) judge(t *testing.T) {
	var apps, days int
	if _, err := fmt.Sscanf(filepath.Base(s.File), "%dx%d.html", &apps, &days); err != nil {
		t.Fatal(err)
	}
	if len(s.Complaints) > 0 || len(s.Violations) > 0 {
		t.Errorf("complaints %q, violations %q", s.Complaints, s.Violations)
	}
	if s.Overflow > 0 {
		t.Errorf("the page is %d pixels wider than the screen", s.Overflow)
	}
	if dark := s.Background != "rgb(255, 255, 255)"; dark != (s.Scheme == "dark") {
		t.Errorf("the background is %s", s.Background)
	}
	if s.FirstStop != "Skip to the report" || !s.FirstStopSeen {
		t.Errorf("the first stop is %q, seen: %t", s.FirstStop, s.FirstStopSeen)
	}
	lacks := 0
	if days > 10 {
		lacks = 1 // the last app's
	}
	if want := []string{"ok", fmt.Sprint(apps), fmt.Sprint(days)}; !slices.Equal(s.Facts[:3], want) {
		t.Errorf("facts %q, want %q", s.Facts, want)
	}
	if len(s.Coverage) != apps || len(s.Values) != 4*apps || s.Lines != 4*apps {
		t.Fatalf("%d rows, %d values, %d lines", len(s.Coverage), len(s.Values), s.Lines)
	}
	if got, want := s.Coverage[apps-1], []string{name(apps - 1), "", fmt.Sprint(days - lacks), fmt.Sprint(lacks)}; !slices.Equal(got, want) {
		t.Errorf("coverage %q, want %q", got, want)
	}
	if s.Values[0] != "1,234,567" {
		t.Errorf("the first value is %q", s.Values[0])
	}
	if least := min(days*10, 300); slices.Min(s.Strips) < least {
		t.Errorf("a row of the matrix is %d pixels wide, less than %d", slices.Min(s.Strips), least)
	}
	if apps == 200 {
		if s.Found.Said != "1 of 200 apps" || s.Found.Rows != 1 || s.Found.Articles != 1 {
			t.Errorf("found %+v", s.Found)
		}
		if want := []string{name(0), name(199), name(198)}; !slices.Equal(s.Order, want) {
			t.Errorf("in the order %q, want %q", s.Order, want)
		}
	}
}

func name(app int) string { return fmt.Sprintf("应用 <b>App %d</b>", app) }

// page writes the report of a lake with so many apps and days, whose last app lacks a day.
func page(t *testing.T, dir string, apps, days int) string {
	t.Helper()
	lake := storage.NewLake(storage.NewDir(filepath.Join(dir, fmt.Sprint("lake-", apps))), "", false)
	yesterday := stats.DayIn(made, stats.Beijing) - 1
	for i := range days {
		var rows []stats.Row
		for app := range apps {
			if i == 10 && app == apps-1 {
				continue
			}
			row := stats.NewRow(int64(1400000001+app), yesterday-stats.Day(days-1-i))
			row.Texts[0] = name(app)
			for c := range row.Counters {
				row.Counters[c] = int64(1_000_000 + 1000*(i%7) + app)
			}
			if app == 0 && i == days-1 {
				row.Counters[0] = 1_234_567
			}
			rows = append(rows, row)
		}
		if _, err := lake.Merge(t.Context(), yesterday-stats.Day(days-1-i), rows, made); err != nil {
			t.Fatal(err)
		}
	}
	summary := fmt.Sprintf(`{"run_id":"20261125T033000Z-00000000","status":"ok","trigger":"timer","apps":{"total":%d,"ok":%d},"warnings":["one that a wide table has in its last column"]}`, apps, apps)
	for _, err := range []error{
		lake.PutLatestRun(t.Context(), []byte(summary)),
		lake.PutRun(t.Context(), yesterday+1, "20261125T033000Z-00000000", []byte(summary)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := report.Read(t.Context(), lake, "https://lake-1250000000.cos.ap-singapore.myqcloud.com/im", 90, made)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(dir, fmt.Sprintf("%dx%d.html", apps, days)))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := r.Write(file); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}
