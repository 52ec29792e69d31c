package storage_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"chatlake/internal/stats"
	"chatlake/storage"
)

// pull is a row that a run pulled of the day.
type pull struct {
	hours  int // of the run's clock
	app    int64
	fields string // in JSON, without the Date
}

// replay folds pulls into the day of a store, for a run that may repair if it has an id.
func replay(t testing.TB, s storage.Store, repair string, pulls ...pull) (storage.Merged, error) {
	t.Helper()
	return replayIn(t, storage.NewLake(s, "", false), repair, pulls...)
}

func replayIn(t testing.TB, lake *storage.Lake, repair string, pulls ...pull) (storage.Merged, error) {
	t.Helper()
	p := lake.NewReplay()
	for _, pulled := range pulls {
		p.Add(t.Context(), entry(t, pulled.app, pulled.fields), at(pulled.hours))
	}
	if days := p.Days(); !slices.Equal(days, []stats.Day{day}) {
		t.Fatalf("the days are %v", days)
	}
	return p.Finish(t.Context(), day, repair)
}

// runs merges pulls one after the other, as the runs that made them did.
func runs(t testing.TB, m *memory, pulls ...pull) {
	t.Helper()
	for _, p := range pulls {
		merge(t, m, at(p.hours), entry(t, p.app, p.fields))
	}
}

func TestReplay(t *testing.T) {
	type values = map[string]any
	n := func(v int) any { return int64(v) }
	hour := func(h int) int64 { return at(h).UnixMilli() }
	one := func(first, updated int, revision int64, v values) []map[string]any {
		return []map[string]any{with(appA, hour(first), hour(updated), revision, v)}
	}
	for name, test := range map[string]struct {
		stored  []pull // by runs
		archive []pull // in the order in which the answers were given
		want    []map[string]any
		counts  counts
	}{
		"a missing row gets the whole fold": {
			nil,
			[]pull{{1, appA, `"LoginTimes":"1","UpMsgNum":"5"`}, {2, appA, `"LoginTimes":"2"`}, {3, appA, `"LoginTimes":"2","X":"y"`}},
			one(1, 3, 3, values{"login_times": n(2), "up_msg_num": n(5), "extra": values{"X": "y"}}),
			counts{inserted: 1, written: true},
		},
		"a missing row of answers that say the same": {
			nil,
			[]pull{{1, appA, `"LoginTimes":"1"`}, {2, appA, `"LoginTimes":"1"`}, {5, appA, `"LoginTimes":null,"AppName":""`}},
			one(1, 1, 1, values{"login_times": n(1)}),
			counts{inserted: 1, written: true},
		},
		"a missing row whose last run was a delayed one": {
			nil,
			[]pull{{5, appA, `"LoginTimes":"5"`}, {1, appA, `"LoginTimes":"1"`}},
			one(5, 5, 2, values{"login_times": n(1)}),
			counts{inserted: 1, written: true},
		},
		"a missing row of one run's two answers": {
			nil,
			[]pull{{1, appA, `"LoginTimes":"1"`}, {1, appA, `"LoginTimes":"2"`}},
			one(1, 1, 2, values{"login_times": n(2)}),
			counts{inserted: 1, written: true},
		},
		"an intact row": {
			[]pull{{1, appA, `"LoginTimes":"1"`}, {2, appA, `"LoginTimes":"2","X":"y"`}, {3, appA, `"LoginTimes":"2"`}},
			[]pull{{1, appA, `"LoginTimes":"1"`}, {2, appA, `"LoginTimes":"2","X":"y"`}, {3, appA, `"LoginTimes":"2"`}},
			one(1, 2, 2, values{"login_times": n(2), "extra": values{"X": "y"}}),
			counts{unchanged: 1},
		},
		"an intact row whose last run was a delayed one": {
			[]pull{{5, appA, `"LoginTimes":"5"`}, {1, appA, `"LoginTimes":"1"`}},
			[]pull{{5, appA, `"LoginTimes":"5"`}, {1, appA, `"LoginTimes":"1"`}},
			one(5, 5, 2, values{"login_times": n(1)}),
			counts{unchanged: 1},
		},
		"the newest answer is missing": {
			[]pull{{1, appA, `"LoginTimes":"1"`}, {3, appA, `"LoginTimes":"3"`}},
			[]pull{{1, appA, `"LoginTimes":"1"`}, {2, appA, `"LoginTimes":"2"`}},
			one(1, 3, 2, values{"login_times": n(3)}),
			counts{unchanged: 1},
		},
		"a stale row": {
			[]pull{{1, appA, `"LoginTimes":"1"`}},
			[]pull{{1, appA, `"LoginTimes":"1"`}, {2, appA, `"LoginTimes":"2"`}, {3, appA, `"LoginTimes":"3"`}, {5, appA, `"LoginTimes":"3"`}},
			one(1, 3, 3, values{"login_times": n(3)}),
			counts{updated: 1, written: true},
		},
		"an equal clock is not newer": {
			[]pull{{2, appA, `"LoginTimes":"1"`}},
			[]pull{{2, appA, `"LoginTimes":"2"`}},
			one(2, 2, 1, values{"login_times": n(1)}),
			counts{unchanged: 1},
		},
		"an equal clock fills NULLs": {
			[]pull{{2, appA, `"LoginTimes":"1"`}},
			[]pull{{2, appA, `"LoginTimes":"2","UpMsgNum":"3","Company":"乙"`}},
			one(2, 2, 2, values{"login_times": n(1), "up_msg_num": n(3), "company": "乙"}),
			counts{updated: 1, written: true},
		},
		"older answers fill NULLs with the newest of them": {
			[]pull{{5, appA, `"LoginTimes":"5"`}},
			[]pull{{1, appA, `"LoginTimes":"1","UpMsgNum":"1","AppName":"one"`}, {2, appA, `"UpMsgNum":"2","AppName":null`}},
			one(5, 5, 2, values{"login_times": n(5), "up_msg_num": n(2), "app_name": "one"}),
			counts{updated: 1, written: true},
		},
		"zero is a value": {
			[]pull{{5, appA, `"LoginTimes":"0"`}},
			[]pull{{1, appA, `"LoginTimes":"1","UpMsgNum":"0"`}},
			one(5, 5, 2, values{"login_times": n(0), "up_msg_num": n(0)}),
			counts{updated: 1, written: true},
		},
		"newer answers go before older ones": {
			[]pull{{2, appA, `"LoginTimes":"2"`}},
			[]pull{{1, appA, `"UpMsgNum":"1","DownMsgNum":"1"`}, {3, appA, `"UpMsgNum":"3"`}},
			one(2, 3, 3, values{"login_times": n(2), "up_msg_num": n(3), "down_msg_num": n(1)}),
			counts{updated: 1, written: true},
		},
		"an older answer that came later takes back what a newer one gave": {
			[]pull{{2, appA, `"LoginTimes":"2","Company":"two"`}},
			[]pull{{3, appA, `"LoginTimes":"3","UpMsgNum":"3","Company":"three"`}, {1, appA, `"LoginTimes":"1","UpMsgNum":"1","DownMsgNum":"1"`}},
			one(2, 3, 3, values{"login_times": n(2), "up_msg_num": n(1), "down_msg_num": n(1), "company": "three"}),
			counts{updated: 1, written: true},
		},
		"an older answer that came later takes back all that a newer one gave": {
			[]pull{{2, appA, `"LoginTimes":"2","X":"2"`}},
			[]pull{{3, appA, `"LoginTimes":"3","X":"3","Y":"3"`}, {1, appA, `"LoginTimes":"1","X":"1","Y":"1"`}, {2, appA, `"Y":"2"`}},
			one(2, 2, 2, values{"login_times": n(2), "extra": values{"X": "2", "Y": "2"}}),
			counts{updated: 1, written: true},
		},
		"a newer answer that came after both": {
			[]pull{{2, appA, `"LoginTimes":"2"`}},
			[]pull{{3, appA, `"LoginTimes":"3"`}, {1, appA, `"LoginTimes":"1"`}, {4, appA, `"LoginTimes":"4"`}},
			one(2, 4, 2, values{"login_times": n(4)}),
			counts{updated: 1, written: true},
		},
		"extra": {
			[]pull{{2, appA, `"Both":"stored","Mine":"stored","New":"stored"`}},
			[]pull{{1, appA, `"Both":"old","Old":"old"`}, {3, appA, `"New":"new","Newest":[1]`}},
			one(2, 3, 3, values{"extra": values{"Both": "stored", "Mine": "stored", "New": "new", "Newest": "[1]", "Old": "old"}}),
			counts{updated: 1, written: true},
		},
		"other apps": {
			[]pull{{1, appA, `"LoginTimes":"1"`}, {5, appC, `"LoginTimes":"5"`}},
			[]pull{{2, appC, `"LoginTimes":"2"`}, {2, appB, ``}, {3, appB, `"X":"y"`}},
			[]map[string]any{
				with(appA, hour(1), hour(1), 1, values{"login_times": n(1)}),
				with(appB, hour(2), hour(3), 2, values{"extra": values{"X": "y"}}),
				with(appC, hour(5), hour(5), 1, values{"login_times": n(5)}),
			},
			counts{inserted: 1, unchanged: 1, written: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			runs(t, m, test.stored...)
			before, puts := m.objects[dayKey], m.puts
			dry, err := replayIn(t, storage.NewLake(m, "", true), "", test.archive...)
			if err != nil || countsOf(dry) != test.counts || m.puts != puts {
				t.Errorf("dry: %+v, %v and %d writes, want %+v and none", countsOf(dry), err, m.puts-puts, test.counts)
			}
			got, err := replay(t, m, "a-repair", test.archive...)
			if err != nil || countsOf(got) != test.counts {
				t.Errorf("%+v, %v; want %+v", countsOf(got), err, test.counts)
			}
			wantRows(t, stored(t, m), test.want)
			var apps []int64
			for _, row := range test.want {
				apps = append(apps, row["sdk_app_id"].(int64))
			}
			if !slices.Equal(got.Apps, apps) {
				t.Errorf("the apps are %v, not %v", got.Apps, apps)
			}
			if after := m.objects[dayKey]; test.counts.written && (m.puts != puts+1 || len(after) <= len(before)) || !test.counts.written && m.puts != puts {
				t.Errorf("%d writes, from %d bytes to %d", m.puts-puts, len(before), len(after))
			}
			again, err := replay(t, m, "", test.archive...)
			if err != nil || again.Written {
				t.Errorf("a second replay: %+v, %v", again, err)
			}
		})
	}
}

// TestReplayOverAnIntactRowOfADelayedRun has a run that changed nothing, and after it one of an older clock that did.
func TestReplayOverAnIntactRowOfADelayedRun(t *testing.T) {
	m := &memory{}
	pulls := []pull{{1, appA, `"LoginTimes":"1"`}, {5, appA, `"LoginTimes":"1"`}, {3, appA, `"LoginTimes":"2"`}}
	runs(t, m, pulls...)
	before := stored(t, m)
	got, err := replay(t, m, "", pulls...)
	if err != nil || got.Written {
		t.Errorf("%+v, %v: the lake was intact", countsOf(got), err)
	}
	wantRows(t, stored(t, m), before)
}

// TestReplayComparesMilliseconds, in which a file keeps a clock.
func TestReplayComparesMilliseconds(t *testing.T) {
	m := &memory{}
	clock := at(1).Add(900 * time.Microsecond)
	merge(t, m, clock, entry(t, appA, `"LoginTimes":"1"`))
	for _, test := range []struct {
		clock time.Time
		want  bool
	}{{clock, false}, {at(1).Add(999 * time.Microsecond), false}, {at(1).Add(time.Millisecond), true}} {
		p := storage.NewLake(m, "", true).NewReplay()
		p.Add(t.Context(), entry(t, appA, `"LoginTimes":"2"`), test.clock)
		if got, err := p.Finish(t.Context(), day, ""); err != nil || got.Written != test.want {
			t.Errorf("%v: %+v, %v", test.clock, got, err)
		}
	}
}

func TestReplayKeepsDaysApart(t *testing.T) {
	m := &memory{}
	runs(t, m, pull{1, appA, `"LoginTimes":"1"`})
	p := storage.NewLake(m, "", false).NewReplay()
	for d := day - 1; d <= day+1; d++ {
		row := stats.NewRow(appA, d)
		p.Add(t.Context(), row, at(0))
	}
	days := p.Days()
	slices.Sort(days)
	if !slices.Equal(days, []stats.Day{day - 1, day, day + 1}) {
		t.Fatalf("the days are %v", days)
	}
	for _, d := range days {
		if got, err := p.Finish(t.Context(), d, ""); err != nil || got.Written != (d != day) {
			t.Errorf("%s: %+v, %v", d, got, err)
		}
	}
}

func TestReplayKeepsNewerColumns(t *testing.T) {
	file := write(t, newerRows())
	m := holding(file)
	foreign := foreignColumns(t, file)
	if got, err := replay(t, m, "", pull{2, appA, `"LoginTimes":"42"`}, pull{2, appB, ``}); err != nil || got.Inserted != 1 || got.Updated != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if got := foreignColumns(t, m.objects[dayKey]); !maps.Equal(got, foreign) {
		t.Errorf("the columns are %v, not %v", got, foreign)
	}
	if row := stored(t, m)[0]; row["login_times"] != int64(42) || row["revision"] != int64(4) {
		t.Errorf("the row is %v", row)
	}
}
