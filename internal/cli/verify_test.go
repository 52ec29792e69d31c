package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chatlake/handler"
	"chatlake/internal/cli"
	"chatlake/internal/stats"
)

// TestVerifyTable holds to a file what is said of a lake with a fault of each kind, and many of one.
func TestVerifyTable(t *testing.T) {
	onLake(t, "2026-11-25T04:00:00Z", func(l *left) {
		all, some := make(map[int64]string), make(map[int64]string)
		for app := int64(1400000001); app <= 1400000023; app++ {
			all[app] = "App"
		}
		some[1400000001], some[1400000002] = "App", "App"
		for d := day("2026-09-20"); d <= day("2026-10-20"); d++ {
			switch d.String() {
			case "2026-09-25":
				l.rows(d.String(), some)
			case "2026-09-28", "2026-09-29":
			default:
				l.rows(d.String(), all)
			}
		}
		for d := range 12 { // one has holes of two days in its rows
			delete(all, 1400000001)
			if err := os.RemoveAll(filepath.Dir(l.file(day("2026-09-30") + stats.Day(d*2-d%2)))); err != nil {
				t.Fatal(err)
			}
			l.rows((day("2026-09-30") + stats.Day(d*2-d%2)).String(), all)
		}
		for path, body := range map[string]string{
			l.file(day("2026-10-15")): "PAR1 and no more", filepath.Join(l.dir, "app_daily_stats", "_SUCCESS\x1b[2J"): "",
			filepath.Join(l.dir, "_raw", "dt=2026-10-01", "run.ndjson.gz"): "no gzip",
		} {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		code, out, errs := run(t, []string{"CHATLAKE_LAKE=file://" + l.dir}, "verify", "--raw")
		if code != 1 || errs != "chatlake: reading files: 30 of 30, 1 failed\nchatlake: reading objects: 1 of 1, 1 failed\n" {
			t.Errorf("exit code %d: %s", code, errs)
		}
		golden(t, "verify", out)
	})
}

func (l *left) file(d stats.Day) string {
	return filepath.Join(l.dir, "app_daily_stats", "dt="+d.String(), "part-0.parquet")
}

// TestWriteSummary holds to a file what a reader sees of a run.
func TestWriteSummary(t *testing.T) {
	text := `{"run_id":"20261125T033000Z-7f3a9c21","status":"partial","dry_run":false,"duration_ms":1830,
		"window":{"from":"2026-10-26","to":"2026-11-24"},"apps":{"total":30,"ok":18,"failed":12},
		"rows":{"pulled":540,"inserted":18,"updated":9,"unchanged":512,"rejected":1},
		"partitions":{"written":["2026-11-22","2026-11-24"],"unchanged":28,"failed":["2026-11-23"]},
		"gaps":[{"sdk_app_id":1400000003,"from":"2026-11-20","to":"2026-11-24","lost_after":"2026-12-19"},
			{"sdk_app_id":1400000003,"from":"2026-09-20","to":"2026-09-20","lost_after":"2026-10-19","lost":true},
			{"sdk_app_id":1400000004,"from":"2026-11-20","to":"2026-11-20","lost_after":"2026-12-19","source_lacks":true}],
		"warnings":["a text of a server: \u001b]0;owned\u0007"],"errors":[],"requests":{"chat":42,"chat_retries":12,"cos":70}}`
	var s handler.Summary
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	for app := range 12 {
		s.Errors = append(s.Errors, handler.RunError{AppID: int64(1400000001 + app), Stage: "pull", Code: 70003, Message: "the UserSig can't be parsed: check secret_key"})
	}
	var out bytes.Buffer
	cli.WriteSummary(&out, s)
	s.DryRun, s.DurationMS, s.Errors, s.Gaps, s.Warnings = true, 129_000, nil, nil, nil
	fmt.Fprintln(&out)
	cli.WriteSummary(&out, s)
	golden(t, "summary", out.String())
	if strings.ContainsAny(out.String(), "\x1b\x07") {
		t.Error("a terminal would obey it")
	}
}
