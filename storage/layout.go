package storage

import (
	"strings"

	"chatlake/internal/stats"
)

// Table is the name of the one table, and of its folder, which holds nothing else: engines read every file in it.
const Table = "app_daily_stats"

// LatestRun is the key of the newest run's summary.
const LatestRun = "_runs/latest.json"

// PartitionKey returns the key of a day's file. The name leaves room for shards.
func PartitionKey(day stats.Day) string { return Table + "/dt=" + day.String() + "/part-0.parquet" }

// RunKey returns the key of a run's summary; day is that of the run's clock, UTC.
func RunKey(day stats.Day, runID string) string {
	return "_runs/dt=" + day.String() + "/" + runID + ".json"
}

// IsLakeKey reports whether a key, without the lake's prefix, is of the lake.
func IsLakeKey(key string) bool {
	folder, _, _ := strings.Cut(key, "/")
	switch folder {
	case Table, "_raw", "_rejects", "_runs", "_lock":
		return true
	}
	return false
}
