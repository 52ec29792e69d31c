//go:build peers

package peers_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
	"chatlake/storage"
)

// TestFileNoLargerThanDuckDBs compares the file of a day of 10,000 rows with those that DuckDB makes of the same rows with the
// same compression: without dictionaries, which docs/format.md says why there are none of, and with them, which save it less than a
// hundredth. It tells how long both took.
func TestFileNoLargerThanDuckDBs(t *testing.T) {
	const apps = 10000
	day := stats.DayIn(clocks[0], stats.Beijing) - 1
	rows := make([]stats.Row, apps)
	for i := range rows {
		app := chattest.App{ID: 1400000000 + int64(i), Name: fmt.Sprintf("App %d", i), Company: "Harbour"}
		entry, err := json.Marshal(chattest.Values(app, day, clocks[0]))
		if err == nil {
			rows[i], err = stats.Parse(app.ID, entry)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	least := time.Hour
	for i := range 7 {
		began := time.Now()
		lake := storage.NewLake(storage.NewDir(dir), fmt.Sprintf("%d/", i), false)
		if _, err := lake.Merge(t.Context(), day, rows, clocks[0]); err != nil {
			t.Fatal(err)
		}
		least = min(least, time.Since(began))
	}
	ours := filepath.Join(dir, "0", filepath.FromSlash(storage.PartitionKey(day)))
	info, err := os.Stat(ours)
	if err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(t.Context(), filepath.Join("..", ".venv", "bin", "python"), "rewrite.py", ours, filepath.Join(dir, "duckdb.parquet")).Output()
	var theirs struct {
		Size, Plain int64
		Seconds     float64
	}
	if err == nil {
		err = json.Unmarshal(output, &theirs)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("chatlake: %d bytes in %v, to a disk's safety; DuckDB: %d bytes, without dictionaries %d, in %.4f s",
		info.Size(), least, theirs.Size, theirs.Plain, theirs.Seconds)
	if info.Size() > theirs.Plain || info.Size() > theirs.Size*101/100 {
		t.Errorf("the file is larger than DuckDB's: %d bytes", info.Size())
	}
}
