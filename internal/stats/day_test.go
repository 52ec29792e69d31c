package stats_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"chatlake/internal/stats"
)

func TestDayInBeijing(t *testing.T) {
	for _, test := range []struct{ at, beijing, utc string }{
		{"2026-11-24T15:59:59Z", "2026-11-24", "2026-11-24"},
		{"2026-11-24T15:59:59.999999999Z", "2026-11-24", "2026-11-24"},
		{"2026-11-24T16:00:00Z", "2026-11-25", "2026-11-24"},
		{"2026-11-25T00:00:00Z", "2026-11-25", "2026-11-25"},
		{"2026-11-25T00:00:00+14:00", "2026-11-24", "2026-11-24"},
		{"2026-12-31T16:00:00Z", "2027-01-01", "2026-12-31"},
		{"2028-02-28T16:00:00Z", "2028-02-29", "2028-02-28"},
		{"2028-02-29T16:00:00Z", "2028-03-01", "2028-02-29"},
		// Northern summer: Beijing has kept one offset since 1991, and the days of before are taken the same way.
		{"1988-07-01T15:59:59Z", "1988-07-01", "1988-07-01"},
		{"1970-01-01T00:00:00Z", "1970-01-01", "1970-01-01"},
		{"1969-12-31T16:00:00Z", "1970-01-01", "1969-12-31"},
		{"1969-12-31T15:59:59Z", "1969-12-31", "1969-12-31"},
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := stats.DayIn(at, stats.Beijing).String(); got != test.beijing {
			t.Errorf("in Beijing, %s is on %s, want %s", test.at, got, test.beijing)
		}
		if got := stats.DayIn(at, time.UTC).String(); got != test.utc {
			t.Errorf("in UTC, %s is on %s, want %s", test.at, got, test.utc)
		}
	}
}

func TestDayCountsFromTheEpoch(t *testing.T) {
	for s, want := range map[string]stats.Day{
		"1969-12-31": -1, "1970-01-01": 0, "1970-01-02": 1, "2000-03-01": 11017, "2016-06-07": 16959, "9999-12-31": 2932896, "0001-01-01": -719162,
	} {
		if got, err := stats.ParseDay(s); err != nil || got != want {
			t.Errorf("ParseDay(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
}

func TestDayRoundTrips(t *testing.T) {
	for day := stats.Day(-800); day < 40_000; day++ {
		text, err := day.MarshalText()
		if err != nil || string(text) != day.String() {
			t.Fatalf("day %d: MarshalText gives %q, %v; String gives %q", day, text, err, day)
		}
		var read stats.Day
		if err := read.UnmarshalText(text); err != nil || read != day {
			t.Fatalf("day %d: %s is read as %d, %v", day, text, read, err)
		}
		at := day.Time()
		if stats.DayIn(at, time.UTC) != day || at.Location() != time.UTC || !at.Equal(at.Truncate(24*time.Hour)) {
			t.Fatalf("day %d: Time gives %v", day, at)
		}
	}
}

func TestDayInJSON(t *testing.T) {
	type window struct {
		From stats.Day `json:"from"`
		To   stats.Day `json:"to"`
	}
	const text = `{"from":"2026-10-26","to":"2026-11-24"}`
	var w window
	if err := json.Unmarshal([]byte(text), &w); err != nil || w.To-w.From != 29 {
		t.Fatalf("read %+v, %v", w, err)
	}
	if got, err := json.Marshal(w); err != nil || string(got) != text {
		t.Errorf("wrote %s, %v", got, err)
	}
}

func TestParseDayRefuses(t *testing.T) {
	for _, s := range []string{
		"", " ", "2026-11-31", "2026-02-29", "2100-02-29", "2026-00-10", "2026-13-01", "2026-01-00", "2026-01-32", "0000-01-01",
		"20261124", "2026-1-1", "26-11-24", "2026/11/24", " 2026-11-24", "2026-11-24 ", "2026-11-24T00:00:00Z", "+2026-11-24",
		"-026-11-24", "２０２６-11-24", "12026-11-24",
	} {
		got, err := stats.ParseDay(s)
		if err == nil {
			t.Errorf("ParseDay(%q) = %v", s, got)
			continue
		}
		if !strings.Contains(err.Error(), "YYYY-MM-DD") {
			t.Errorf("ParseDay(%q): %q does not say what a day looks like", s, err)
		}
	}
}
