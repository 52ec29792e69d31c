package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Dir is a [Store] in a directory. An object is a file; it is written beside the tree of keys, synced and renamed,
// so that a crash leaves no half of it under its key.
type Dir struct{ root string }

// unfinished begins the names of files that are being written.
const unfinished = ".tmp-"

var _ Store = Dir{}

// NewDir returns the store below root, which is made at the first Put.
func NewDir(root string) Dir { return Dir{filepath.Clean(root)} }

func (d Dir) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("failed to read %s: %w", key, err)
	}
	body, err := os.ReadFile(d.path(key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("failed to read %s: %w", key, ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("failed to read %s: %w", key, err)
	}
	return body, nil
}

func (d Dir) Put(ctx context.Context, key string, body []byte) error {
	if err := d.write(ctx, key, body, os.Rename); err != nil {
		return fmt.Errorf("failed to write %s: %w", key, err)
	}
	return nil
}

func (d Dir) Create(ctx context.Context, key string, body []byte) error {
	// A link, unlike a rename, fails where there is a file.
	err := d.write(ctx, key, body, os.Link)
	if errors.Is(err, fs.ErrExist) {
		err = ErrExist
	}
	if err != nil {
		return fmt.Errorf("failed to create %s: %w", key, err)
	}
	return nil
}

func (d Dir) List(ctx context.Context, prefix, after string) ([]string, error) {
	var keys []string
	// Only the part before the last slash is a folder; what is behind it is the beginning of a name.
	folder := prefix[:strings.LastIndex(prefix, "/")+1]
	err := filepath.WalkDir(d.path(folder), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		name, err := filepath.Rel(d.root, path)
		if err != nil {
			return err
		}
		key := filepath.ToSlash(name)
		if !entry.IsDir() && strings.HasPrefix(key, prefix) && key > after && !strings.HasPrefix(key, unfinished) {
			keys = append(keys, key)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("failed to list %s: %w", prefix, err)
	}
	slices.Sort(keys) // a walk orders by folder, a list by key
	return keys, nil
}

// Now returns this machine's clock.
func (d Dir) Now() time.Time { return time.Now() }

func (d Dir) path(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

// write writes a file beside the tree of keys, syncs it, and gives it its name by place.
func (d Dir) write(ctx context.Context, key string, body []byte, place func(from, to string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path := d.path(key)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// Not in the file's own folder: some engines read every file that they find in the table's.
	tmp, err := os.CreateTemp(d.root, unfinished+"*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(body)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := place(tmp.Name(), path); err != nil {
		return err
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) { // each may be new
		if err := syncDir(dir); err != nil || dir == d.root {
			return err
		}
	}
}

// syncDir makes a name in a directory durable. A system that cannot sync a directory has no more to offer.
func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}
