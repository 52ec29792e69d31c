package main_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"chatlake/handler"
	"chatlake/internal/stats"
)

var update = flag.Bool("update", false, "write what the code says into README.md")

// columnTypes are the names of the columns' types in README.
var columnTypes = map[stats.Kind]string{
	stats.AppID: "INT64, required", stats.Date: "DATE, required", stats.Text: "STRING", stats.Counter: "INT64",
	stats.Extra: "MAP<STRING,STRING>", stats.Timestamp: "TIMESTAMP, ms, UTC", stats.Revision: "INT32",
}

func columnTable() string {
	var b strings.Builder
	b.WriteString("| column | type | API field | meaning |\n|---|---|---|---|\n")
	for _, c := range stats.Columns() {
		name := ""
		if c.Name != "" {
			name = "`" + c.Name + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Column, columnTypes[c.Kind], name, c.Description)
	}
	return b.String()
}

func TestREADMEHasTheColumns(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- columns -->\n", "<!-- /columns -->"
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("README.md has lost the marks around its table of columns")
	}
	want := head + begin + "\n" + columnTable() + "\n" + end + tail
	if want == string(text) {
		return
	}
	if *update {
		if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Error("README.md's table of columns is not the code's: go test -run TestREADME . -update")
}

func TestREADMEHasTheVariables(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for _, name := range regexp.MustCompile("`(CHATLAKE_[A-Z_]+|TENCENTCLOUD_[A-Z_]+)`").FindAllStringSubmatch(string(text), -1) {
		documented[name[1]] = true
	}
	for _, v := range handler.Variables() {
		if !documented[v.Name] {
			t.Errorf("README.md does not name %s", v.Name)
		}
		delete(documented, v.Name)
	}
	for name := range documented {
		t.Errorf("README.md names %s, which the code does not read", name)
	}
}
