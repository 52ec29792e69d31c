package main_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"chatlake/handler"
)

// section returns the text under one of README's headings.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("README.md has no section %q", heading)
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

// TestREADMEsSearchesFindTheLog holds the searches of README to a line that the function logged: CLS knows a key only if it is at
// the top of the line and its value is a text or a number.
func TestREADMEsSearchesFindTheLog(t *testing.T) {
	var log strings.Builder
	if _, err := handler.NewFunction(nil, &log, nil).Invoke(t.Context(), []byte(`{"Type":"Timer","Time":"`+time.Now().UTC().Format(time.RFC3339)+`"}`)); err == nil {
		t.Fatal("a run without configuration went well")
	}
	var line map[string]any
	for text := range strings.Lines(log.String()) {
		if strings.Contains(text, `"run summary"`) {
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatal(err)
			}
		}
	}
	searchable := func(key string) bool {
		switch line[key].(type) {
		case string, float64:
			return true
		}
		return false
	}
	watch := section(t, "Watch it")
	terms := regexp.MustCompile(`\b([a-z_]+):(?:"([^"]*)"|>[0-9]+)`).FindAllStringSubmatch(watch, -1)
	if len(terms) < 6 {
		t.Errorf("found only the terms %q: mend this test", terms)
	}
	for _, term := range terms {
		if !searchable(term[1]) {
			t.Errorf("README searches for %s, but %q is no text or number of the log's %v", term[0], term[1], line)
		}
	}
	if line["msg"] != "run summary" || line["trigger"] != "timer" || line["status"] != "failed" {
		t.Errorf("README's alarms would not find %v", line)
	}

	_, list, ok := strings.Cut(watch, "top-level keys whose values are texts or numbers")
	list, rest, ok2 := strings.Cut(list, ".")
	_, rest, ok3 := strings.Cut(rest, "What is nested")
	nested, _, ok4 := strings.Cut(rest, "can't be searched")
	if !ok || !ok2 || !ok3 || !ok4 {
		t.Fatal("README has lost its list of keys")
	}
	word := regexp.MustCompile("`([a-z_]+)`")
	var named []string
	for _, key := range word.FindAllStringSubmatch(list, -1) {
		named = append(named, key[1])
	}
	for key := range line {
		if key != "time" && searchable(key) != slices.Contains(named, key) {
			t.Errorf("the log's key %s: a text or number %v, named as one in README %v", key, searchable(key), slices.Contains(named, key))
		}
	}
	for _, key := range word.FindAllStringSubmatch(nested, -1) {
		if _, there := line[key[1]]; !there || searchable(key[1]) {
			t.Errorf("README says that %s is nested: %v", key[1], line[key[1]])
		}
	}
}
