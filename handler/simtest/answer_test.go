package simtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"chatlake/internal/stats"
)

// answer is what a whole, good answer says of the days asked for.
type answer struct {
	rows     map[stats.Day]map[string]string // the values of each day that it has a row of
	rejected int                             // entries that are no rows
	days     map[stats.Day]bool              // all that it has something of, asked for or not
}

func (a answer) String() string {
	text := fmt.Sprintf("%d rejected", a.rejected)
	for _, day := range slices.Sorted(maps.Keys(a.rows)) {
		text += fmt.Sprintf(", %s %q", day, a.rows[day])
	}
	return text
}

// readAnswer reads an answer by the contract's Merge section, without the product's code.
func readAnswer(app int64, body []byte, wants func(stats.Day) bool) (a answer, good bool) {
	var outer struct {
		ErrorCode *int
		Result    []map[string]json.RawMessage
	}
	if json.Unmarshal(body, &outer) != nil || outer.ErrorCode == nil || *outer.ErrorCode != 0 {
		return a, false
	}
	a = answer{rows: make(map[stats.Day]map[string]string), days: make(map[stats.Day]bool)}
	type entry struct {
		values map[string]string
		ok     bool
		other  bool // another app's
	}
	entries := make(map[stats.Day][]entry)
	for _, fields := range outer.Result {
		values, ok := readValues(fields)
		other := values["AppId"] != "" && values["AppId"] != strconv.FormatInt(app, 10)
		date, err := time.Parse("20060102", values["Date"])
		delete(values, "AppId")
		delete(values, "Date")
		if err != nil {
			a.rejected++
			continue
		}
		day := stats.DayIn(date, time.UTC)
		a.days[day] = true
		switch {
		case !wants(day):
		case other: // says nothing of this app's day
			a.rejected++
		default:
			entries[day] = append(entries[day], entry{values, ok, other})
		}
	}
	for day, list := range entries {
		same := !slices.ContainsFunc(list, func(e entry) bool { return !e.ok || !maps.Equal(e.values, list[0].values) })
		if same {
			a.rows[day] = list[0].values
		} else {
			a.rejected += len(list)
		}
	}
	return a, true
}

// readValues returns the fields that have a value, and whether all of them can be stored.
func readValues(fields map[string]json.RawMessage) (values map[string]string, ok bool) {
	values, ok = make(map[string]string), true
	for name, raw := range fields {
		var text string
		if string(raw) == "null" {
			continue
		}
		if raw[0] == '"' {
			_ = json.Unmarshal(raw, &text) // it is valid JSON
		} else {
			var compact bytes.Buffer
			_ = json.Compact(&compact, raw)
			text = compact.String()
		}
		if text == "" {
			continue
		}
		values[name] = text
		if slices.Contains(counters, name) {
			_, err := strconv.ParseUint(text, 10, 63)
			ok = ok && err == nil
		}
	}
	return values, ok
}
