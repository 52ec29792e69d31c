package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"chatlake/internal/cloud/cloudtest"
)

// TestDocumentedCommands runs each command of README and of the help, and reads each request that they give to other tools.
func TestDocumentedCommands(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	word := regexp.MustCompile(`'[^']*'|\S+`)
	ran := 0
	for line := range strings.Lines(string(readme) + help) {
		_, command, found := strings.Cut(line, "go run ./scripts/invoke ")
		if !found || strings.Contains(command, "[flags]") {
			continue
		}
		command, _, _ = strings.Cut(command, "#")
		command, _, _ = strings.Cut(command, ";")
		args := word.FindAllString(strings.ReplaceAll(command, "$y", "2025"), -1)
		for i := range args {
			args[i] = strings.Trim(args[i], "'")
		}
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, environ, &out, &errs, scf(cloudtest.Outcome{Returned: summary(nil)})); code != 0 {
			t.Errorf("%q: exit code %d, %s", args, code, errs.String())
		}
		ran++
	}
	if ran < 10 {
		t.Errorf("found only %d commands: mend this test", ran)
	}

	requests := regexp.MustCompile(`(?:scf invoke -d|--ClientContext) '([^']*)'`).FindAllStringSubmatch(string(readme), -1)
	if len(requests) < 5 {
		t.Errorf("found only the requests %q: mend this test", requests)
	}
	for _, r := range requests {
		var event request
		d := json.NewDecoder(strings.NewReader(r[1]))
		d.DisallowUnknownFields()
		if err := d.Decode(&event); err != nil {
			t.Errorf("%s: %v", r[0], err)
		} else if err := event.validate(false); err != nil {
			t.Errorf("%s: %v", r[0], err)
		}
	}
}
