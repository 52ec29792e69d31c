package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"chatlake/internal/stats"
	"chatlake/storage"
)

// with adds to a row what every stored one has.
func with(app, first, updated, revision int64, values map[string]any) map[string]any {
	row := map[string]any{
		"sdk_app_id": app, "stat_date": int64(day), "first_pulled_at": first, "updated_at": updated, "revision": revision,
	}
	maps.Copy(row, values)
	return row
}

func TestMerge(t *testing.T) {
	type values = map[string]any
	type step struct {
		hours int
		apps  map[int64]string
		want  counts
	}
	insert := func(n int) counts { return counts{inserted: n, written: true} }
	update := counts{updated: 1, written: true}
	same := counts{unchanged: 1}
	tests := map[string]struct {
		steps []step
		want  []map[string]any
	}{
		"insert": {
			[]step{{1, map[int64]string{appB: `"LoginTimes":"7"`, appA: ``}, insert(2)}},
			[]map[string]any{with(appA, hourOne, hourOne, 1, nil), with(appB, hourOne, hourOne, 1, values{"login_times": int64(7)})},
		},
		"no rows": {[]step{{1, nil, counts{}}}, nil},
		"update": {
			[]step{{1, map[int64]string{appA: `"LoginTimes":"7"`}, insert(1)}, {2, map[int64]string{appA: `"LoginTimes":"8"`}, update}},
			[]map[string]any{with(appA, hourOne, hourTwo, 2, values{"login_times": int64(8)})},
		},
		"a smaller value": {
			[]step{{1, map[int64]string{appA: `"LoginTimes":"7"`}, insert(1)}, {2, map[int64]string{appA: `"LoginTimes":"0"`}, update}},
			[]map[string]any{with(appA, hourOne, hourTwo, 2, values{"login_times": int64(0)})},
		},
		"the same again": {
			[]step{{1, map[int64]string{appA: `"LoginTimes":"7"`}, insert(1)}, {2, map[int64]string{appA: `"LoginTimes":"7"`}, same}},
			[]map[string]any{with(appA, hourOne, hourOne, 1, values{"login_times": int64(7)})},
		},
		"three revisions": {
			[]step{
				{1, map[int64]string{appA: `"LoginTimes":"1"`}, insert(1)},
				{2, map[int64]string{appA: `"LoginTimes":"2"`}, update},
				{3, map[int64]string{appA: `"LoginTimes":"2"`}, same},
				{5, map[int64]string{appA: `"LoginTimes":"1"`}, update},
			},
			[]map[string]any{with(appA, hourOne, hourFive, 3, values{"login_times": int64(1)})},
		},
		"an older clock": {
			[]step{{5, map[int64]string{appA: `"LoginTimes":"7"`}, insert(1)}, {1, map[int64]string{appA: `"LoginTimes":"8"`}, update}},
			[]map[string]any{with(appA, hourFive, hourFive, 2, values{"login_times": int64(8)})},
		},
		"some fields": {
			[]step{
				{1, map[int64]string{appA: `"AppName":"甲","LoginTimes":"7","UpMsgNum":"9"`}, insert(1)},
				{2, map[int64]string{appA: `"UpMsgNum":"10"`}, update},
			},
			[]map[string]any{with(appA, hourOne, hourTwo, 2, values{"app_name": "甲", "login_times": int64(7), "up_msg_num": int64(10)})},
		},
		"null and nothing": {
			[]step{
				{1, map[int64]string{appA: `"AppName":"甲","LoginTimes":"7"`}, insert(1)},
				{2, map[int64]string{appA: `"AppName":"","LoginTimes":null,"UpMsgNum":""`}, same},
			},
			[]map[string]any{with(appA, hourOne, hourOne, 1, values{"app_name": "甲", "login_times": int64(7)})},
		},
		"NULL gets a value": {
			[]step{
				{1, map[int64]string{appA: `"LoginTimes":"7"`}, insert(1)},
				{2, map[int64]string{appA: `"LoginTimes":"7","UpMsgNum":"0","Company":"乙"`}, update},
			},
			[]map[string]any{with(appA, hourOne, hourTwo, 2, values{"login_times": int64(7), "up_msg_num": int64(0), "company": "乙"})},
		},
		"extra": {
			[]step{
				{1, map[int64]string{appA: `"A":"1","B":"2"`}, insert(1)},
				{2, map[int64]string{appA: `"B":"3","C":{"d":[1]}`}, update},
				{3, map[int64]string{appA: `"A":"1"`}, same},
			},
			[]map[string]any{with(appA, hourOne, hourTwo, 2, values{"extra": values{"A": "1", "B": "3", "C": `{"d":[1]}`}})},
		},
		"other apps": {
			[]step{
				{1, map[int64]string{appA: `"LoginTimes":"1"`, appC: `"LoginTimes":"3","X":"y"`}, insert(2)},
				{2, map[int64]string{appA: `"LoginTimes":"2"`}, update},
				{5, map[int64]string{appB: ``}, insert(1)},
			},
			[]map[string]any{
				with(appA, hourOne, hourTwo, 2, values{"login_times": int64(2)}),
				with(appB, hourFive, hourFive, 1, nil),
				with(appC, hourOne, hourOne, 1, values{"login_times": int64(3), "extra": values{"X": "y"}}),
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			for i, step := range test.steps {
				var rows []stats.Row
				for app, fields := range step.apps {
					rows = append(rows, entry(t, app, fields))
				}
				before, puts := m.objects[dayKey], m.puts
				dry, err := storage.NewLake(m, "", true).Merge(t.Context(), day, rows, at(step.hours))
				if err != nil || countsOf(dry) != step.want || m.puts != puts {
					t.Errorf("step %d, dry: %+v, %v and %d writes, want %+v and none", i, dry, err, m.puts-puts, step.want)
				}
				if got := countsOf(merge(t, m, at(step.hours), rows...)); got != step.want {
					t.Errorf("step %d: %+v, want %+v", i, got, step.want)
				}
				if (m.puts > puts) != step.want.written {
					t.Errorf("step %d made %d writes", i, m.puts-puts)
				}
				if after := m.objects[dayKey]; step.want.written && len(after) <= len(before) {
					t.Errorf("step %d replaced %d bytes by %d", i, len(before), len(after))
				}
			}
			if len(test.want) > 0 {
				wantRows(t, stored(t, m), test.want)
			}
		})
	}
}

func TestMergeKeepsToItsDay(t *testing.T) {
	m := &memory{}
	lake := storage.NewLake(m, "chat/", false)
	for _, d := range []stats.Day{day, day + 1} {
		if _, err := lake.Merge(t.Context(), d, []stats.Row{stats.NewRow(appA, d)}, at(1)); err != nil {
			t.Fatal(err)
		}
	}
	got := slices.Sorted(maps.Keys(m.objects))
	want := []string{"chat/" + dayKey, "chat/app_daily_stats/dt=2026-11-25/part-0.parquet"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// refusing is a store whose writes, or reads, fail.
type refusing struct {
	*memory
	reads bool
}

var errRefused = errors.New("refused")

func (r refusing) Get(ctx context.Context, key string) ([]byte, error) {
	if r.reads {
		return nil, errRefused
	}
	return r.memory.Get(ctx, key)
}

func (r refusing) Put(context.Context, string, []byte) error { return errRefused }

func TestMergeFailsWithItsStore(t *testing.T) {
	for _, reads := range []bool{true, false} {
		m := &memory{}
		merge(t, m, at(1), entry(t, appA, ``))
		_, err := storage.NewLake(refusing{m, reads}, "", false).Merge(t.Context(), day, []stats.Row{entry(t, appB, ``)}, at(2))
		if !errors.Is(err, errRefused) {
			t.Errorf("got %v", err)
		}
		if rows := stored(t, m); len(rows) != 1 {
			t.Errorf("the file has %d rows", len(rows))
		}
	}
}

// TestMergeAtRandom holds long sequences of merges to a model that has maps for rows.
func TestMergeAtRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	fields := []string{"AppName", "Company", "LoginTimes", "CallBackRsp", "Unknown", "未知"}
	columns := map[string]string{"AppName": "app_name", "Company": "company", "LoginTimes": "login_times", "CallBackRsp": "call_back_rsp"}
	for range 4 {
		m := &memory{}
		model := make(map[int64]map[string]any)
		length := 0
		for range 25 {
			hours := random.IntN(6)
			clock := at(hours).UnixMilli()
			var rows []stats.Row
			changed := false
			for _, i := range random.Perm(6)[:random.IntN(4)] {
				app := int64(appA + i)
				var given []string
				old, exists := model[app]
				if !exists {
					old = with(app, clock, clock, 0, nil)
					model[app] = old
				}
				revised := !exists
				for _, field := range fields {
					if random.IntN(3) > 0 {
						continue
					}
					number := int64(random.IntN(3))
					text := strings.Repeat(fmt.Sprint(number), 1+random.IntN(2)*40*int(number))
					var value any = text
					if column := columns[field]; column == "" {
						extra, _ := old["extra"].(map[string]any)
						revised = revised || extra[field] != value
						extra = maps.Clone(extra)
						if extra == nil {
							extra = make(map[string]any)
						}
						extra[field], old["extra"] = value, extra
					} else {
						if column == "login_times" || column == "call_back_rsp" {
							text, value = fmt.Sprint(number), number
						}
						revised = revised || old[column] != value
						old[column] = value
					}
					given = append(given, fmt.Sprintf("%q:%q", field, text))
				}
				if revised {
					old["revision"] = old["revision"].(int64) + 1
					old["updated_at"] = max(clock, old["updated_at"].(int64))
					changed = true
				}
				rows = append(rows, entry(t, app, strings.Join(given, ",")))
			}
			before := bytes.Clone(m.objects[dayKey])
			if got := merge(t, m, at(hours), rows...); got.Written != changed {
				t.Fatalf("%+v, and the model changed: %v", got, changed)
			}
			after := m.objects[dayKey]
			if changed && len(after) <= length || !changed && !bytes.Equal(before, after) {
				t.Fatalf("from %d bytes to %d, and the model changed: %v", length, len(after), changed)
			}
			length = len(after)
			if length == 0 {
				continue
			}
			var want []map[string]any
			for _, app := range slices.Sorted(maps.Keys(model)) {
				want = append(want, model[app])
			}
			if wantRows(t, stored(t, m), want); t.Failed() {
				return
			}
		}
	}
}
