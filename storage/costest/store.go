package costest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

var (
	errNoKey     = errors.New("no such key")
	errUnsafeKey = errors.New("not a path below the folder")
	errClash     = errors.New("a file is where a folder should be, or the reverse")
)

// store keeps objects. Each call is atomic towards the others.
type store interface {
	// get returns errNoKey for a key that is not there.
	get(key string) (object, error)
	// put replaces the object, unless it exists and forbid is set: then it reports false and changes nothing.
	put(key string, o object, forbid bool) (stored bool, err error)
	// delete is no error where the key is not there.
	delete(key string) error
	// keys returns all keys in the order of their bytes, in a slice of the caller's.
	keys() ([]string, error)
}

var (
	_ store = (*memory)(nil)
	_ store = (*folder)(nil)
)

type memory struct {
	mu      sync.Mutex
	objects map[string]object
}

func newMemory() *memory { return &memory{objects: make(map[string]object)} }

func (m *memory) get(key string) (object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return o, errNoKey
	}
	return o, nil
}

func (m *memory) put(key string, o object, forbid bool) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, exists := m.objects[key]; exists && forbid {
		return false, nil
	}
	m.objects[key] = o
	return true, nil
}

func (m *memory) delete(key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

func (m *memory) keys() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.objects)), nil
}

// folder keeps each object as one plain file, so that query engines can read the bucket without COS.
// It cannot hold the keys a and a/b at once, nor a key that is not a clean path.
type folder struct {
	root string
	mu   sync.Mutex
}

// file returns the object's path. It never leaves the root, links that the root itself holds aside.
func (f *folder) file(key string) (string, error) {
	if key == "." || path.Clean(key) != key || !filepath.IsLocal(filepath.FromSlash(key)) || strings.ContainsAny(key, "\\\x00") {
		return "", errUnsafeKey
	}
	return filepath.Join(f.root, filepath.FromSlash(key)), nil
}

func (f *folder) get(key string) (object, error) {
	name, err := f.file(key)
	if err != nil {
		return object{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && !info.Mode().IsRegular() {
		return object{}, errNoKey
	} else if err != nil {
		return object{}, err
	}
	body, err := os.ReadFile(name)
	if err != nil {
		return object{}, err
	}
	return newObject(body, info.ModTime()), nil
}

func (f *folder) put(key string, o object, forbid bool) (bool, error) {
	name, err := f.file(key)
	if err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if info, err := os.Lstat(name); err == nil && info.IsDir() {
		return false, errClash
	} else if err == nil && forbid {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); errors.Is(err, syscall.ENOTDIR) {
		return false, errClash
	} else if err != nil {
		return false, err
	}
	return true, f.replace(name, o)
}

// replace writes beside the root and renames, so that no reader of the folder ever sees half an object or a name
// that is no key.
func (f *folder) replace(name string, o object) (err error) {
	root, err := filepath.Abs(f.root)
	if err != nil {
		return err
	}
	t, err := os.CreateTemp(filepath.Dir(root), ".costest-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(t.Name())
		}
	}()
	_, err = t.Write(o.body)
	if err := errors.Join(err, t.Chmod(0o644), t.Close()); err != nil {
		return fmt.Errorf("write %s: %w", t.Name(), err)
	}
	if err := os.Chtimes(t.Name(), o.modified, o.modified); err != nil {
		return err
	}
	return os.Rename(t.Name(), name)
}

// delete also removes the folders that it empties: COS has none.
func (f *folder) delete(key string) error {
	name, err := f.file(key)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && info.IsDir() {
		return nil
	} else if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil {
		return err
	}
	for dir := filepath.Dir(key); dir != "."; dir = filepath.Dir(dir) {
		if os.Remove(filepath.Join(f.root, dir)) != nil {
			break
		}
	}
	return nil
}

func (f *folder) keys() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var keys []string
	err := filepath.WalkDir(f.root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(f.root, name)
		keys = append(keys, filepath.ToSlash(rel))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	slices.Sort(keys)
	return keys, err
}
