package storage

import (
	"fmt"
	"strings"

	"chatlake/internal/stats"
)

// Table is the name of the one table, and of its folder, which holds nothing else: engines read every file in it.
const Table = "app_daily_stats"

const latestRunKey = "_runs/latest.json"

// PartitionKey returns the key of a day's file. The name leaves room for shards.
func PartitionKey(day stats.Day) string { return Table + "/dt=" + day.String() + "/part-0.parquet" }

// runKey returns the key of a run's summary. Its day, like that of what a run archives or refuses, is of the run's clock,
// UTC.
func runKey(day stats.Day, runID string) string {
	return "_runs/dt=" + day.String() + "/" + runID + ".json"
}

const rawPrefix = "_raw/dt="

func rawDay(day stats.Day) string { return rawPrefix + day.String() }

func rawKey(day stats.Day, runID string) string { return rawDay(day) + "/" + runID + ".ndjson.gz" }

// parseRawKey returns the day of a key of the raw archive.
func parseRawKey(key string) (stats.Day, bool) {
	rest, ok := strings.CutPrefix(key, rawPrefix)
	text, name, found := strings.Cut(rest, "/")
	day, err := stats.ParseDay(text)
	return day, ok && found && err == nil && strings.HasSuffix(name, ".ndjson.gz")
}

func rejectsKey(day stats.Day, runID string) string {
	return "_rejects/dt=" + day.String() + "/" + runID + ".ndjson"
}

// damagedKey is where a repair keeps what it replaces.
func damagedKey(day stats.Day, runID string) string {
	return "_damaged/dt=" + day.String() + "/" + runID + ".parquet"
}

// LeaseHint is the key of a lower bound of the newest generation of the writers' lease.
const LeaseHint = "_lock/latest.json"

// LeaseKey returns the key of a generation of the writers' lease.
func LeaseKey(generation int64) string { return fmt.Sprintf("_lock/%010d.json", generation) }

// IsLakeKey reports whether a key, without the lake's prefix, is of the lake.
func IsLakeKey(key string) bool {
	folder, _, _ := strings.Cut(key, "/")
	switch folder {
	case Table, "_raw", "_rejects", "_runs", "_damaged", "_lock":
		return true
	}
	return false
}
