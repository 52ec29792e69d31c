package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	namedTest = regexp.MustCompile("`([a-z/.]+): ([A-Za-z0-9]+)`")
	quoted    = regexp.MustCompile(`“([^”]+)”`)
)

// TestReliability holds docs/reliability.md to the code: the tests that it names are there, each fault has one or says that
// it has none, and what it quotes is what the program says.
func TestReliability(t *testing.T) {
	text, err := os.ReadFile("docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]map[string]bool) // tests by folder
	rows := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|--") || strings.HasPrefix(line, "| fault ") {
			continue
		}
		rows++
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 4 {
			t.Errorf("%d cells: %s", len(cells), line)
			continue
		}
		proof := cells[3]
		names := namedTest.FindAllStringSubmatch(proof, -1)
		if names == nil && !strings.Contains(proof, "not tested") {
			t.Errorf("neither a test nor a word that there is none: %s", line)
		}
		if left := strings.Count(namedTest.ReplaceAllString(proof, ""), "`"); left > 0 {
			t.Errorf("something in code that names no test: %s", proof)
		}
		for _, name := range names {
			folder := name[1]
			if known[folder] == nil {
				known[folder] = testsIn(t, folder)
			}
			if !known[folder][name[2]] {
				t.Errorf("%s has no %s", folder, name[2])
			}
		}
	}
	if rows < 40 {
		t.Errorf("the tables have %d rows", rows)
	}
	source := productSource(t)
	for _, quote := range quoted.FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(source, quote[1]) {
			t.Errorf("the program nowhere says %q", quote[1])
		}
	}
}

// testsIn returns the tests of a folder; that of the module itself is called chatlake.
func testsIn(t *testing.T, folder string) map[string]bool {
	t.Helper()
	if folder == "chatlake" {
		folder = "."
	}
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("%s has no tests: %v", folder, err)
	}
	names := make(map[string]bool)
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}

// productSource returns all that the function is made of.
func productSource(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, root := range []string{"handler", "internal", "storage"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := os.ReadFile(path)
			all.Write(file)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
