package storage_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"chatlake/internal/stats"
	"chatlake/storage"
)

func TestReadDay(t *testing.T) {
	m := &memory{}
	runs(t, m, pull{1, appB, `"LoginTimes":"1"`}, pull{2, appA, `"LoginTimes":"2","New":"x"`})
	lake := storage.NewLake(m, "", false)
	rows, err := lake.ReadDay(t.Context(), day)
	if err != nil || len(rows) != 2 || rows[0].AppID != appA || rows[1].AppID != appB || rows[0].Extra["New"] != "x" || !rows[0].UpdatedAt.Equal(at(2)) || rows[0].Revision != 1 {
		t.Errorf("%+v, %v", rows, err)
	}
	if rows, err := lake.ReadDay(t.Context(), day+1); err != nil || len(rows) != 0 {
		t.Errorf("a day without a file: %v, %v", rows, err)
	}
	m.objects[dayKey] = m.objects[dayKey][1:]
	var damaged *storage.DamagedError
	if _, err := lake.ReadDay(t.Context(), day); !errors.As(err, &damaged) || damaged.Day != day {
		t.Errorf("a damaged file: %v", err)
	}
}

func TestDays(t *testing.T) {
	const prefix = "data/"
	store := storage.NewDir(t.TempDir())
	for _, key := range []string{
		"app_daily_stats/dt=2026-11-24/part-0.parquet", "app_daily_stats/dt=2026-11-03/part-0.parquet",
		"app_daily_stats/dt=2026-11-24/part-0.parquet.bak", "app_daily_stats/dt=2026-11-31/part-0.parquet", "app_daily_stats/_SUCCESS",
		"app_daily_stats_old/dt=2026-11-01/part-0.parquet", "_runs/latest.json",
	} {
		if err := store.Put(t.Context(), prefix+key, nil); err != nil {
			t.Fatal(err)
		}
	}
	found, err := storage.NewLake(store, prefix, false).Days(t.Context())
	if want := []stats.Day{day - 21, day}; err != nil || !slices.Equal(found.Days, want) {
		t.Errorf("days %v, %v", found.Days, err)
	}
	if want := []string{
		"data/app_daily_stats/_SUCCESS", "data/app_daily_stats/dt=2026-11-24/part-0.parquet.bak", "data/app_daily_stats/dt=2026-11-31/part-0.parquet",
	}; !slices.Equal(found.Strange, want) {
		t.Errorf("strange %v", found.Strange)
	}
}

func TestRuns(t *testing.T) {
	lake := storage.NewLake(storage.NewDir(t.TempDir()), "data/", false)
	for i := range 5 {
		clock := at(24 * i)
		id := clock.Format("20060102T150405Z") + "-00000000"
		if err := lake.PutRun(t.Context(), day+1+stats.Day(i), id, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := lake.PutLatestRun(t.Context(), []byte("latest")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		since stats.Day
		most  int
		want  string
	}{{day, 3, "[4 3 2]"}, {day, 9, "[4 3 2 1 0]"}, {day + 4, 9, "[4 3]"}, {day + 9, 9, "[]"}} {
		got, err := lake.Runs(t.Context(), test.since, test.most)
		if text := fmt.Sprintf("%s", got); err != nil || text != test.want {
			t.Errorf("since %s, at most %d: %s, %v; want %s", test.since, test.most, text, err, test.want)
		}
	}
}
