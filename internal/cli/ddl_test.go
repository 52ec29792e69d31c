package cli_test

import (
	"bytes"
	"flag"
	"strings"
	"testing"

	"chatlake/internal/cli"
	"chatlake/internal/ddl"
)

var update = flag.Bool("update", false, "write what is printed into testdata")

const bucket = "https://lake-1250000000.cos.ap-singapore.myqcloud.com/im"

func run(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Run(t.Context(), args, environ, &out, &errs)
	return code, out.String(), errs.String()
}

func TestDDL(t *testing.T) {
	env := []string{"CHATLAKE_LAKE=file:///srv/lake"}
	for _, test := range []struct {
		environ []string
		args    []string
		want    string
	}{
		{env, []string{"spark"}, "LOCATION 'file:///srv/lake/app_daily_stats/'"},
		{env, []string{"spark", "--lake", bucket}, "LOCATION 'cosn://lake-1250000000/im/app_daily_stats/'"},
		{nil, []string{"spark", "--lake", bucket, "--table", "web.daily"}, "TABLE IF NOT EXISTS `web`.`daily` ("},
	} {
		code, out, errs := run(t, test.environ, append([]string{"ddl"}, test.args...)...)
		if code != 0 || !strings.Contains(out, test.want) || errs != "" {
			t.Errorf("ddl %v: exit code %d, stderr %q, no %q in\n%s", test.args, code, errs, test.want, out)
		}
	}
}

func TestDDLCalledWrongly(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "for which engine? Name one of dlc, "},
		{[]string{"presto"}, `unknown engine "presto": choose one of dlc, `},
		{[]string{"spark", "hive", "--lake", bucket}, "one engine at a time"},
		{[]string{"spark"}, "Give --lake or set CHATLAKE_LAKE"},
		{[]string{"spark", "--lake", "s3://lake/im"}, "--lake must be https://"},
		{[]string{"spark", "--lake", "https://id:key@lake-1250000000.cos.ap-singapore.myqcloud.com/"}, "without credentials"},
		{[]string{"spark", "--lake", bucket, "--table", "a b"}, `bad table name "a b"`},
		{[]string{"dlc", "--lake", "file:///srv/lake"}, "dlc reads a lake in COS"},
		{[]string{"spark", "--database", "x"}, "unknown flag"},
	} {
		code, out, errs := run(t, nil, append([]string{"ddl"}, test.args...)...)
		if code != 2 || out != "" || !strings.Contains(errs, test.want) || !strings.Contains(errs, "'chatlake ddl --help'") {
			t.Errorf("ddl %v: exit code %d, stdout %q, stderr %q, want %q", test.args, code, out, errs, test.want)
		}
		if strings.Contains(errs, "id:key") {
			t.Errorf("ddl %v: stderr has the credentials: %q", test.args, errs)
		}
	}
	if code, _, errs := run(t, []string{"CHATLAKE_LAKE=nowhere"}, "ddl", "spark"); code != 2 || !strings.Contains(errs, "CHATLAKE_LAKE must be") {
		t.Errorf("a bad CHATLAKE_LAKE: exit code %d, stderr %q", code, errs)
	}
}

func TestDDLHelp(t *testing.T) {
	code, out, _ := run(t, nil, "ddl", "--help")
	if code != 0 || !strings.Contains(out, "chatlake ddl dlc --lake https://") {
		t.Errorf("exit code %d, %s", code, out)
	}
	for _, e := range ddl.Engines() {
		if !strings.Contains(out, e.Name) || !strings.Contains(out, e.Summary) {
			t.Errorf("help does not list %s", e.Name)
		}
	}
}
