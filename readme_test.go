package main_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

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

// pageSection is a heading of a page and what stands under it.
type pageSection struct {
	level, title string
	blocks       []string // fenced
	rows         []string // of tables
	text         string   // all but the blocks
}

func readSections(t *testing.T, name string) []pageSection {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var (
		all    []pageSection
		now    *pageSection
		fenced bool
	)
	for line := range strings.Lines(string(text)) {
		level, title, ok := strings.Cut(line, " ")
		switch fence := strings.HasPrefix(strings.TrimSpace(line), "```"); {
		case !fenced && ok && strings.Trim(level, "#") == "" && level != "":
			all = append(all, pageSection{level: level, title: strings.TrimSpace(title)})
			now = &all[len(all)-1]
		case now == nil:
			t.Fatalf("%s does not begin with its title", name)
		case fence && !fenced:
			now.blocks, fenced = append(now.blocks, line), true
		case fenced:
			now.blocks[len(now.blocks)-1] += line
			fenced = !fence
		default:
			if strings.HasPrefix(line, "|") {
				now.rows = append(now.rows, line)
			}
			now.text += line
		}
	}
	return all
}

// matches is the set of what an expression's groups find in a text.
func matches(expression *regexp.Regexp, text string) map[string]bool {
	set := make(map[string]bool)
	for _, m := range expression.FindAllStringSubmatch(text, -1) {
		set[strings.Join(m[1:], "")] = true
	}
	return set
}

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	// An inline target, a label that is used, or a label with its target.
	linkTarget = regexp.MustCompile(`(?m)\]\(([^)]+)\)|\]\[([a-z]+)\]|^(\[[a-z]+\]: .+)$`)
	// The code of a line, before a comment after # or, behind a path, after two spaces.
	beforeComment = regexp.MustCompile(`^(?:\S*[/.]\S*\s{2,}|.*?\S\s+# )`)
	number        = regexp.MustCompile(`\b([0-9][0-9:,]*)\b`)
)

// links is the set of a section's link targets. What differs by language is made the same: an anchor becomes the number of
// its heading.
func links(t *testing.T, page string, sections []pageSection, text string) map[string]bool {
	t.Helper()
	set := make(map[string]bool)
	for target := range matches(linkTarget, text) {
		anchor, ok := strings.CutPrefix(target, "#")
		switch {
		case ok:
			i := slices.IndexFunc(sections, func(s pageSection) bool {
				return strings.ReplaceAll(strings.ToLower(s.title), " ", "-") == anchor
			})
			if i < 0 {
				t.Errorf("%s has no heading for #%s", page, anchor)
			}
			target = fmt.Sprintf("heading %d", i)
		case target == "README.md" || target == "README.zh-CN.md":
			if target == page {
				t.Errorf("%s links to itself", page)
			}
			target = "the other language"
		}
		set[target] = true
	}
	return set
}

func compareSets(t *testing.T, what string, english, chinese map[string]bool) {
	t.Helper()
	if !maps.Equal(english, chinese) {
		t.Errorf("%s: in README.md %q, in README.zh-CN.md %q", what, missing(english, chinese), missing(chinese, english))
	}
}

// missing is what one set has and the other has not.
func missing(has, lacks map[string]bool) []string {
	only := maps.Clone(has)
	maps.DeleteFunc(only, func(s string, _ bool) bool { return lacks[s] })
	return slices.Sorted(maps.Keys(only))
}

// sameLine tells whether a line of a block is the same but for a comment that was translated.
func sameLine(english, chinese string) bool {
	if english == chinese {
		return true
	}
	e, c := beforeComment.FindString(english), beforeComment.FindString(chinese)
	return e != "" && e == c && strings.ContainsFunc(chinese, isHan) && !strings.ContainsFunc(english, isHan)
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// TestREADMEsAreInStep holds the two languages to the same headings, commands, code, tables, numbers and links.
func TestREADMEsAreInStep(t *testing.T) {
	english, chinese := readSections(t, "README.md"), readSections(t, "README.zh-CN.md")
	if len(english) != len(chinese) {
		t.Fatalf("README.md has %d headings, README.zh-CN.md %d", len(english), len(chinese))
	}
	for i, e := range english {
		c := chinese[i]
		t.Run(e.title, func(t *testing.T) {
			if e.level != c.level {
				t.Errorf("%s %s is %s %s", e.level, e.title, c.level, c.title)
			}
			compareSets(t, "code", matches(codeSpan, e.text), matches(codeSpan, c.text))
			prose := func(s pageSection) string { return codeSpan.ReplaceAllString(s.text, "") }
			compareSets(t, "numbers", matches(number, prose(e)), matches(number, prose(c)))
			targets := links(t, "README.md", english, e.text)
			compareSets(t, "links", targets, links(t, "README.zh-CN.md", chinese, c.text))
			if i == 0 && !targets["the other language"] {
				t.Error("it does not link to its other language")
			}
			if len(e.rows) != len(c.rows) || len(e.blocks) != len(c.blocks) {
				t.Fatalf("%d rows and %d blocks, in README.zh-CN.md %d and %d", len(e.rows), len(e.blocks), len(c.rows), len(c.blocks))
			}
			for n, row := range e.rows {
				compareSets(t, "code of "+row, matches(codeSpan, row), matches(codeSpan, c.rows[n]))
			}
			for n, block := range e.blocks {
				lines, others := strings.Split(block, "\n"), strings.Split(c.blocks[n], "\n")
				if !slices.EqualFunc(lines, others, sameLine) {
					t.Errorf("another block than\n%s\nis\n%s", block, c.blocks[n])
				}
			}
		})
	}
}

// TestREADMEsHaveTheSameTypes leaves a column's meaning alone, which is translated.
func TestREADMEsHaveTheSameTypes(t *testing.T) {
	text, err := os.ReadFile("README.zh-CN.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range strings.Split(strings.TrimSpace(columnTable()), "\n")[2:] {
		cells := strings.Split(row, "|")
		if row := strings.Join(cells[:4], "|") + "|"; !strings.Contains(string(text), "\n"+row) {
			t.Errorf("README.zh-CN.md lacks %s", row)
		}
	}
}
