package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

const (
	folder = "function" // beside the zip: what serverless.yml names as src
	binary = "main"     // the handler's name: what the Go1 runtime starts
)

// notices go with the binary, whoever gets it: the licences of what it holds ask for that.
var notices = []string{"LICENSE", "THIRD_PARTY_LICENSES"}

// file is one that was written: its size in bytes, its SHA-256 in hex.
type file struct {
	path   string
	size   int
	sha256 string
}

// build compiles the main package in dir, and writes the binary to function/main beside out with the notices beside it, and
// a zip of the same files to out.
func build(ctx context.Context, dir, out string) ([]file, error) {
	target, err := filepath.Abs(filepath.Join(filepath.Dir(out), folder, binary))
	if err != nil {
		return nil, err
	}
	if err := compile(ctx, dir, target); err != nil {
		return nil, err
	}
	for _, name := range notices {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("the notices must go with the function: %w", err)
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(target), name), text, 0o644); err != nil {
			return nil, err
		}
	}
	// The folder is uploaded whole. What else lies in it is someone's, so it is named and not deleted.
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name() != binary && !slices.Contains(notices, e.Name()) {
			return nil, fmt.Errorf("%s holds %s, which would be uploaded with the function: remove it", filepath.Dir(target), e.Name())
		}
	}
	content, err := os.ReadFile(target)
	if err != nil {
		return nil, err
	}
	packed, err := pack(filepath.Dir(target))
	if err != nil {
		return nil, fmt.Errorf("failed to zip %s: %w", filepath.Dir(target), err)
	}
	if err := os.WriteFile(out, packed, 0o644); err != nil {
		return nil, err
	}
	return []file{
		describe(out, packed),
		describe(filepath.Join(filepath.Dir(out), folder, binary), content),
	}, nil
}

// compile builds the main package in dir for SCF's machines. All that could make two builds differ is fixed here rather
// than taken from the caller's environment. SCF is CentOS 7 underneath, whose C library is old: hence no cgo.
func compile(ctx context.Context, dir, target string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildmode=exe", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid=", "-o", target, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1", "CGO_ENABLED=0",
		"GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off")
	var messages bytes.Buffer
	cmd.Stderr = &messages
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("failed to build %s: %w\n%s", dir, err, messages.Bytes())
	}
	// Both uploads keep the file's mode, and the umask may have taken the run bit of others.
	return os.Chmod(target, 0o755)
}

// pack returns a zip of the folder's files, the binary executable. Their time is the earliest that a zip can say.
func pack(dir string) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, name := range append([]string{binary}, notices...) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		header := &zip.FileHeader{
			Name:     name,
			Method:   zip.Deflate,
			Modified: time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC),
		}
		header.SetMode(0o644)
		if name == binary {
			header.SetMode(0o755)
		}
		f, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func describe(path string, content []byte) file {
	sum := sha256.Sum256(content)
	return file{path, len(content), hex.EncodeToString(sum[:])}
}
