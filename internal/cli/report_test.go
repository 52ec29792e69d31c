package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chatlake/internal/stats"
	"chatlake/storage"
	"chatlake/storage/costest"
)

// fill puts a row of yesterday into a lake.
func fill(t *testing.T, lake *storage.Lake) {
	t.Helper()
	day := stats.DayIn(time.Now(), stats.Beijing) - 1
	row := stats.NewRow(1400000001, day)
	row.Texts[0] = "海港聊天"
	if _, err := lake.Merge(t.Context(), day, []stats.Row{row}, time.Now()); err != nil {
		t.Fatal(err)
	}
}

func TestReport(t *testing.T) {
	dir := t.TempDir()
	fill(t, storage.NewLake(storage.NewDir(filepath.Join(dir, "lake")), "", false))
	env := []string{"CHATLAKE_LAKE=file://" + filepath.ToSlash(dir) + "/lake"}
	out := filepath.Join(dir, "lake.html")
	code, stdout, stderr := run(t, env, "report", "-o", out)
	if code != 0 || !strings.HasPrefix(stdout, out+": 1 app, ") || !strings.HasSuffix(stdout, ", 1 thing needs attention\n") || stderr != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	page, err := os.ReadFile(out)
	if err != nil || !strings.Contains(string(page), "海港聊天") || !strings.Contains(string(page), "<code>"+env[0][len("CHATLAKE_LAKE="):]+"</code>") {
		t.Errorf("the page does not tell of the lake: %v", err)
	}
	code, stdout, stderr = run(t, env, "report", "--output", "-", "--days", "1")
	if code != 0 || !strings.HasPrefix(stdout, "<!DOCTYPE html>") || !strings.HasSuffix(stdout, "</html>\n") || stderr != "" {
		t.Errorf("to stdout: exit code %d, %d bytes, stderr %q", code, len(stdout), stderr)
	}
}

func TestReportOfABucket(t *testing.T) {
	key := costest.Credentials{SecretID: "id-of-a-reader", SecretKey: "key-of-a-reader", SessionToken: "token-of-a-reader"}
	dir := t.TempDir()
	_, url, stop, err := costest.Start(costest.Options{Dir: dir, Credentials: []costest.Credentials{key}})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	fill(t, storage.NewLake(storage.NewDir(dir), "im/", false))
	for _, test := range []struct {
		environ []string
		code    int
		want    string
	}{
		{[]string{"TENCENTCLOUD_SECRETID=id-of-a-reader", "TENCENTCLOUD_SECRETKEY=key-of-a-reader", "TENCENTCLOUD_SESSIONTOKEN=token-of-a-reader"}, 0, ""},
		{[]string{"TENCENTCLOUD_SECRET_ID=id-of-a-reader", "TENCENTCLOUD_SECRET_KEY=key-of-a-reader", "TENCENTCLOUD_TOKEN=token-of-a-reader"}, 0, ""},
		{[]string{"TENCENTCLOUD_SECRETID=id-of-a-reader", "TENCENTCLOUD_SECRETKEY=key-of-another"}, 1, "chatlake: the lake could not be read: "},
		{nil, 2, "chatlake: "},
	} {
		code, out, errs := run(t, append(test.environ, "CHATLAKE_LAKE="+url+"/im"), "report", "-o", "-")
		if code != test.code || strings.Contains(out, "海港聊天") != (code == 0) || !strings.HasPrefix(errs, test.want) || strings.Contains(errs, "key-of") {
			t.Errorf("%q: exit code %d, %d bytes, stderr %q", test.environ, code, len(out), errs)
		}
	}
}

func TestReportFails(t *testing.T) {
	dir := t.TempDir()
	env := []string{"CHATLAKE_LAKE=file://" + filepath.ToSlash(dir) + "/lake"}
	for _, test := range []struct {
		environ, args []string
		code          int
		want          string
	}{
		{nil, nil, 2, "CHATLAKE_LAKE"},
		{[]string{"CHATLAKE_LAKE=s3://lake"}, nil, 2, "CHATLAKE_LAKE must be https://"},
		{env, []string{"--days", "0"}, 2, "--days is 0: it must be from 1 to 3660"},
		{env, []string{"--days", "4000"}, 2, "--days is 4000"},
		{env, []string{"-o", ""}, 2, "--output is empty"},
		{env, []string{"now"}, 2, "unknown command"},
		{env, []string{"-o", filepath.Join(dir, "nowhere", "report.html")}, 1, "the report could not be written: "},
	} {
		code, out, errs := run(t, test.environ, append([]string{"report"}, test.args...)...)
		if code != test.code || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q, want %q", test.args, code, out, errs, test.want)
		}
	}
}
