package main_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// TestVersion asks the built binary: a test's own knows nothing of its modules.
func TestVersion(t *testing.T) {
	path := binary(t)
	text, err := exec.CommandContext(t.Context(), path, "version").Output()
	if err != nil || !strings.HasPrefix(string(text), "chatlake  ") || !strings.Contains(string(text), "with      github.com/parquet-go/parquet-go v") {
		t.Errorf("%v: %s", err, text)
	}
	document, err := exec.CommandContext(t.Context(), path, "version", "--json").Output()
	var got struct {
		Go      string
		Modules map[string]string
	}
	if err != nil || json.Unmarshal(document, &got) != nil || !strings.HasPrefix(got.Go, "go1.") || len(got.Modules) != 4 {
		t.Errorf("%v: %s", err, document)
	}
}
