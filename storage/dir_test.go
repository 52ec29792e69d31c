package storage_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"chatlake/storage"
)

func TestDir(t *testing.T) {
	testStore(t, func(t *testing.T) storage.Store { return storage.NewDir(filepath.Join(t.TempDir(), "not", "yet")) })
}

// files lists what is below a folder.
func files(t *testing.T, root string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestDirLeavesNothingBeside(t *testing.T) {
	root := t.TempDir()
	s := storage.NewDir(root)
	for _, key := range []string{"t/dt=1/part-0", "t/dt=1/part-0", "t/dt=2/part-0", "top"} {
		put(t, s, key, []byte("x"))
	}
	want := []string{"t/dt=1/part-0", "t/dt=2/part-0", "top"}
	if got := files(t, root); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDirHidesUnfinishedFiles looks into a folder, as an engine might, while a file in it is being replaced.
func TestDirHidesUnfinishedFiles(t *testing.T) {
	root := t.TempDir()
	s := storage.NewDir(root)
	const key = "t/dt=1/part-0"
	body := bytes.Repeat([]byte("x"), 1<<20)
	put(t, s, key, body)
	var writer sync.WaitGroup
	done := make(chan struct{})
	writer.Go(func() {
		defer close(done)
		for range 30 {
			if err := s.Put(t.Context(), key, body); err != nil {
				t.Error(err)
			}
		}
	})
	defer writer.Wait()
	for {
		if got := files(t, filepath.Join(root, "t")); !slices.Equal(got, []string{"dt=1/part-0"}) {
			t.Fatalf("the folder has %q", got)
		}
		if got, err := s.List(t.Context(), "", ""); err != nil || !slices.Equal(got, []string{key}) {
			t.Fatalf("listed %q, %v", got, err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestDirModes(t *testing.T) {
	root := filepath.Join(t.TempDir(), "lake")
	put(t, storage.NewDir(root), "t/part-0", []byte("x"))
	// Engines run as other users than the one that writes.
	for name, want := range map[string]fs.FileMode{"t/part-0": 0o644, "t": fs.ModeDir | 0o755, ".": fs.ModeDir | 0o755} {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode(); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestDirFailedWrite(t *testing.T) {
	write := func(t *testing.T, path, body string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(body), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	lock := func(t *testing.T, folder string) {
		t.Helper()
		if os.Geteuid() == 0 {
			t.Skip("the superuser writes anywhere")
		}
		if err := os.Chmod(folder, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(folder, 0o755) })
	}
	tests := map[string]struct {
		key     string
		prepare func(t *testing.T, root string)
	}{
		"the key is a folder":            {"t", func(t *testing.T, root string) {}},
		"a folder of the key is a file":  {"t/old/part-0", func(t *testing.T, root string) {}},
		"the root is a file":             {"x", func(t *testing.T, root string) { write(t, root+"2", "") }},
		"the key's folder is read-only":  {"t/old", func(t *testing.T, root string) { lock(t, filepath.Join(root, "t")) }},
		"the root is read-only":          {"t/old", func(t *testing.T, root string) { lock(t, root) }},
		"the key's name is far too long": {"t/" + strings.Repeat("x", 5000), func(t *testing.T, root string) {}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "lake")
			write(t, filepath.Join(root, "t", "old"), "old")
			test.prepare(t, root)
			s := storage.NewDir(root)
			if _, err := os.Stat(root + "2"); err == nil {
				s = storage.NewDir(root + "2")
			}
			err := s.Put(t.Context(), test.key, []byte("new"))
			if err == nil || !strings.Contains(err.Error(), "write "+test.key) {
				t.Errorf("got %v, want an error that names what failed", err)
			}
			if got := files(t, root); !slices.Equal(got, []string{"t/old"}) {
				t.Errorf("the folder has %q", got)
			}
			if body, err := os.ReadFile(filepath.Join(root, "t", "old")); err != nil || !bytes.Equal(body, []byte("old")) {
				t.Errorf("the old file has %q, %v", body, err)
			}
		})
	}
}

func TestDirReadError(t *testing.T) {
	root := t.TempDir()
	s := storage.NewDir(root)
	put(t, s, "t/old", []byte("x"))
	for _, key := range []string{"t", "t/old/part-0"} {
		_, err := s.Get(t.Context(), key)
		if err == nil || !strings.Contains(err.Error(), "read "+key) {
			t.Errorf("%s: got %v, want an error that names the key", key, err)
		}
	}
	// What cannot be looked at is not known to be missing.
	if _, err := s.Get(t.Context(), "t"); errors.Is(err, storage.ErrNotExist) {
		t.Error("a folder counts as missing")
	}
}
