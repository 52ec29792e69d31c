package main

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// sources is a function small enough to be built twice in a test. It imports net, whose cgo resolver would make the binary
// dynamic where cgo is on.
var sources = map[string]string{
	"go.mod": "module tiny\n\ngo 1.26\n",
	"main.go": `package main

import "net"

func main() {
	addresses, err := net.LookupHost("localhost")
	println(len(addresses), err == nil)
}
`,
	"LICENSE":              "Apache",
	"THIRD_PARTY_LICENSES": "MIT, BSD",
}

func TestBuildIsReproducible(t *testing.T) {
	first, second := checkout(t, sources), checkout(t, sources)
	one, two := filepath.Join(t.TempDir(), "chatlake.zip"), filepath.Join(t.TempDir(), "again.zip")
	built, err := build(t.Context(), first, one)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CGO_ENABLED", "1")
	t.Setenv("GOFLAGS", "-trimpath=false")
	t.Setenv("GOARCH", "arm64")
	again, err := build(t.Context(), second, two)
	if err != nil {
		t.Fatal(err)
	}
	a, b := read(t, one), read(t, two)
	if !bytes.Equal(a, b) {
		t.Errorf("the same tree in two places gave other bytes: %d and %d", len(a), len(b))
	}
	for i := range built {
		if built[i].size == 0 || built[i].size != again[i].size || built[i].sha256 != again[i].sha256 {
			t.Errorf("told %v, then %v", built[i], again[i])
		}
	}
}

func TestBuildIsWhatSCFRuns(t *testing.T) {
	dir, out := checkout(t, sources), filepath.Join(t.TempDir(), "dist", "chatlake.zip")
	if _, err := build(t.Context(), dir, out); err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(out)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var held []string
	for _, f := range z.File {
		held = append(held, f.Name+" "+f.Mode().String())
		if !bytes.Equal(unzip(t, f), read(t, filepath.Join(filepath.Dir(out), "function", f.Name))) {
			t.Errorf("function/%s and the zip's differ", f.Name)
		}
		if text, ok := sources[f.Name]; ok && string(unzip(t, f)) != text {
			t.Errorf("the zip's %s is not the tree's", f.Name)
		}
	}
	if want := []string{"main -rwxr-xr-x", "LICENSE -rw-r--r--", "THIRD_PARTY_LICENSES -rw-r--r--"}; !slices.Equal(held, want) {
		t.Fatalf("the zip holds %q, want %q", held, want)
	}
	content := unzip(t, z.File[0])

	loose := filepath.Join(filepath.Dir(out), "function", "main")
	if info, err := os.Stat(loose); err != nil || info.Mode() != 0o755 {
		t.Errorf("function/main: %v, %v; want -rwxr-xr-x", info.Mode(), err)
	}
	if bytes.Contains(content, []byte(dir)) {
		t.Error("the binary names the folder that it was built in")
	}

	program, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if program.Machine != elf.EM_X86_64 || program.Class != elf.ELFCLASS64 || program.Type != elf.ET_EXEC {
		t.Errorf("the binary is %s %s %s, want a 64-bit x86-64 executable", program.Machine, program.Class, program.Type)
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is not static: it has %s", p.Type)
		}
	}
	if program.Section(".symtab") != nil || program.Section(".debug_info") != nil || program.Section(".zdebug_info") != nil {
		t.Error("the binary is not stripped")
	}
}

func TestBuildRefuses(t *testing.T) {
	tests := []struct {
		name, want string
		sources    map[string]string
	}{
		{"broken source", "main.go:3", map[string]string{"go.mod": sources["go.mod"], "main.go": "package main\n\nfunc main() { x }\n"}},
		{"library", "requires exactly one main package", map[string]string{"go.mod": sources["go.mod"], "tiny.go": "package tiny\n"}},
		{"empty folder", "failed to build", nil},
		{"no notices", "THIRD_PARTY_LICENSES", map[string]string{
			"go.mod": sources["go.mod"], "main.go": sources["main.go"], "LICENSE": sources["LICENSE"],
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "chatlake.zip")
			if _, err := build(t.Context(), checkout(t, test.sources), out); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("it left a zip")
			}
		})
	}
	t.Run("stranger in the folder", func(t *testing.T) {
		dist := checkout(t, map[string]string{"function/apps.json": "[]"})
		_, err := build(t.Context(), checkout(t, sources), filepath.Join(dist, "chatlake.zip"))
		if err == nil || !strings.Contains(err.Error(), "apps.json") {
			t.Errorf("error %v, want one that names apps.json", err)
		}
	})
}

// TestServerlessFileUploadsTheFolder holds serverless.yml to what a plain run of this command writes.
func TestServerlessFileUploadsTheFolder(t *testing.T) {
	var deployment struct {
		Inputs struct{ Src, Handler string }
	}
	if err := yaml.Unmarshal(read(t, "../../serverless.yml"), &deployment); err != nil {
		t.Fatal(err)
	}
	if got, want := deployment.Inputs.Src, "./dist/"+folder; got != want {
		t.Errorf("src is %q, want %q", got, want)
	}
	if got := deployment.Inputs.Handler; got != binary {
		t.Errorf("handler is %q, want %q", got, binary)
	}
}

// checkout writes the files to a new folder.
func checkout(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func unzip(t *testing.T, f *zip.File) []byte {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
