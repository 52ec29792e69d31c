package ddl_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chatlake/internal/ddl"
	"chatlake/internal/stats"
	"chatlake/storage"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	inCOS       = "https://lake-1250000000.cos.ap-singapore.myqcloud.com/im"
	inDirectory = "file:///srv/lake"
)

// cosOnly are the engines that cannot read a directory.
var cosOnly = []string{"dlc", "starrocks"}

func statements(t *testing.T, engine, lake, table string) (string, error) {
	t.Helper()
	location, err := storage.ParseLocation(lake)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ddl.Find(engine)
	if err != nil {
		return "", err
	}
	return e.Statements(location, table)
}

// each runs f for what every engine prints for each lake that it can read.
func each(t *testing.T, f func(t *testing.T, engine, lake, text string)) {
	for _, e := range ddl.Engines() {
		for _, lake := range []string{inCOS, inDirectory} {
			if lake == inDirectory && slices.Contains(cosOnly, e.Name) {
				continue
			}
			where, _, _ := strings.Cut(lake, ":")
			t.Run(e.Name+"/"+where, func(t *testing.T) {
				text, err := statements(t, e.Name, lake, "")
				if err != nil {
					t.Fatal(err)
				}
				f(t, e.Name, lake, text)
			})
		}
	}
}

func TestGolden(t *testing.T) {
	each(t, func(t *testing.T, engine, lake, text string) {
		suffix := "cos"
		if lake == inDirectory {
			suffix = "file"
		}
		path := filepath.Join("testdata", engine+"_"+suffix+".sql")
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text != string(want) {
			t.Errorf("not what %s has; if it is meant so: go test ./internal/ddl -update\n%s", path, text)
		}
	})
}

// Clients split a script at semicolons in their own ways: none of them must find one, or an open quote, in a comment.
func TestScriptsCanBeSplit(t *testing.T) {
	each(t, func(t *testing.T, _, _, text string) {
		if !strings.HasSuffix(text, ";\n") {
			t.Errorf("does not end with a statement: …%q", text[len(text)-40:])
		}
		for line := range strings.Lines(text) {
			code, comment, _ := strings.Cut(line, "--")
			if strings.Contains(comment, ";") {
				t.Errorf("a semicolon in a comment: %s", line)
			}
			if comment != "" && strings.TrimSpace(code) != "" {
				t.Errorf("a comment behind a statement: %s", line)
			}
			for _, quote := range []string{"'", `"`, "`"} {
				if strings.Count(comment, quote)%2 != 0 {
					t.Errorf("an open quote in a comment: %s", line)
				}
			}
			if i := strings.Index(code, ";"); i >= 0 && strings.TrimSpace(code[i:]) != ";" {
				t.Errorf("a semicolon inside of a line: %s", line)
			}
			if strings.TrimRight(line, " \t\n") != strings.TrimSuffix(line, "\n") || len(line) > 180 {
				t.Errorf("a line ends with space, or is too long: %q", line)
			}
		}
		if strings.Contains(text, "\n\n\n") || strings.HasPrefix(text, "\n") {
			t.Error("more than one empty line together")
		}
	})
}

func TestEveryColumnIsThere(t *testing.T) {
	each(t, func(t *testing.T, engine, _, text string) {
		quote, escape := "`", `\'`
		if engine == "trino" || engine == "duckdb" {
			quote, escape = `"`, "''"
		}
		for _, c := range stats.Columns() {
			if !strings.Contains(text, quote+c.Column+quote) {
				t.Errorf("no column %s", c.Column)
			}
			if comment := "'" + strings.ReplaceAll(c.Description, "'", escape) + "'"; !strings.Contains(text, comment) {
				t.Errorf("no comment %s", comment)
			}
		}
	})
}

func TestADirectoryNeedsNoKeys(t *testing.T) {
	each(t, func(t *testing.T, _, lake, text string) {
		if lake == inDirectory && (strings.Contains(text, "<Secret") || strings.Contains(text, "myqcloud")) {
			t.Error("speaks of keys or of COS")
		}
	})
}

func TestFolders(t *testing.T) {
	const quoted = "file:///srv/it's%20a%20\\lake"
	for _, test := range []struct{ engine, lake, want string }{
		{"dlc", inCOS, `'cosn://lake-1250000000/im/app_daily_stats/'`},
		{"dlc", "https://lake-1250000000.cos.ap-singapore.myqcloud.com", `'cosn://lake-1250000000/app_daily_stats/'`},
		{"dlc", "https://lake-1250000000.cos.ap-singapore.myqcloud.com/it's", `'cosn://lake-1250000000/it\'s/app_daily_stats/'`},
		{"spark", quoted, `'file:///srv/it\'s a \\lake/app_daily_stats/'`},
		{"hive", quoted, `'file:///srv/it\'s a \\lake/app_daily_stats/'`},
		{"trino", inCOS, `'s3a://lake-1250000000/im/app_daily_stats/'`},
		{"trino", quoted, `'file:///srv/it''s a \lake/app_daily_stats/'`},
		{"duckdb", inCOS, `'s3://lake-1250000000/im/app_daily_stats/dt=*/*.parquet'`},
		{"duckdb", quoted, `'/srv/it''s a \lake/app_daily_stats/dt=*/*.parquet'`},
		{"clickhouse", inCOS, `'https://lake-1250000000.cos.ap-singapore.myqcloud.com/im/app_daily_stats/dt=*/*.parquet'`},
		{"clickhouse", "https://lake-1250000000.cos.ap-singapore.myqcloud.com/a%20b", `'https://lake-1250000000.cos.ap-singapore.myqcloud.com/a%20b/app_daily_stats/dt=*/*.parquet'`},
		{"clickhouse", quoted, `'/srv/it\'s a \\lake/app_daily_stats/dt=*/*.parquet'`},
	} {
		text, err := statements(t, test.engine, test.lake, "")
		if err != nil {
			t.Errorf("%s, %s: %v", test.engine, test.lake, err)
		} else if !strings.Contains(text, test.want) {
			t.Errorf("%s, %s: no %s in\n%s", test.engine, test.lake, test.want, text)
		}
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct {
		engine, table string
		want          []string
	}{
		{"spark", "daily", []string{"TABLE IF NOT EXISTS `daily` ("}},
		{"spark", "a.b.c", []string{"DATABASE IF NOT EXISTS `a`.`b`;", "TABLE IF NOT EXISTS `a`.`b`.`c` (", "MSCK REPAIR TABLE `a`.`b`.`c`;"}},
		{"trino", "web.daily", []string{`SCHEMA IF NOT EXISTS "web";`, `CALL system.sync_partition_metadata('web', 'daily', 'ADD');`}},
		{"trino", "lake.web.daily", []string{`TABLE IF NOT EXISTS "lake"."web"."daily" (`, `CALL "lake".system.sync_partition_metadata('web', 'daily', 'ADD');`}},
		{"hive", "web.daily", []string{"TABLE IF NOT EXISTS `web`.`daily_files` (", "VIEW IF NOT EXISTS `web`.`daily` ("}},
		{"starrocks", "web.daily", []string{"FROM chatlake_hive.`web`.`daily_files`;", "VIEW IF NOT EXISTS default_catalog.`web`.`daily` ("}},
		{"duckdb", "web.daily", []string{`SCHEMA IF NOT EXISTS "web";`, `VIEW "web"."daily" AS`}},
	} {
		text, err := statements(t, test.engine, inCOS, test.table)
		if err != nil {
			t.Errorf("%s, %s: %v", test.engine, test.table, err)
		}
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s, %s: no %q in\n%s", test.engine, test.table, want, text)
			}
		}
		if strings.Count(test.table, ".") == 0 && (strings.Contains(text, "DATABASE") || strings.Contains(text, "SCHEMA")) {
			t.Errorf("%s, %s: makes a database", test.engine, test.table)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, test := range []struct{ engine, lake, table, want string }{
		{"presto", inCOS, "", "unknown engine \"presto\": choose one of dlc, trino"},
		{"", inCOS, "", "unknown engine"},
		{"spark", inCOS, "a`b", "bad table name"},
		{"spark", inCOS, "a..b", "bad table name"},
		{"spark", inCOS, "1a", "bad table name"},
		{"spark", inCOS, "表", "bad table name"},
		{"spark", inCOS, strings.Repeat("a", 101), "100 characters"},
		{"spark", inCOS, "a.b.c.d", "bad table name"},
		{"hive", inCOS, "a.b.c", "TABLE or DATABASE.TABLE, such as chatlake.app_daily_stats"},
		{"trino", inCOS, "a", "DATABASE.TABLE or CATALOG.DATABASE.TABLE"},
		{"starrocks", inCOS, "a", "it is DATABASE.TABLE, such as"},
		{"dlc", inDirectory, "", "reads a lake in COS"},
		{"starrocks", inDirectory, "", "reads a lake in COS"},
		{"dlc", "http://127.0.0.1:8080/im", "", "does not tell bucket and region"},
		{"dlc", "https://example.com/im", "", "does not tell bucket and region"},
		{"dlc", "https://lake.cos.ap-singapore.myqcloud.com/im", "", "does not tell bucket and region"},
		{"duckdb", "file:///srv/la*ke", "", "'*', which duckdb takes for a wildcard"},
		{"clickhouse", "file:///srv/%7Ba,b%7D", "", "'{', which clickhouse takes for a wildcard"},
		{"spark", "file:///srv/a%0Ab", "", "control character"},
	} {
		text, err := statements(t, test.engine, test.lake, test.table)
		if err == nil || !strings.Contains(err.Error(), test.want) || text != "" {
			t.Errorf("%s, %s, %q: %v, want %q; printed %q", test.engine, test.lake, test.table, err, test.want, text)
		}
	}
}

func TestEnginesCanBeListed(t *testing.T) {
	for _, e := range ddl.Engines() {
		if e.Name == "" || e.Summary == "" || e.Table == "" || strings.Contains(e.Summary, "\n") {
			t.Errorf("%q: %q, %q", e.Name, e.Summary, e.Table)
		}
	}
}
