package cli_test

import (
	"errors"
	"strings"
	"testing"

	"chatlake/internal/cli"
)

func TestHelp(t *testing.T) {
	for args, wants := range map[string][]string{
		"--help":         {"chatlake status", "Exit codes:", "NO_COLOR", ".env", "run", "verify", "version", "ddl"},
		"run --help":     {"chatlake run --dry-run", "--from", "--to", "--apps", "--fields", "--source", "--timeout", "15m0s", "Exit codes:"},
		"status --help":  {"chatlake status --json", "CHATLAKE_LAKE", "--all", "Exit codes:"},
		"verify --help":  {"chatlake verify --raw", "CHATLAKE_LAKE", "Exit codes:"},
		"version --help": {"chatlake version --json"},
	} {
		code, out, errs := run(t, nil, strings.Fields(args)...)
		for _, want := range wants {
			if code != 0 || errs != "" || !strings.Contains(out, want) {
				t.Errorf("%s: exit code %d, no %q in\n%s%s", args, code, want, out, errs)
			}
		}
		for line := range strings.Lines(out) {
			if strings.HasPrefix(args, "--") && len(line) > 100 {
				t.Errorf("%s has a line that is too wide: %s", args, line)
			}
		}
	}
}

func TestCalledWrongly(t *testing.T) {
	for _, args := range []string{"fly", "status now", "status --form x", "verify 2026-11-24", "verify --jsno", "version 2", "run --apps one", "run --timeout soon", "run --dry-run=perhaps"} {
		code, out, errs := run(t, []string{"CHATLAKE_LAKE=file://" + t.TempDir()}, strings.Fields(args)...)
		if code != 2 || out != "" || !strings.Contains(errs, "--help") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, code, out, errs)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestFullDisk: what could not be printed is no success.
func TestFullDisk(t *testing.T) {
	l := newLake(t)
	for _, args := range []string{"run", "run --json", "status", "status --json", "verify", "verify --json", "version", "version --json", "ddl duckdb"} {
		var errs strings.Builder
		if code := cli.Run(t.Context(), strings.Fields(args), l.env, full{}, &errs); code != 1 || !strings.Contains(errs.String(), "no space left on device") {
			t.Errorf("%s: exit code %d: %s", args, code, errs.String())
		}
	}
}
