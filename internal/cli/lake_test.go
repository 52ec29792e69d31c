package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

// lake is a directory's lake of two apps, pulled by the command line itself.
type lake struct {
	t    *testing.T
	dir  string
	chat *chattest.Server
	env  []string
}

func newLake(t *testing.T) *lake {
	t.Helper()
	l := &lake{t: t, dir: t.TempDir()}
	l.chat = chattest.New(chattest.Options{Apps: []chattest.App{{ID: 1400000001, Key: "secret-of-app-1"}, {ID: 1400000002, Key: "secret-of-app-2"}}})
	api := httptest.NewServer(l.chat)
	t.Cleanup(api.Close)
	l.env = []string{
		"CHATLAKE_LAKE=file://" + l.dir,
		fmt.Sprintf(`CHATLAKE_APPS=[{"sdk_app_id":1400000001,"secret_key":"secret-of-app-1","endpoint":%q},{"sdk_app_id":1400000002,"secret_key":"secret-of-app-2","endpoint":%q}]`, api.URL, api.URL),
	}
	if code, _, errs := l.run("run"); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	return l
}

// run runs a command. None may print a secret.
func (l *lake) run(args ...string) (code int, stdout, stderr string) {
	l.t.Helper()
	code, stdout, stderr = run(l.t, l.env, args...)
	if strings.Contains(stdout+stderr, "secret-of-app") {
		l.t.Errorf("%v prints a secret: %s%s", args, stdout, stderr)
	}
	return code, stdout, stderr
}

// want runs a command whose output has to have some texts.
func (l *lake) want(code int, args []string, texts ...string) {
	l.t.Helper()
	got, out, errs := l.run(args...)
	if got != code {
		l.t.Errorf("%v: exit code %d, want %d: %s%s", args, got, code, out, errs)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			l.t.Errorf("%v does not say %q:\n%s", args, text, out)
		}
	}
}

func yesterday() stats.Day { return stats.DayIn(time.Now(), stats.Beijing) - 1 }

func (l *lake) file(day stats.Day) string {
	return filepath.Join(l.dir, "app_daily_stats", "dt="+day.String(), "part-0.parquet")
}

// fails makes every call for an app fail.
func (l *lake) fails(app int64) {
	l.chat.SetFault(func(c chattest.Call) *chattest.Fault {
		if c.App == app {
			return &chattest.Fault{Code: 60020}
		}
		return nil
	})
}

func TestStatus(t *testing.T) {
	l := newLake(t)
	l.want(0, []string{"status"}, "Lake        file://"+l.dir, "Next loss   none in sight", "All is well.", "Apps: 2, of which 0 lack days",
		"1400000001  Lantern Live     "+(yesterday()-29).String()+"  "+yesterday().String()+"  -")

	// What a run would have left that failed for an app since the day before the last.
	l.fails(1400000002)
	if code, _, _ := l.run("run"); code != 1 {
		t.Errorf("the run's exit code is %d", code)
	}
	latest := filepath.Join(l.dir, "_runs", "latest.json")
	text, err := os.ReadFile(latest)
	if err != nil {
		t.Fatal(err)
	}
	var summary map[string]any
	if err := json.Unmarshal(text, &summary); err != nil {
		t.Fatal(err)
	}
	day := yesterday()
	summary["gaps"] = []map[string]any{
		{"sdk_app_id": 1400000002, "from": day - 27, "to": day - 26, "lost_after": day + 2},
		{"sdk_app_id": 1400000002, "from": day - 40, "to": day - 31, "lost_after": day - 11, "lost": true},
		{"sdk_app_id": 1400000001, "from": day - 3, "to": day - 3, "lost_after": day + 26, "source_lacks": true},
	}
	summary["started_at"] = time.Now().Add(-37 * time.Hour).UTC().Format(time.RFC3339)
	if text, err = json.Marshal(summary); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(latest, text, 0o600); err != nil {
		t.Fatal(err)
	}
	l.want(1, []string{"status"}, "Needs attention:", "is partial: 1 of 2 apps and 0 days failed", "app 1400000002, pull: ", "37 hours old", "(1 days left): pull the app by 'chatlake run --apps 1400000002'",
		"Next loss   1 day left, until "+(day+2).String()+": "+(day-27).String()+" of app 1400000002", "Apps: 2, of which 1 lack days",
		(day-40).String()+" to "+(day-31).String()+" (10)  lost", (day-27).String()+" to "+(day-26).String()+" (2)   1 day left, until "+(day+2).String())
	code, out, _ := l.run("status", "--json")
	var got struct {
		Attention []string
		Newest    struct{ Status string }
		Runs      []struct{ Status string }
		Apps      []struct {
			ID       int64 `json:"sdk_app_id"`
			Missing  int   `json:"missing_days"`
			Lost     int   `json:"lost_days"`
			NextLoss any   `json:"next_loss"`
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 1 || len(got.Attention) != 4 || got.Newest.Status != "partial" || len(got.Runs) != 2 {
		t.Fatalf("exit code %d, %v: %s", code, err, out)
	}
	if a := got.Apps[0]; a.ID != 1400000002 || a.Missing != 2 || a.Lost != 10 || a.NextLoss != (day+2).String() {
		t.Errorf("first app %+v", a)
	}
	if a := got.Apps[1]; a.ID != 1400000001 || a.Missing != 0 || a.NextLoss != nil {
		t.Errorf("second app %+v", a)
	}
}

func TestStatusOfNothing(t *testing.T) {
	code, out, _ := run(t, []string{"CHATLAKE_LAKE=file://" + t.TempDir()}, "status")
	if code != 1 || !strings.Contains(out, "no run was ever stored here") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestVerify(t *testing.T) {
	l := newLake(t)
	l.want(0, []string{"verify", "--raw"}, "30 files, 60 rows of 2 apps, ", "1 objects of the raw archive, 2 answers", "The table is whole.")

	day := yesterday()
	body, err := os.ReadFile(l.file(day - 4))
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/2] ^= 1
	strange := filepath.Join(filepath.Dir(l.file(day)), "part-1.parquet")
	for path, body := range map[string][]byte{l.file(day - 4): body, strange: body} {
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, missing := range []stats.Day{day - 10, day - 11} {
		if err := os.RemoveAll(filepath.Dir(l.file(missing))); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := filepath.Glob(filepath.Join(l.dir, "_raw", "*", "*"))
	if err != nil || len(raw) != 1 {
		t.Fatal(raw, err)
	}
	if err := os.Truncate(raw[0], 50); err != nil {
		t.Fatal(err)
	}
	l.want(1, []string{"verify", "--raw"}, "28 files, 54 rows of 2 apps",
		fmt.Sprintf("damaged app_daily_stats/dt=%s/part-0.parquet: ", day-4), fmt.Sprintf("chatlake run --source raw --from %s --to %s", day-4, day-4),
		fmt.Sprintf("missing the file of %s to %s, though apps have rows before and after\n  chatlake run --from %s --to %s", day-11, day-10, day-11, day-10),
		"strange app_daily_stats/dt="+day.String()+"/part-1.parquet", "damaged _raw/")
	code, out, _ := l.run("verify", "--json")
	var got struct {
		Files, Rows, Apps int
		Damaged           []struct{ Day, Key, Error, Repair string }
		NoFile            []struct{ From, To, Repair string } `json:"no_file"`
		Missing           []struct{ From, To, Repair string }
		Strange           []string
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 1 || got.Files != 28 || got.Rows != 54 || len(got.Damaged) != 1 || got.Damaged[0].Day != (day-4).String() || len(got.Missing) != 0 || len(got.NoFile) != 1 || len(got.Strange) != 1 {
		t.Errorf("exit code %d, %v: %s", code, err, out)
	}

	// The commands that it names mend what can be mended.
	if err := os.Remove(strange); err != nil {
		t.Fatal(err)
	}
	for _, m := range got.NoFile {
		l.want(0, strings.Fields(m.Repair)[1:])
	}
	l.want(1, []string{"verify"}, "30 files, 58 rows", "damaged")
}

// TestVerifyNamesNoDaysThatTheAPILacked: nothing can bring them.
func TestVerifyNamesNoDaysThatTheAPILacked(t *testing.T) {
	l := newLake(t)
	day := yesterday() - 5
	if err := os.RemoveAll(filepath.Dir(l.file(day))); err != nil {
		t.Fatal(err)
	}
	l.chat.SetFault(func(chattest.Call) *chattest.Fault {
		return &chattest.Fault{Rows: func(rows []map[string]any) []map[string]any {
			kept := rows[:0]
			for _, r := range rows {
				if r["Date"] != strings.ReplaceAll(day.String(), "-", "") {
					kept = append(kept, r)
				}
			}
			return kept
		}}
	})
	l.want(0, []string{"run", "--json"}, `"source_lacks":true`)
	l.want(0, []string{"verify"}, "29 files, 58 rows", "The table is whole.")
}

func TestCommandsThatReadNeedALake(t *testing.T) {
	for _, command := range []string{"status", "verify"} {
		for _, test := range []struct {
			env  []string
			want string
		}{
			{nil, "CHATLAKE_LAKE is required"},
			{[]string{"CHATLAKE_LAKE=s3://x"}, "CHATLAKE_LAKE must be"},
			{[]string{"CHATLAKE_LAKE=" + bucket}, "TENCENTCLOUD_SECRETID is required"},
		} {
			if code, _, errs := run(t, test.env, command); code != 2 || !strings.Contains(errs, test.want) {
				t.Errorf("%s: exit code %d, %q, want %q", command, code, errs, test.want)
			}
		}
	}
}

func TestDotEnv(t *testing.T) {
	l := newLake(t)
	t.Chdir(t.TempDir())
	if err := os.WriteFile(".env", []byte("# mine\nCHATLAKE_LAKE=file:///no/such\nexport CHATLAKE_QPS=\"7\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, errs := l.run("status") // whose own CHATLAKE_LAKE counts
	if code != 0 || !strings.Contains(out, l.dir) || !strings.Contains(errs, "read from ") || !strings.Contains(errs, "chmod 600 .env") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if code, out, _ := run(t, nil, "status"); code != 1 || !strings.Contains(out, "file:///no/such") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if err := os.WriteFile(".env", []byte("CHATLAKE_APPS='[secret-of-app\n=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := l.run("status"); code != 2 || !strings.Contains(errs, ".env, line 1: it must be NAME=value") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
