//go:build peers

// Package peers_test checks the COS emulator with clients that nobody here wrote: Tencent's own for Node and Python.
//
// The test installs nothing. Once, from the repository's root:
//
//	npm ci --prefix scripts/peers/cos
//	python3 -m venv scripts/peers/.venv
//	scripts/peers/.venv/bin/pip install -r scripts/peers/cos/requirements.txt
//
// Then:
//
//	go test -tags peers ./scripts/peers/cos
//
// What is missing fails the test, which names the command: a check that skips itself proves nothing.
package peers_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chatlake/storage/costest"
)

var (
	permanent = costest.Credentials{SecretID: "AKIDpermanent", SecretKey: "permanent-key"}
	temporary = costest.Credentials{SecretID: "AKIDtemporary", SecretKey: "temporary-key", SessionToken: "temporary+token/=="}
)

// steps are what each script has to report, so that none can be left out in silence.
var steps = []string{
	"put", "get", "head", "list", "versioning", "forbid-overwrite", "delete", "wrong-key", "missing-token", "temporary-key",
}

func TestNode(t *testing.T) {
	need(t, "node_modules/cos-nodejs-sdk-v5", "npm ci --prefix scripts/peers/cos")
	run(t, "node", "node", "cos.mjs")
}

func TestPython(t *testing.T) {
	python := filepath.Join("..", ".venv", "bin", "python")
	install := "scripts/peers/.venv/bin/pip install -r scripts/peers/cos/requirements.txt"
	need(t, python, "python3 -m venv scripts/peers/.venv && "+install)
	if err := exec.CommandContext(t.Context(), python, "-c", "import qcloud_cos").Run(); err != nil {
		t.Fatalf("%v: run %s", err, install)
	}
	run(t, "python", python, "cos.py")
}

func need(t *testing.T, path, command string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run %s", err, command)
	}
}

// run lets a script at a new bucket, once in memory and once in a folder, and looks at what it left.
func run(t *testing.T, prefix, program, script string) {
	for _, o := range []costest.Options{{}, {Dir: filepath.Join(t.TempDir(), "bucket")}} {
		o.Credentials = []costest.Credentials{permanent, temporary}
		s, base, stop, err := costest.Start(o)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		arg, err := json.Marshal(map[string]any{
			"host":      strings.TrimPrefix(base, "http://"),
			"permanent": map[string]string{"id": permanent.SecretID, "key": permanent.SecretKey},
			"temporary": map[string]string{"id": temporary.SecretID, "key": temporary.SecretKey, "token": temporary.SessionToken},
		})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), program, script, string(arg))
		cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Errorf("%s: %v\nheld: %s\n%s", script, err, stdout.String(), stderr.String())
			continue
		}
		if got := strings.Fields(stdout.String()); !slices.Equal(got, steps) {
			t.Errorf("%s held %q, want %q", script, got, steps)
		}
		if got, want := s.Keys(prefix+"/"), []string{prefix + "/once", prefix + "/temporary"}; !slices.Equal(got, want) {
			t.Errorf("%s left %q, want %q", script, got, want)
		}
		if got, _ := s.Get(prefix + "/once"); string(got) != "first" {
			t.Errorf("%s: forbid-overwrite left %q", script, got)
		}
	}
}
