package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/report"
	"chatlake/internal/stats"
	"chatlake/storage"
)

func lake(t testing.TB) *storage.Lake { return storage.NewLake(storage.NewDir(t.TempDir()), "", false) }

// put merges a row of an app with some counters by the API's names.
func put(t testing.TB, l *storage.Lake, app int64, day stats.Day, name string, counters map[string]int64) {
	t.Helper()
	entry := map[string]any{"Date": day.Time().Format("20060102"), "AppName": name}
	for k, v := range counters {
		entry[k] = v
	}
	raw, _ := json.Marshal(entry)
	row, err := stats.Parse(app, raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Merge(t.Context(), day, []stats.Row{row}, made.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// latestRun leaves a newest run's summary.
func latestRun(t testing.TB, l *storage.Lake, clock time.Time, fields string) {
	t.Helper()
	summary := fmt.Sprintf(`{"run_id":"%s-00000000","status":"ok"%s}`, clock.UTC().Format("20060102T150405Z"), fields)
	if err := l.PutLatestRun(t.Context(), []byte(summary)); err != nil {
		t.Fatal(err)
	}
}

func notices(r *report.Report) (all []string) {
	for _, n := range r.Notices() {
		all = append(all, fmt.Sprintf("%s: %s", n.Level, n.What))
	}
	return all
}

// TestTroubledLake shows a lake that two months of runs have left, with all that went wrong.
func TestTroubledLake(t *testing.T) {
	t.Parallel()
	w := troubled(t)
	r := w.read(90)
	doc := parse(t, write(t, r))
	for _, fault := range doc.faults() {
		t.Error(fault)
	}

	t.Run("gaps", func(t *testing.T) {
		want := [][]string{
			{"App", "From", "To", "Days", "State", "What that means"},
			{"海港聊天", "2026-11-12", "2026-11-12", "1", "at risk", "16 days left to pull it"},
			{"Harbour Support", "2026-11-16", "2026-11-24", "9", "at risk", "20 days left to pull the first of them"},
			{"Lantern Live", "2026-09-30", "2026-10-08", "9", "lost", "missing, and the API has it no more"},
			{"Harbour Chat", "2026-11-03", "2026-11-04", "2", "API has none", "missing, and a whole answer of the API did not have it"},
		}
		if got := doc.table("gaps", 0); !equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
	t.Run("refused", func(t *testing.T) {
		want := []string{"1400000003", `UpMsgNum "12.0" is no whole number in digits`, "2026-11-12", "1", "13", "2026-11-25 03:30 UTC"}
		if got := doc.table("refused", 0); len(got) != 2 || !slices.Equal(got[1], want) {
			t.Errorf("got %q", got)
		}
	})
	t.Run("attention", func(t *testing.T) {
		want := []string{
			"Act now: The file of 2026-10-25 is damaged.",
			"Look: The newest run is partial: 1 failed app, 1 refused row; first error: app 1400000002, pull: ",
			"Look: 海港聊天 (1400000003) lacks 2026-11-12: 16 days left to pull it.",
			"Look: Harbour Support (1400000002) lacks 2026-11-16 to 2026-11-24: 20 days left to pull the first of them.",
			"Look: Tide <script>alert(1)</script> (1400000006) has rows up to 2026-11-13 and is not pulled any more.",
			"Note: Lantern Live (1400000004) lacks 2026-09-30 to 2026-10-08, which the API has no more.",
		}
		got := notices(r)
		if len(got) != len(want) {
			t.Fatalf("got %q", got)
		}
		shown := text(doc.section("attention"))
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("got %q, want %q", got[i], want[i])
			}
			_, what, _ := strings.Cut(want[i], ": ")
			if !strings.Contains(shown, strings.TrimSpace(what)) {
				t.Errorf("the page does not show %q: %s", what, shown)
			}
		}
	})
	t.Run("coverage", func(t *testing.T) { coverage(t, w, doc) })
	t.Run("runs", func(t *testing.T) {
		got := doc.table("runs", 0)
		if len(got) != 15 || !slices.Equal(got[1][:3], []string{"2026-11-25 03:30 UTC", "partial", "timer"}) ||
			!slices.Equal(got[1][4:11], []string{"4", "1", "108", "4", "8", "1", "3"}) {
			t.Errorf("%d rows, %q", len(got), got[1])
		}
		if !strings.Contains(text(doc.section("runs")), `the API answered 70003 "made to fail"`) {
			t.Error("the page does not tell the run's error")
		}
	})
	t.Run("escaping", func(t *testing.T) {
		if h := text(doc.id("app-1400000006")); h != `Tide <script>alert(1)</script> 1400000006 · "Tide" & Labs` {
			t.Errorf("the heading is %q", h)
		}
	})
	t.Run("same bytes", func(t *testing.T) {
		if !bytes.Equal(write(t, r), write(t, w.read(90))) {
			t.Error("two reports of the same lake differ")
		}
	})
	t.Run("fewer days", func(t *testing.T) {
		r := w.read(5)
		doc := parse(t, write(t, r))
		if r.Days() != 5 || r.From != yesterday-4 || len(doc.faults()) > 0 {
			t.Errorf("%d days from %s, %q", r.Days(), r.From, doc.faults())
		}
		// What was lost before them is told all the same.
		if gaps := doc.table("gaps", 0); !slices.Contains(column(gaps, 1), "2026-09-30") || !slices.Contains(column(gaps, 1), "2026-11-16") {
			t.Errorf("gaps %q", gaps)
		}
	})
}

// coverage holds the page's matrix to the lake, read once more.
func coverage(t *testing.T, w *world, doc document) {
	held, revised := make(map[string]int), 0
	for day := yesterday - 88; day <= yesterday; day++ {
		rows, err := w.lake().ReadDay(t.Context(), day)
		if err != nil && day != yesterday-30 {
			t.Fatal(err)
		}
		for _, row := range rows {
			held[row.Texts[0]]++
			if row.Revision > 1 {
				revised++
			}
		}
	}
	total := 0
	got := doc.table("coverage", 0)
	for _, row := range got[1:] {
		if row[2] != fmt.Sprint(held[row[0]]) {
			t.Errorf("%s: the page has %s days, the lake %d", row[0], row[2], held[row[0]])
		}
		total += held[row[0]]
	}
	if len(got) != 7 || !slices.Equal(column(got, 3)[1:], []string{"1", "10", "2", "10", "0", "1"}) {
		t.Errorf("missing: %q", column(got, 3))
	}
	legend := text(all(doc.section("coverage"), named("ul"))[0])
	for _, want := range []string{
		fmt.Sprintf("there %d as", total-revised), fmt.Sprintf("revised %d there", revised), "at risk 10 ", "lost 9 ", "API has none 2 ", "damaged 5 ", "not due 80 ",
	} {
		if !strings.Contains(legend, want) {
			t.Errorf("no %q in the legend %q", want, legend)
		}
	}
	strips := all(doc.section("coverage"), func(n *html.Node) bool { return attr(n, "role") == "img" })
	if label := attr(strips[3], "aria-label"); !strings.Contains(label, "lost: 9 days, 2026-09-30 to 2026-10-08; damaged: 1 day, 2026-10-25") {
		t.Errorf("Lantern Live's row is called %q", label)
	}
	// Each day that is due is marked once.
	for i, strip := range strips {
		days := 0
		for _, path := range all(strip, named("path")) {
			for _, part := range strings.Split(attr(path, "d"), "M")[1:] {
				var from, y, wide int
				if _, err := fmt.Sscanf(part, "%d %dh%d", &from, &y, &wide); err != nil {
					t.Fatalf("%q: %v", part, err)
				}
				days += wide / 10
			}
		}
		if want := []int{89, 89, 89, 89, 20, 78}[i]; days != want {
			t.Errorf("row %d has %d days marked, want %d", i, days, want)
		}
	}
}

func TestOneAppOneDay(t *testing.T) {
	w := newWorld(t, chattest.App{ID: 1400000001, Name: "海港聊天", Since: yesterday})
	w.run(0)
	doc := parse(t, write(t, w.read(90)))
	for _, fault := range doc.faults() {
		t.Error(fault)
	}
	if got := text(doc.section("attention")); !strings.Contains(got, "Nothing. Every app’s day that is due is there") {
		t.Errorf("attention: %s", got)
	}
	if got := doc.table("coverage", 0); !slices.Equal(got[1], []string{"海港聊天", "there: 1 day", "1", "0"}) {
		t.Errorf("coverage: %q", got)
	}
	for now, want := range map[time.Time]string{
		made: "60 minutes ago", made.Add(20 * time.Hour): "21 hours ago", made.AddDate(0, 0, 9): "9 days ago", made.AddDate(0, 0, -1): "23 hours ahead of this clock",
	} {
		facts := text(all(parse(t, write(t, read(t, w.lake(), 90, now))).root, named("dl"))[0])
		if !strings.HasPrefix(facts, "Newest run ok "+want+" ") {
			t.Errorf("at %s: facts %q, want %q", now, facts, want)
		}
	}
	if lines := all(doc.section("trends"), named("path")); len(lines) != 8 || !strings.HasSuffix(attr(lines[0], "d"), "h0") {
		t.Errorf("%d paths, or a single day is not drawn as a dot", len(lines))
	}
}

func TestEmptyLake(t *testing.T) {
	r := read(t, lake(t), 90, made)
	doc := parse(t, write(t, r))
	for _, fault := range doc.faults() {
		t.Error(fault)
	}
	if got := notices(r); len(got) != 1 || !strings.HasPrefix(got[0], "Act now: No run has left a summary yet.") {
		t.Errorf("got %q", got)
	}
	if r.String() != "the lake holds no whole day yet" {
		t.Errorf("the report is called %q", r)
	}
}

// TestManyApps has 200 apps with rows that are revised and missing at random, which makes the largest page.
func TestManyApps(t *testing.T) {
	t.Parallel()
	l, random := lake(t), rand.New(rand.NewPCG(1, 2))
	missing := 0
	for day := yesterday - 89; day <= yesterday; day++ {
		var rows []stats.Row
		for app := range int64(200) {
			if day > yesterday-89 && day < yesterday && random.IntN(100) == 0 {
				missing++
				continue
			}
			row := stats.NewRow(1400000001+app, day)
			row.Texts[0] = fmt.Sprintf("应用 App %d", app)
			for c := range row.Counters {
				row.Counters[c] = 500_000 + random.Int64N(1_000_000)
			}
			rows = append(rows, row)
		}
		for range 2 {
			if _, err := l.Merge(t.Context(), day, rows, made.Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
			for i := range rows {
				rows[i].Counters[0] += int64(random.IntN(2))
			}
		}
	}
	latestRun(t, l, made.Add(-time.Hour), "")
	r := read(t, l, 90, made)
	page := write(t, r)
	if len(page) > 1_500_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	doc := parse(t, page)
	for _, fault := range doc.faults() {
		t.Error(fault)
	}
	sum := 0
	for _, n := range column(doc.table("coverage", 0), 3)[1:] {
		var days int
		fmt.Sscan(n, &days)
		sum += days
	}
	if sum != missing || len(r.Apps) != 200 {
		t.Errorf("%d apps lack %d days, want 200 and %d", len(r.Apps), sum, missing)
	}
	if len(all(doc.root, named("article"))) != 200 || len(all(doc.section("attention"), named("li"))) > 8 {
		t.Error("not each app has its trends, or attention is asked for too much")
	}
}

func TestLastDueDay(t *testing.T) {
	t.Parallel()
	morning := made.Add(-4 * time.Hour) // 08:30 in Beijing: the day's run is still to come
	for name, test := range map[string]struct {
		now, run time.Time
		want     stats.Day
	}{
		"after the day's run":             {made, made.Add(-time.Hour), yesterday},
		"before the day's run":            {morning, morning.Add(-21 * time.Hour), yesterday - 1},
		"the run of yesterday is missing": {morning, morning.Add(-45 * time.Hour), yesterday},
		"no run":                          {morning, time.Time{}, yesterday},
	} {
		l := lake(t)
		put(t, l, 1400000001, yesterday-9, "One", nil)
		if !test.run.IsZero() {
			latestRun(t, l, test.run, "")
		}
		r := read(t, l, 90, test.now)
		if r.To != test.want {
			t.Errorf("%s: the last day is %s, want %s", name, r.To, test.want)
		}
		late := slices.ContainsFunc(notices(r), func(n string) bool { return strings.HasPrefix(n, "Act now: No run has left a summary since") })
		if late != (test.now.Sub(test.run) > 36*time.Hour && !test.run.IsZero()) {
			t.Errorf("%s: %q", name, notices(r))
		}
	}
}

// TestDaysLeft follows one missing day until it is lost.
func TestDaysLeft(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		before int // days from the missing one to yesterday
		want   string
	}{
		{0, "Look: One (1400000001) lacks 2026-11-24: 28 days left to pull it."},
		{21, "Look: One (1400000001) lacks 2026-11-03: 7 days left to pull it."},
		{22, "Act now: One (1400000001) lacks 2026-11-02: 6 days left to pull it."},
		{28, "Act now: One (1400000001) lacks 2026-10-27: today is the last day to pull it."},
		{29, "Act now: One (1400000001) lacks 2026-10-26: the API may forget it today."},
		{30, "Note: One (1400000001) lacks 2026-10-25, which the API has no more."},
	} {
		l := lake(t)
		missing := yesterday - stats.Day(test.before)
		for day := missing - 1; day <= yesterday; day++ {
			if day != missing {
				put(t, l, 1400000001, day, "One", nil)
			}
		}
		// The newest run knows the gap where it is yesterday's: otherwise the app would have left the configuration.
		latestRun(t, l, made.Add(-time.Hour), `,"gaps":[{"sdk_app_id":1400000001,"from":"2026-11-24","to":"2026-11-24","lost_after":"2026-12-23"}]`)
		if got := notices(read(t, l, 90, made)); !slices.Equal(got, []string{test.want}) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// TestGapsApart tells ranges apart that a day or a state lies between, and joins those that run on from before the report's days.
func TestGapsApart(t *testing.T) {
	l := lake(t)
	held := []int{40, 34, 33, 31, 28, 26, 25, 1, 0} // days before yesterday
	for _, before := range held {
		put(t, l, 1400000001, yesterday-stats.Day(before), "One", nil)
	}
	latestRun(t, l, made.Add(-time.Hour), `,"coverage":[{"sdk_app_id":1400000001,"first":"2026-10-15","last":"2026-11-24"}],
		"gaps":[{"sdk_app_id":1400000001,"from":"2026-10-16","to":"2026-10-20","lost_after":"2026-11-13","lost":true}]`)
	for days, want := range map[int][]string{
		90: {"2026-10-26 2026-10-26", "2026-10-28 2026-10-28", "2026-10-31 2026-11-22", "2026-10-16 2026-10-20", "2026-10-23 2026-10-23", "2026-10-25 2026-10-25"},
		38: {"2026-10-26 2026-10-26", "2026-10-28 2026-10-28", "2026-10-31 2026-11-22", "2026-10-16 2026-10-20", "2026-10-23 2026-10-23", "2026-10-25 2026-10-25"},
		10: {"2026-11-15 2026-11-22", "2026-10-16 2026-10-20"},
	} {
		var got []string
		for _, row := range parse(t, write(t, read(t, l, days, made))).table("gaps", 0)[1:] {
			got = append(got, row[1]+" "+row[2])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d days: got %q, want %q", days, got, want)
		}
	}
}

func TestTrends(t *testing.T) {
	t.Parallel()
	const null = stats.Null
	week := func(v int64) []int64 { return slices.Repeat([]int64{v}, 7) }
	for name, test := range map[string]struct {
		values []int64 // of the days up to yesterday
		want   string  // the caption
		line   string
	}{
		"more":          {append(week(1000), week(1100)...), "1,100 +10.0 % week on week", "M2 95l4 0 4 0 4 0 4 0 4 0 4 0 4-90 4 0 4 0 4 0 4 0 4 0 4 0"},
		"millions":      {append(week(1_200_000), week(1_234_567)...), "1,234,567 +2.9 % week on week", ""},
		"less":          {append(week(200), week(150)...), "150 −25.0 % week on week", ""},
		"the same":      {append(week(7), week(7)...), "7 0.0 % week on week", ""},
		"zeros":         {append(week(0), week(0)...), "0 0.0 % week on week", ""},
		"from nothing":  {append(week(0), week(5)...), "5 no week on week: was 0 the week before", ""},
		"a short while": {week(5), "5 no week on week: needs 14 days", ""},
		"a gap":         {append([]int64{0, 100, null, 50, null, null, 0}, week(100)...), "100 no week on week: has 11 of 14 days", "M2 95l4-90M14 50h0M26 95l4-90 4 0 4 0 4 0 4 0 4 0 4 0"},
		"an old value":  {append(append(week(5), week(5)...), null), "5 on 23 Nov no week on week: has 13 of 14 days", ""},
		"huge":          {append(week(9223372036854775807), week(1)...), "1 −100.0 % week on week", ""},
		"nothing":       {append(week(null), week(null)...), "– no value", ""},
	} {
		l := lake(t)
		for i, v := range test.values {
			counters := map[string]int64{"ActiveUserNum": v, "LoginTimes": 1}
			if v == null {
				delete(counters, "ActiveUserNum")
			}
			put(t, l, 1400000001, yesterday-stats.Day(len(test.values)-1-i), "One", counters)
		}
		latestRun(t, l, made.Add(-time.Hour), "")
		doc := parse(t, write(t, read(t, l, 90, made)))
		figure := all(doc.section("trends"), named("figure"))[0]
		if got := text(all(figure, named("figcaption"))[0]); got != "Active users "+test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
		lines := all(figure, named("path"))
		if test.line != "" && attr(lines[0], "d") != test.line {
			t.Errorf("%s: the line is %q, want %q", name, attr(lines[0], "d"), test.line)
		}
	}
}

// TestNumbers shows the days of the last two weeks one by one and the means of weeks before, with what is not there as a dash.
func TestNumbers(t *testing.T) {
	t.Parallel()
	l := lake(t)
	for i := range 25 {
		put(t, l, 1400000001, yesterday-stats.Day(i), "One", map[string]int64{"ActiveUserNum": int64(1000 * (i + 1))})
	}
	latestRun(t, l, made.Add(-time.Hour), "")
	got := parse(t, write(t, read(t, l, 90, made))).table("trends", 0)
	want := map[int][]string{
		0: {"Day", "Active", "Logins", "Messages", "Peak"}, 1: {"24 Nov", "1,000", "–", "–", "–"}, 14: {"11 Nov", "14,000", "–", "–", "–"},
		15: {"4 Nov – 10 Nov", "18,000", "–", "–", "–"}, 16: {"31 Oct – 3 Nov", "23,500", "–", "–", "–"},
	}
	if len(got) != 17 {
		t.Fatalf("got %q", got)
	}
	for i, row := range want {
		if !slices.Equal(got[i], row) {
			t.Errorf("row %d is %q, want %q", i, got[i], row)
		}
	}
}

func TestStrangeObjects(t *testing.T) {
	dir := storage.NewDir(t.TempDir())
	l := storage.NewLake(dir, "", false)
	put(t, l, 1400000001, yesterday, "One", nil)
	latestRun(t, l, made.Add(-time.Hour), "")
	if err := dir.Put(t.Context(), "app_daily_stats/copy.parquet", []byte("?")); err != nil {
		t.Fatal(err)
	}
	want := "Look: The table's folder holds 1 object that no run has put there: app_daily_stats/copy.parquet. Query engines read all of it."
	if got := notices(read(t, l, 90, made)); !slices.Equal(got, []string{want}) {
		t.Errorf("got %q", got)
	}
}

func equal(a, b [][]string) bool { return slices.EqualFunc(a, b, slices.Equal[[]string]) }

func column(table [][]string, n int) (cells []string) {
	for _, row := range table {
		cells = append(cells, row[n])
	}
	return cells
}
