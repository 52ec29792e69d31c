package chattest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

// noon returns noon in Beijing of the day.
func noon(d stats.Day) time.Time { return d.Time().Add(4 * time.Hour) }

type numbers map[string]int64

func values(t *testing.T, app chattest.App, d stats.Day, asOf time.Time) numbers {
	t.Helper()
	v := chattest.Values(app, d, asOf)
	if v == nil {
		t.Fatalf("app %d has nothing on %v", app.ID, d)
	}
	n := numbers{}
	for _, f := range stats.Columns() {
		if f.Name == "" {
			continue
		}
		s, ok := v[f.Name].(string)
		if !ok || s == "" {
			t.Fatalf("%s is %v", f.Name, v[f.Name])
		}
		if f.Kind == stats.Counter {
			i, err := strconv.ParseInt(s, 10, 64)
			if err != nil || i < 0 {
				t.Fatalf("app %d, %v: %s is %q", app.ID, d, f.Name, s)
			}
			n[f.Name] = i
		}
	}
	return n
}

func someApps() (apps []chattest.App) {
	for id := int64(1400000001); id <= 1400000012; id++ {
		apps = append(apps, chattest.App{ID: id})
	}
	return append(apps,
		chattest.App{ID: 20, Size: 1},
		chattest.App{ID: 21, Size: 50_000_000},
		chattest.App{ID: 22, Size: 900, Since: stats.Day(20700)},
		chattest.App{ID: 1104620500},
	)
}

// check holds one day's numbers against each other.
func check(n numbers) error {
	for whole, parts := range map[string][2]string{
		"UpMsgNum":   {"C2CUpMsgNum", "GroupUpMsgNum"},
		"DownMsgNum": {"C2CDownMsgNum", "GroupDownMsgNum"},
		"APNSMsgNum": {"C2CAPNSMsgNum", "GroupAPNSMsgNum"},
	} {
		if n[parts[0]]+n[parts[1]] != n[whole] {
			return fmt.Errorf("%s and %s do not add up to %s", parts[0], parts[1], whole)
		}
	}
	for _, order := range [][2]string{
		{"CallBackRsp", "CallBackReq"},
		{"MaxOnlineNum", "LoginUserNum"},
		{"ActiveUserNum", "LoginUserNum"},
		{"LoginUserNum", "LoginTimes"},
		{"LoginUserNum", "RegistUserNumTotal"},
		{"C2CSendMsgUserNum", "SendMsgUserNum"},
		{"GroupSendMsgUserNum", "SendMsgUserNum"},
		{"SendMsgUserNum", "LoginUserNum"},
		{"RegistUserNumOneDay", "RegistUserNumTotal"},
		{"GroupSendMsgGroupNum", "GroupAllGroupNum"},
	} {
		if n[order[0]] > n[order[1]] {
			return fmt.Errorf("%s %d > %s %d", order[0], n[order[0]], order[1], n[order[1]])
		}
	}
	return nil
}

func TestNumbersAgree(t *testing.T) {
	last := day(t, "2026-11-25")
	asOf := noon(last)
	for _, app := range someApps() {
		first := max(app.Since, last-200)
		before := values(t, app, first, asOf)
		if app.Since != 0 && before["RegistUserNumTotal"] != before["RegistUserNumOneDay"] {
			t.Errorf("app %d has registered users before its first day: %v", app.ID, before)
		}
		for d := first + 1; d <= last; d++ {
			n := values(t, app, d, asOf)
			if err := check(n); err != nil {
				t.Fatalf("app %d, %v: %v", app.ID, d, err)
			}
			sampled := app.ID == 1104620500 && (d-day(t, "2016-06-07"))%30 == 0
			if !sampled {
				if n["RegistUserNumTotal"] != before["RegistUserNumTotal"]+n["RegistUserNumOneDay"] {
					t.Fatalf("app %d, %v: the registered users do not add up: %v, then %v", app.ID, d, before, n)
				}
				if n["GroupAllGroupNum"] != before["GroupAllGroupNum"]+n["GroupNewGroupNum"]-n["GroupDestroyGroupNum"] {
					t.Fatalf("app %d, %v: the groups do not add up: %v, then %v", app.ID, d, before, n)
				}
			}
			before = n
		}
	}
}

func TestWholeHistory(t *testing.T) {
	asOf := noon(day(t, "2026-11-25"))
	for d := day(t, "2010-01-01"); d < stats.DayIn(asOf, stats.Beijing); d += 5 {
		if err := check(values(t, even, d, asOf)); err != nil {
			t.Fatalf("%v: %v", d, err)
		}
	}
}

func TestRevisions(t *testing.T) {
	d := day(t, "2026-11-20")
	for _, app := range someApps() {
		if app.ID == 1104620500 {
			continue // its sample days are never revised
		}
		var versions []map[string]any
		for age := stats.Day(1); age <= 40; age++ {
			versions = append(versions, chattest.Values(app, d, noon(d+age)))
			if early := chattest.Values(app, d, noon(d+age).Add(-12*time.Hour)); !maps.Equal(early, versions[age-1]) {
				t.Errorf("app %d: changes within day %d after", app.ID, age)
			}
			if err := check(values(t, app, d, noon(d+age))); err != nil {
				t.Errorf("app %d, %d days after: %v", app.ID, age, err)
			}
		}
		if maps.Equal(versions[0], versions[1]) || maps.Equal(versions[1], versions[2]) {
			t.Errorf("app %d: no revision on the second or third day", app.ID)
		}
		for age, v := range versions[2:] {
			if !maps.Equal(v, versions[2]) {
				t.Errorf("app %d: changes %d days after", app.ID, age+3)
			}
		}
		for _, name := range []string{"RegistUserNumTotal", "RegistUserNumOneDay", "GroupAllGroupNum"} {
			if versions[0][name] != versions[2][name] {
				t.Errorf("app %d: %s is revised", app.ID, name)
			}
		}
	}
}

func TestToday(t *testing.T) {
	d := day(t, "2026-11-20")
	midnight := d.Time().Add(-8 * time.Hour)
	before := numbers{}
	for hour := range 24 {
		n := values(t, even, d, midnight.Add(time.Duration(hour)*time.Hour))
		if err := check(n); err != nil {
			t.Fatalf("hour %d: %v", hour, err)
		}
		for name, v := range n {
			if v < before[name] && name != "GroupAllGroupNum" {
				t.Errorf("hour %d: %s fell from %d to %d", hour, name, before[name], v)
			}
		}
		before = n
	}
	if v := chattest.Values(even, d, midnight.Add(-time.Second)); v != nil {
		t.Errorf("a day to come has %v", v)
	}
}

func TestRepeatsAndDiffers(t *testing.T) {
	d := day(t, "2026-11-01")
	a := chattest.Values(even, d, now)
	if !maps.Equal(a, chattest.Values(even, d, now)) {
		t.Error("the same day twice differs")
	}
	if a["AppName"] != "青鸟客服" || a["Company"] != "青鸟" || a["Date"] != "20261101" || a["AppId"] != "1400000002" {
		t.Errorf("got %v", a)
	}
	seen := map[any]bool{}
	for _, app := range someApps() {
		seen[chattest.Values(app, d, now)["UpMsgNum"]] = true
	}
	if len(seen) < len(someApps())-1 {
		t.Errorf("only %d different apps", len(seen))
	}
	young := chattest.App{ID: 1, Since: d}
	if chattest.Values(young, d-1, now) != nil || chattest.Values(young, d, now) == nil {
		t.Error("Since is not the first day")
	}
}

func TestWeekAndGrowth(t *testing.T) {
	dips, peaks := 0, 0
	for id := int64(1400000001); id <= 1400000040; id++ {
		app := chattest.App{ID: id, Size: 10_000}
		mean := func(from stats.Day, weekend bool) (sum int64) {
			for week := range stats.Day(20) {
				monday := from + 7*week
				if weekend {
					monday += 5
				}
				sum += values(t, app, monday, now)["ActiveUserNum"]
			}
			return sum / 20
		}
		monday2025, monday2026 := day(t, "2025-01-06"), day(t, "2026-01-05")
		switch weekday, saturday := mean(monday2026, false), mean(monday2026, true); {
		case saturday*100 < weekday*95:
			dips++
		case saturday*100 > weekday*105:
			peaks++
		default:
			t.Errorf("app %d has no week: %d, %d", id, weekday, saturday)
		}
		if old, recent := mean(monday2025, false), mean(monday2026, false); recent <= old || recent > 2*old {
			t.Errorf("app %d went from %d to %d in a year", id, old, recent)
		}
	}
	if dips == 0 || peaks == 0 {
		t.Errorf("%d apps dip on the weekend, %d peak", dips, peaks)
	}
}

// An app's first days are days like the others, whatever weekday it starts on.
func TestFirstDays(t *testing.T) {
	for id := int64(1); id <= 8; id++ {
		for weekday := range stats.Day(7) {
			since := day(t, "2026-09-07") + weekday
			app := chattest.App{ID: id, Size: 100_000, Since: since}
			for d := since; d < since+7; d++ {
				if n := values(t, app, d, now)["RegistUserNumOneDay"]; n < 700 || n > 1250 {
					t.Errorf("app %d, since %v: %d registered on %v, want about 1000", id, since, n, d)
				}
			}
		}
	}
}

func TestSample(t *testing.T) {
	if json.Valid(chattest.Sample()) {
		t.Error("the page's sample has lost its trailing comma")
	}
	var want struct{ Result []map[string]any }
	if err := json.Unmarshal(bytes.Replace(chattest.Sample(), []byte(",}"), []byte("}"), 1), &want); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(want.Result[0])); !slices.Equal(got, stats.FieldNames()) {
		t.Errorf("the sample has %v", got)
	}
	app := chattest.App{ID: 1104620500, Key: key}
	for _, clock := range []time.Time{time.Date(2016, 6, 20, 4, 0, 0, 0, time.UTC), now} {
		s := chattest.New(chattest.Options{Apps: []chattest.App{app}, Now: fixed(clock)})
		found := 0
		got := good(t, app).do(t, s)
		got.serve(t, 30)
		for _, row := range got.Result {
			same := maps.Clone(want.Result[0])
			if clock.Year() != 2016 {
				same["Date"] = row["Date"]
			}
			if maps.Equal(row, same) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("as of %v: the sample comes %d times", clock, found)
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	for b.Loop() {
		for d := stats.Day(20700); d < 20730; d++ {
			chattest.Values(even, d, now)
		}
	}
}
