package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// allowedLicences are those of others' work that the binary may hold, by their SPDX names: they ask for a notice, which is
// THIRD_PARTY_LICENSES, and for nothing of what is linked with them.
var allowedLicences = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

// TestLicences holds THIRD_PARTY_LICENSES to what the deployed binary links.
func TestLicences(t *testing.T) {
	packages(t) // tells the test cache which files the answer depends on
	for _, fault := range licenceFaults(readText(t, "THIRD_PARTY_LICENSES"), linkedModules(t)) {
		t.Errorf("%s: run .ci/licences > THIRD_PARTY_LICENSES, and see what changed", fault)
	}
}

// TestLicenceFaults shows that the check above would see each of these slips.
func TestLicenceFaults(t *testing.T) {
	sound, linked := readText(t, "THIRD_PARTY_LICENSES"), linkedModules(t)
	cobra := slices.IndexFunc(linked, func(m linkedModule) bool { return m.Path == "github.com/spf13/cobra" })
	if cobra < 0 {
		t.Fatal("cobra is not linked; take another module for this test")
	}
	line := fmt.Sprintf("%s %s: Apache-2.0\n", linked[cobra].Path, linked[cobra].Version)
	noticed := slices.Clone(linked)
	noticed[cobra].Dir = t.TempDir()
	for name, text := range map[string]string{"LICENSE.txt": "Apache License", "NOTICE": "Portions are of the Notice Company."} {
		if err := os.WriteFile(filepath.Join(noticed[cobra].Dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, old, new string
		linked         []linkedModule
		want           string
	}{
		{"module not listed", line, "", linked, "spf13/cobra is linked and not listed"},
		{"other version", line, strings.Replace(line, " v", " v0.", 1), linked, "listed with v0."},
		{"module no longer linked", "", "", slices.Delete(slices.Clone(linked), cobra, cobra+1), "spf13/cobra is listed and not linked"},
		{"licence that is not allowed", line, strings.Replace(line, "Apache-2.0", "GPL-3.0", 1), linked, "GPL-3.0 is not allowed"},
		{"licence that was not recognized", line, strings.Replace(line, "Apache-2.0", "Unknown", 1), linked, "Unknown is not allowed"},
		{"text of a licence changed", "Cenk Alt", "Someone", linked, "cenkalti/backoff/v5's LICENSE is not in it"},
		{"notice that is missing", "", "", noticed, "spf13/cobra's NOTICE is not in it"},
		{"no list", sound, "", linked, "is linked and not listed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			faults := licenceFaults(strings.Replace(sound, test.old, test.new, 1), test.linked)
			if all := strings.Join(faults, "\n"); !strings.Contains(all, test.want) {
				t.Errorf("found %q, want %q", all, test.want)
			}
		})
	}
}

// linkedModule is a module that the binary links, as the go command tells of it; Dir is where its files are.
type linkedModule struct {
	Path, Version, Dir string
	Main               bool
}

var listedLicence = regexp.MustCompile(`(?m)^(\S+) (v\S+): (.+)$`)

// licenceFaults returns what is wrong with the list of licences, given what is linked. A line of the list is a module, or a
// folder of it that has a licence of its own.
func licenceFaults(list string, linked []linkedModule) (faults []string) {
	lines := listedLicence.FindAllStringSubmatch(list, -1)
	of := func(line []string, m linkedModule) bool { return within(line[1], m.Path) }
	for _, line := range lines {
		if !slices.Contains(allowedLicences, line[3]) {
			faults = append(faults, fmt.Sprintf("%s: %s is not allowed", line[1], line[3]))
		}
		i := slices.IndexFunc(linked, func(m linkedModule) bool { return of(line, m) })
		if i < 0 {
			faults = append(faults, line[1]+" is listed and not linked")
		} else if linked[i].Version != line[2] {
			faults = append(faults, fmt.Sprintf("%s %s is linked, and listed with %s", line[1], linked[i].Version, line[2]))
		}
	}
	for _, m := range linked {
		if !slices.ContainsFunc(lines, func(line []string) bool { return of(line, m) }) {
			faults = append(faults, m.Path+" is linked and not listed")
		}
		for _, pattern := range []string{"LICEN[SC]E*", "COPYING*", "NOTICE*"} {
			paths, _ := filepath.Glob(filepath.Join(m.Dir, pattern))
			for _, path := range paths {
				if text, err := os.ReadFile(path); err != nil || !strings.Contains(list, string(text)) {
					faults = append(faults, fmt.Sprintf("%s's %s is not in it", m.Path, filepath.Base(path)))
				}
			}
		}
	}
	return faults
}

// linkedModules asks the go command which modules of others the function links on SCF's machines.
func linkedModules(t *testing.T) (linked []linkedModule) {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=Module", ".")
	cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct{ Module linkedModule }
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return linked
		} else if err != nil {
			t.Fatal(err)
		}
		if m := p.Module; m.Path != "" && !m.Main && !slices.Contains(linked, m) {
			linked = append(linked, m)
		}
	}
}
