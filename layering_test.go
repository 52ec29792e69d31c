package main_test

import (
	"errors"
	"go/build"
	"io/fs"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLayering holds the packages to the order in which they may know of one another, tests aside.
func TestLayering(t *testing.T) {
	tree := packages(t)
	for _, test := range []struct {
		from  string
		never []string
	}{
		{"storage", []string{"handler", "internal/cli", "scripts"}},
		{"handler", []string{"internal/cli", "scripts"}},
		{"internal", []string{"scripts"}},
		{"internal/stats", []string{""}},
	} {
		found := false
		for _, from := range under(tree, test.from) {
			if forTests(from) {
				continue
			}
			found = true
			for _, to := range reach(tree, from) {
				if to != from && slices.ContainsFunc(test.never, func(dir string) bool { return within(to, dir) }) {
					t.Errorf("%s must not know of %s", from, to)
				}
			}
		}
		if !found {
			t.Errorf("%s: no such package; mend the rule", test.from)
		}
	}
}

// TestFakesStayOutOfProduction holds chattest, costest and their like to tests and scripts.
func TestFakesStayOutOfProduction(t *testing.T) {
	tree := packages(t)
	fakes := 0
	for from, imports := range tree {
		if forTests(from) {
			fakes++
		}
		if forTests(from) || within(from, "scripts") {
			continue
		}
		for _, to := range imports {
			if forTests(to) {
				t.Errorf("%s imports %s", from, to)
			}
		}
	}
	if fakes == 0 {
		t.Error("no package ends in test; mend the rule")
	}
}

// TestFunctionLinksNoTestCode asks the go command what the deployed binary links, modules of others included.
func TestFunctionLinksNoTestCode(t *testing.T) {
	tree := packages(t) // also tells the test cache which files the answer depends on
	cmd := exec.Command("go", "list", "-deps", ".")
	cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	linked := strings.Fields(string(out))
	for _, p := range linked {
		if p == "testing" || strings.HasPrefix(p, "testing/") || p == "net/http/httptest" || strings.HasPrefix(p, module) && forTests(p) {
			t.Errorf("the function links %s", p)
		}
	}
	for _, p := range reach(tree, ".") {
		if p != "." && !slices.Contains(linked, module+p) {
			t.Errorf("the function should link %s; this test reads the imports wrongly", p)
		}
	}
}

const module = "chatlake/"

// packages returns the module's packages by their folder, "." for the function itself, each with those of the module that
// its non-test files import.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	tree := map[string][]string{}
	err := filepath.WalkDir(".", func(dir string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if name := e.Name(); dir != "." && (strings.HasPrefix(name, ".") || slices.Contains([]string{"testdata", "node_modules", "dist", "lake"}, name)) {
			return fs.SkipDir
		}
		p, err := build.ImportDir(dir, 0)
		var none *build.NoGoError
		if errors.As(err, &none) {
			return nil
		} else if err != nil {
			return err
		}
		imports := []string{}
		for _, to := range p.Imports {
			if of, ok := strings.CutPrefix(to, module); ok {
				imports = append(imports, of)
			}
		}
		if len(p.GoFiles) > 0 {
			tree[filepath.ToSlash(dir)] = imports
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(tree) == 0 {
		t.Fatal("found no packages")
	}
	return tree
}

// reach returns a package and all that it imports, directly or not.
func reach(tree map[string][]string, from string) []string {
	seen := []string{from}
	for i := 0; i < len(seen); i++ {
		for _, to := range tree[seen[i]] {
			if !slices.Contains(seen, to) {
				seen = append(seen, to)
			}
		}
	}
	return seen
}

func under(tree map[string][]string, dir string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(tree)), func(p string) bool { return !within(p, dir) })
}

// within reports whether a package is in the folder or below it; "" is the module's root.
func within(p, dir string) bool { return dir == "" || p == dir || strings.HasPrefix(p, dir+"/") }

// forTests reports whether a package is a fake or a suite for tests, by the convention of its name: chattest, costest.
func forTests(p string) bool { return strings.HasSuffix(path.Base(p), "test") }
