package storage_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// randomPulls makes the answers of runs, in their order. The clocks ascend, or are any.
func randomPulls(random *rand.Rand, ascending bool) (pulls []pull) {
	for n := range 1 + random.IntN(8) {
		hours := n + 1
		if !ascending {
			hours = 1 + random.IntN(6)
		}
		for app := range int64(3) {
			if random.IntN(3) == 0 {
				continue
			}
			var fields []string
			for _, name := range []string{"AppName", "LoginTimes", "UpMsgNum", "Unknown", "未知"} {
				if random.IntN(2) == 0 {
					fields = append(fields, fmt.Sprintf("%q:\"%d\"", name, random.IntN(3)))
				}
			}
			pulls = append(pulls, pull{hours, appA + app, strings.Join(fields, ",")})
		}
	}
	return pulls
}

// holes takes some of the answers away.
func holes(random *rand.Rand, pulls []pull) []pull {
	return slices.DeleteFunc(slices.Clone(pulls), func(pull) bool { return random.IntN(3) == 0 })
}

func eachSeed(t *testing.T, test func(t *testing.T, random *rand.Rand)) {
	first := rand.Uint64()
	for seed := first; seed < first+20 && !t.Failed(); seed++ {
		if test(t, rand.New(rand.NewPCG(seed, 0))); t.Failed() {
			t.Logf("seed %d", seed)
		}
	}
}

// TestReplayGivesWhatTheRunsGave replays into an empty lake, an intact one, and those that there were on the way.
func TestReplayGivesWhatTheRunsGave(t *testing.T) {
	eachSeed(t, func(t *testing.T, random *rand.Rand) {
		ascending := random.IntN(2) == 0
		pulls := randomPulls(random, ascending)
		if len(pulls) == 0 {
			return
		}
		lake := &memory{}
		var stages []*memory
		for _, p := range pulls {
			stages = append(stages, &memory{objects: maps.Clone(lake.objects)})
			runs(t, lake, p)
		}
		want := stored(t, lake)
		if !ascending {
			stages = stages[:1] // the empty one
		}
		for _, m := range stages {
			if _, err := replay(t, m, "", pulls...); err != nil {
				t.Fatal(err)
			}
			wantRows(t, stored(t, m), want)
		}
		if !ascending {
			return
		}
		before := lake.objects[dayKey]
		for _, archive := range [][]pull{pulls, holes(random, pulls)} {
			if len(archive) == 0 {
				continue
			}
			if got, err := replay(t, lake, "", archive...); err != nil || got.Written || !bytes.Equal(before, lake.objects[dayKey]) {
				t.Errorf("over an intact lake: %+v, %v", countsOf(got), err)
			}
		}
	})
}

// TestReplayRule holds replays over any lake to the rule: of each value, the last answer, if it is newer than the row; else
// what the row has; else the last of those that are not newer. It knows rows as the columns of a file.
func TestReplayRule(t *testing.T) {
	eachSeed(t, func(t *testing.T, random *rand.Rand) {
		archive := randomPulls(random, false)
		if len(archive) == 0 {
			return
		}
		m := &memory{}
		runs(t, m, holes(random, randomPulls(random, false))...)
		var before []map[string]any
		if m.objects != nil {
			before = stored(t, m)
		}
		if _, err := replay(t, m, "", archive...); err != nil {
			t.Fatal(err)
		}
		after := byApp(stored(t, m))
		for app, row := range byApp(before) {
			older, newer := make(map[string]any), make(map[string]any)
			for _, p := range archive {
				if p.app != app {
					continue
				}
				values := pulled(t, p)
				if at(p.hours).UnixMilli() > row["updated_at"].(int64) {
					maps.Copy(newer, values)
					continue
				}
				maps.Copy(older, values)
				maps.DeleteFunc(newer, func(column string, _ any) bool { return values[column] != nil })
			}
			want := older
			maps.Copy(want, valuesOf(row))
			maps.Copy(want, newer)
			got := after[app]
			if values := valuesOf(got); !maps.Equal(values, want) {
				t.Errorf("app %d: %v, want %v; it was %v", app, values, want, row)
			}
			changed := !maps.Equal(valuesOf(row), want)
			// A value that goes and comes back is two changes.
			if grown := got["revision"].(int64) - row["revision"].(int64); grown < 0 || changed && grown == 0 {
				t.Errorf("app %d: the revision grew by %d: %v, was %v", app, grown, got, row)
			}
			if got["updated_at"].(int64) < row["updated_at"].(int64) || got["first_pulled_at"] != row["first_pulled_at"] {
				t.Errorf("app %d: the times of %v, was %v", app, got, row)
			}
		}
	})
}

func byApp(rows []map[string]any) map[int64]map[string]any {
	m := make(map[int64]map[string]any)
	for _, row := range rows {
		m[row["sdk_app_id"].(int64)] = row
	}
	return m
}

// valuesOf returns a row's values by column, those of extra by their own names.
func valuesOf(row map[string]any) map[string]any {
	values := maps.Clone(row)
	extra, _ := values["extra"].(map[string]any)
	for _, column := range []string{"sdk_app_id", "stat_date", "extra", "first_pulled_at", "updated_at", "revision"} {
		delete(values, column)
	}
	maps.Copy(values, extra)
	return values
}

// pulled returns the values of a pull, as a lake of it alone has them.
func pulled(t *testing.T, p pull) map[string]any {
	m := &memory{}
	runs(t, m, p)
	return valuesOf(stored(t, m)[0])
}
