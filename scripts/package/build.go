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
	"time"
)

const (
	folder = "function" // beside the zip: what serverless.yml names as src
	binary = "main"     // the handler's name: what the Go1 runtime starts
)

// file is one that was written: its size in bytes, its SHA-256 in hex.
type file struct {
	path   string
	size   int
	sha256 string
}

// build compiles the main package in dir, and writes the binary to function/main beside out, and the zip of it to out.
func build(ctx context.Context, dir, out string) ([]file, error) {
	target, err := filepath.Abs(filepath.Join(filepath.Dir(out), folder, binary))
	if err != nil {
		return nil, err
	}
	if err := compile(ctx, dir, target); err != nil {
		return nil, err
	}
	// The folder is uploaded whole. What else lies in it is someone's, so it is named and not deleted.
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name() != binary {
			return nil, fmt.Errorf("%s holds %s, which would be uploaded with the function: remove it", filepath.Dir(target), e.Name())
		}
	}
	content, err := os.ReadFile(target)
	if err != nil {
		return nil, err
	}
	packed, err := pack(content)
	if err != nil {
		return nil, fmt.Errorf("failed to zip %s: %w", target, err)
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

// pack returns a zip with the binary at its root, executable. Its time is the earliest that a zip can say.
func pack(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	header := &zip.FileHeader{
		Name:     binary,
		Method:   zip.Deflate,
		Modified: time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC),
	}
	header.SetMode(0o755)
	f, err := w.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(content); err != nil {
		return nil, err
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
