package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is a [Store] in a directory. An object is a file; it is written beside the tree of keys, synced and renamed,
// so that a crash leaves no half of it under its key.
type Dir struct{ root string }

var _ Store = Dir{}

// NewDir returns the store below root, which is made at the first Put.
func NewDir(root string) Dir { return Dir{root} }

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
	err := ctx.Err()
	if err == nil {
		err = d.replace(d.path(key), body)
	}
	if err != nil {
		return fmt.Errorf("failed to write %s: %w", key, err)
	}
	return nil
}

func (d Dir) path(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

func (d Dir) replace(path string, body []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// Not in the file's own folder: some engines read every file that they find in the table's.
	tmp, err := os.CreateTemp(d.root, ".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if _, err := tmp.Write(body); err != nil {
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename durable. A system that cannot sync a directory has no more to offer.
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
