package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"chatlake/internal/chat/chattest"
)

func TestDifference(t *testing.T) {
	want := [][]string{{"1", "a"}, {"2", null}}
	for _, test := range []struct {
		name string
		got  answer
		says string // empty: equal
	}{
		{"equal", answer{Rows: [][]string{{"1", "a"}, {"2", "NULL"}}}, ""},
		{"another value", answer{Rows: [][]string{{"1", "a"}, {"2", ""}}}, `row 2 is ["2" ""]`},
		{"another order", answer{Rows: [][]string{{"2", "NULL"}, {"1", "a"}}}, "row 1"},
		{"a column more", answer{Rows: [][]string{{"1", "a", "b"}, {"2", "NULL"}}}, "row 1"},
		{"a row less", answer{Rows: [][]string{{"1", "a"}}}, "1 rows, want 2"},
		{"a row twice", answer{Rows: [][]string{{"1", "a"}, {"2", "NULL"}, {"2", "NULL"}}}, "3 rows, want 2"},
		{"nothing", answer{}, "0 rows, want 2"},
		{"an error", answer{Error: "no such column"}, "failed: no such column"},
	} {
		if says := difference(test.got, want); (says == "") != (test.says == "") || !strings.Contains(says, test.says) {
			t.Errorf("%s: %q, want %q", test.name, says, test.says)
		}
	}
}

// The rows that all engines are held to must have what the questions are about.
func TestSourceRows(t *testing.T) {
	rows := sourceRows(pulls())
	perDay := map[string]int{}
	var revised, withoutName, withExtra int
	for i, r := range rows {
		perDay[r.day.String()]++
		if r.revision > 1 {
			revised++
		}
		if r.texts["app_name"] == "" {
			withoutName++
		}
		if len(r.extra) > 0 {
			withExtra++
		}
		if (r.revision == 1) != r.first.Equal(r.updated) || r.updated.Before(r.first) {
			t.Errorf("row %d: revision %d, %s to %s", i, r.revision, r.first, r.updated)
		}
	}
	single := 0
	for _, n := range perDay {
		if n == 1 {
			single++
		}
	}
	if len(rows) != 112 || len(perDay) != numDays || single != 24 || withoutName != 3 || withExtra != 8 || revised == 0 || revised == len(rows) {
		t.Errorf("%d rows on %d days, %d of them with a single row; %d rows without a name, %d with extra fields, %d revised",
			len(rows), len(perDay), single, withoutName, withExtra, revised)
	}
}

func TestPullThatLacksFieldsKeepsThem(t *testing.T) {
	all := pulls()[1]
	all.from, all.to = nth(10), nth(10)
	few := all
	few.at, few.fields = few.at.AddDate(0, 0, 1), []string{"UpMsgNum"}
	rows := sourceRows([]pull{all, few})
	if len(rows) != 1 || rows[0].texts["app_name"] != "Harbour Chat" || rows[0].revision != 1 {
		t.Errorf("got %+v", rows)
	}
}

func TestQueries(t *testing.T) {
	rows := sourceRows(pulls())
	names := map[string]bool{}
	for _, q := range queries() {
		names[q.name] = true
		want := q.want(rows)
		if len(want) == 0 {
			t.Errorf("%s asks for nothing", q.name)
		}
		for _, r := range want {
			if !q.pruned && len(r) != len(want[0]) || slices.Contains(r, "") {
				t.Errorf("%s: the row %q", q.name, r)
			}
		}
		for name, d := range dialects() {
			if sql, err := q.in(d); err != nil || strings.Contains(sql, "%!") || !strings.Contains(sql, d.Table) {
				t.Errorf("%s in %s: %v: %s", q.name, name, err, sql)
			}
		}
		other := slices.Clone(rows)
		other[len(other)-1] = other[0] // a row lost, and one twice
		if difference(answer{Rows: q.want(other)}, want) == "" && q.name != "filter on dt" && q.name != "map" {
			t.Errorf("%s does not notice a lost row", q.name)
		}
	}
	if len(names) != 12 {
		t.Errorf("%d queries: %v", len(names), names)
	}
}

func TestStatements(t *testing.T) {
	got := statements("-- a\nCREATE VIEW v AS\nSELECT 1;\n\nSET x = ';';\n")
	if want := []string{"-- a\nCREATE VIEW v AS\nSELECT 1", "\nSET x = ';'"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestChoose(t *testing.T) {
	if _, _, err := choose([]string{"duckdb", "oracle"}); err == nil || !strings.Contains(err.Error(), `unknown engine "oracle"`) {
		t.Errorf("got %v", err)
	}
	chosen, left, err := choose([]string{"spark", "duckdb"})
	if err != nil || len(chosen) != 2 || len(chosen)+len(left) != len(engines()) {
		t.Errorf("chosen %v, left %v, %v", chosen, left, err)
	}
	for _, o := range left {
		if o.left == "" || o.failed() {
			t.Errorf("%+v", o)
		}
	}
}

func TestReport(t *testing.T) {
	asked := queries()[:2]
	rows := sourceRows(pulls())
	good := result{Version: "1.0", Answers: map[string]answer{}}
	for _, q := range asked {
		good.Answers[q.name] = answer{Rows: q.want(rows)}
	}
	wrong := result{Version: "2.0", Answers: map[string]answer{asked[0].name: good.Answers[asked[0].name]}}
	outcomes := []outcome{
		judge("good", good, asked, rows), judge("wrong", wrong, asked, rows),
		{engine: "absent", left: "no time"},
		{engine: "broken", err: errors.New("no module")},
	}
	for i, failed := range []bool{false, true, false, true} {
		if outcomes[i].failed() != failed {
			t.Errorf("%s: failed is %t", outcomes[i].engine, !failed)
		}
	}
	var b bytes.Buffer
	report(&b, asked, outcomes)
	for _, want := range []string{"weekly sums  equal  DIFFERS  not run  FAILED", "good 1.0 was run", "absent was not run: no time", "broken failed: no module", "failed: no answer"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestObserve(t *testing.T) {
	days := map[string]int{"2026-11-01": 2, "2026-11-02": 1}
	day := func(date, rows, apps, low, high string) []string { return []string{date, rows, apps, low, high} }
	old := round{Rows: [][]string{day("2026-11-01", "2", "2", "1", "1"), day("2026-11-02", "1", "1", "1", "1")}}
	half := round{Rows: [][]string{day("2026-11-01", "2", "2", "2", "2"), day("2026-11-02", "1", "1", "1", "1")}, Errors: []string{"changed"}}
	if o := observe([]round{old, half}, days, 2); len(o.faults) != 0 || o.mixed != 1 || o.errors[1] != 1 || o.newest != 2 {
		t.Errorf("%+v", o)
	}
	for name, rounds := range map[string][]round{
		"a day between two runs": {{Rows: [][]string{day("2026-11-01", "2", "2", "1", "2"), day("2026-11-02", "1", "1", "1", "1")}}},
		"a row twice":            {{Rows: [][]string{day("2026-11-01", "3", "2", "1", "1"), day("2026-11-02", "1", "1", "1", "1")}}},
		"a day lost":             {{Rows: old.Rows[:1]}},
		"back to an older run":   {half, old},
		"errors without end":     {{Errors: []string{"a", "b", "c"}}},
	} {
		if o := observe(rounds, days, 2); len(o.faults) == 0 || !strings.Contains(o.String(), "WRONG") {
			t.Errorf("%s: not noticed", name)
		}
	}
}

func TestGenerations(t *testing.T) {
	for _, app := range apps {
		v := generation(7)(app, nth(50), nth(52).Time())
		if v["UpMsgNum"] != "7" {
			t.Errorf("app %d: %v", app.ID, v["UpMsgNum"])
		}
	}
	if generation(7)(chattest.App{ID: 1, Since: nth(50)}, nth(49), nth(52).Time()) != nil {
		t.Error("a row before the app's first day")
	}
}
