package main

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

// numDays are the days of the lake, and firstDay is the first of them: fixed, so that every start asks for the same.
const (
	numDays  = 60
	firstDay = stats.Day(20721) // 2026-09-25
)

// nth is the nth day of the lake, from 1.
func nth(n int) stats.Day { return firstDay + stats.Day(n) - 1 }

// The second and the third app start late, so that the lake has days with a single row.
var apps = []chattest.App{
	{ID: 1400000001, Key: "engines-key-1", Name: "Harbour Chat", Company: `Harbour "Ltd"`},
	{ID: 1400000002, Key: "engines-key-2", Name: "海港聊天🙂", Company: "海港科技", Since: nth(25)},
	{ID: 1400000003, Key: "engines-key-3", Name: "青鸟客服", Since: nth(45)},
}

// values are the emulator's, but for an app that lacks fields and has some that no column is for, and for one counter
// as large as it can be.
func values(app chattest.App, day stats.Day, asOf time.Time) map[string]any {
	v := chattest.Values(app, day, asOf)
	switch {
	case v == nil:
	case app.ID == apps[2].ID:
		delete(v, "APNSMsgNum")
		v["Company"], v["LoginTimes"] = "", nil
		if day%2 == 0 {
			v["NewMetric"], v["新指标"], v["Object"] = strconv.Itoa(int(day)), `it's "new"`, map[string]any{"a": []any{1, nil}}
		}
	case app.ID == apps[0].ID && day == nth(40):
		v["CallBackReq"] = strconv.FormatInt(math.MaxInt64, 10)
	}
	return v
}

// pull is one run of the function: its clock, and its request.
type pull struct {
	at       time.Time
	from, to stats.Day // zero: as far as the API has them
	fields   []string  // nil: all
}

// pulls fill the lake: the API has thirty days, so they come in two months. Of the first three days the lake only ever
// gets two fields. A day's numbers are final three days later, so the pulls of neighbouring days revise rows.
func pulls() []pull {
	at := func(n, minute int) time.Time {
		return nth(n).Time().Add(3*time.Hour + time.Duration(minute)*time.Minute + 250*time.Millisecond)
	}
	return []pull{
		{at: at(31, 30), from: nth(1), to: nth(3), fields: []string{"UpMsgNum", "DownMsgNum"}},
		{at: at(31, 40), from: nth(4)},
		{at: at(32, 30), from: nth(4)},
		{at: at(33, 30), from: nth(4)},
		{at: at(61, 30)},
		{at: at(62, 30), to: nth(numDays)},
	}
}

// row is one row of the table as it must be. A column without a value is not in the maps.
type row struct {
	app            int64
	day            stats.Day
	texts          map[string]string
	numbers        map[string]int64
	extra          map[string]string
	first, updated time.Time
	revision       int64
}

// sourceRows works out the table's rows, by day and app, from what the emulator gives each pull. It shares no code with
// the product's parsing, merging and Parquet.
func sourceRows(pulls []pull) []row {
	type key struct {
		day stats.Day
		app int64
	}
	rows := make(map[key]*row)
	for _, p := range pulls {
		today := stats.DayIn(p.at, stats.Beijing)
		from, to := max(today-chattest.Days, p.from), today-1
		if p.to != 0 {
			to = min(to, p.to)
		}
		for _, app := range apps {
			for day := from; day <= to; day++ {
				given := parse(values(app, day, p.at), p.fields)
				if given == nil {
					continue
				}
				k := key{day, app.ID}
				if rows[k] == nil {
					given.app, given.day, given.first, given.updated, given.revision = app.ID, day, p.at, p.at, 1
					rows[k] = given
				} else if rows[k].add(given) {
					rows[k].updated = p.at
					rows[k].revision++
				}
			}
		}
	}
	sorted := make([]row, 0, len(rows))
	for day := firstDay; day < firstDay+numDays; day++ {
		for _, app := range apps {
			if r := rows[key{day, app.ID}]; r != nil {
				sorted = append(sorted, *r)
			}
		}
	}
	return sorted
}

// add puts given values over a row's, and reports whether that changed it.
func (r *row) add(given *row) bool {
	texts, numbers, extra := maps.Clone(r.texts), maps.Clone(r.numbers), maps.Clone(r.extra)
	maps.Copy(r.texts, given.texts)
	maps.Copy(r.numbers, given.numbers)
	maps.Copy(r.extra, given.extra)
	return !reflect.DeepEqual(texts, r.texts) || !reflect.DeepEqual(numbers, r.numbers) || !reflect.DeepEqual(extra, r.extra)
}

// parse reads an entry of the API, of which fields were asked for.
func parse(entry map[string]any, fields []string) *row {
	if entry == nil {
		return nil
	}
	r := &row{texts: map[string]string{}, numbers: map[string]int64{}, extra: map[string]string{}}
	for name, value := range entry {
		if value == nil || value == "" || name == "Date" || name == "AppId" || fields != nil && !slices.Contains(fields, name) {
			continue
		}
		text, ok := value.(string)
		if !ok {
			b, err := json.Marshal(value)
			if err != nil {
				panic(err) // values has nothing that is no JSON
			}
			text = string(b)
		}
		i := slices.IndexFunc(stats.Columns(), func(f stats.Field) bool { return f.Name == name })
		switch {
		case i < 0:
			r.extra[name] = text
		case stats.Columns()[i].Kind == stats.Text:
			r.texts[stats.Columns()[i].Column] = text
		default:
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				panic(err) // the emulator's counters are digits
			}
			r.numbers[stats.Columns()[i].Column] = n
		}
	}
	return r
}
