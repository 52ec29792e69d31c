package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/joho/godotenv"

	"chatlake/handler"
)

// dotEnv is the file of variables for work on one's own machine.
const dotEnv = ".env"

// dotEnvFile is what the user is told of the file that was read.
type dotEnvFile struct {
	path string // empty where there is none
	open bool   // others on this machine can read it
}

func (f dotEnvFile) tell(stderr io.Writer) {
	if f.path == "" {
		return
	}
	fmt.Fprintf(stderr, "chatlake: variables that the environment lacks are read from %s\n", f.path)
	if f.open {
		fmt.Fprintf(stderr, "chatlake: others on this machine can read %s, which may hold keys: chmod 600 %s\n", dotEnv, dotEnv)
	}
}

// withDotEnv adds the variables of the file to an environment, whose own win.
func withDotEnv(environ []string) ([]string, dotEnvFile, error) {
	text, err := os.ReadFile(dotEnv)
	if errors.Is(err, fs.ErrNotExist) {
		return environ, dotEnvFile{}, nil
	}
	found := dotEnvFile{path: dotEnv}
	if whole, absErr := filepath.Abs(dotEnv); absErr == nil {
		found.path = whole
	}
	if err != nil {
		return environ, dotEnvFile{}, fmt.Errorf("failed to read variables: %w", err)
	}
	if info, err := os.Stat(dotEnv); err == nil && runtime.GOOS != "windows" {
		found.open = info.Mode().Perm()&0o077 != 0
	}
	variables, err := godotenv.UnmarshalBytes(text)
	if err != nil { // its own words quote the line, which may hold a key
		return environ, found, fmt.Errorf("%s, line %d: it must be NAME=value, and a value with spaces, #, $ or quotes in it within '…'", dotEnv, badLine(text))
	}
	whole := handler.Overlay(variables, handler.ParseEnviron(environ))
	environ = make([]string, 0, len(whole))
	for name, value := range whole {
		environ = append(environ, name+"="+value)
	}
	return environ, found, nil
}

// badLine returns the line after the longest beginning that can be read.
func badLine(text []byte) int {
	good := 0
	lines := bytes.SplitAfter(text, []byte("\n"))
	for n := range lines {
		if _, err := godotenv.UnmarshalBytes(bytes.Join(lines[:n], nil)); err == nil {
			good = n
		}
	}
	return good + 1
}
