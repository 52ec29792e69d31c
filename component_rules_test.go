package main_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// rule is what one value of a serverless.yml may be: a node of testdata/scf-component-rules.json, which names its sources.
// A mapping takes either the named Keys and no other, or any key with Values.
type rule struct {
	Type      string // string, number, boolean, object, array, or two of them with "or"
	Required  bool
	Allow     []string
	Pattern   string
	Min, Max  *float64
	MaxLength int // in characters
	Keys      map[string]rule
	Values    *rule
	Items     *rule
}

// check returns the faults of a value and of all below it, each with its path.
func (r rule) check(path string, v any) (faults []string) {
	fault := func(format string, args ...any) {
		faults = append(faults, path+": "+fmt.Sprintf(format, args...))
	}
	if !slices.Contains(strings.Split(r.Type, " or "), typeOf(v)) {
		fault("is no %s", r.Type)
		return faults
	}
	switch v := v.(type) {
	case string:
		if len(r.Allow) > 0 && !slices.Contains(r.Allow, v) {
			fault("%q is none of %q", v, r.Allow)
		}
		if !regexp.MustCompile(r.Pattern).MatchString(v) {
			fault("%q does not match %s", v, r.Pattern)
		}
		if r.MaxLength > 0 && len([]rune(v)) > r.MaxLength {
			fault("is longer than %d characters", r.MaxLength)
		}
	case int:
		if r.Min != nil && float64(v) < *r.Min || r.Max != nil && float64(v) > *r.Max {
			fault("%d is out of range", v)
		}
	case []any:
		for i, item := range v {
			faults = append(faults, r.Items.check(fmt.Sprintf("%s[%d]", path, i), item)...)
		}
	case map[string]any:
		faults = append(faults, r.checkKeys(path, v)...)
	}
	return faults
}

func (r rule) checkKeys(path string, m map[string]any) (faults []string) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		below := strings.TrimPrefix(path+"."+key, ".")
		known, ok := r.Keys[key]
		if r.Values != nil {
			known, ok = *r.Values, true
		}
		if !ok {
			faults = append(faults, below+": unknown key")
			continue
		}
		faults = append(faults, known.check(below, m[key])...)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Keys)) {
		if _, ok := m[key]; r.Keys[key].Required && !ok {
			faults = append(faults, strings.TrimPrefix(path+"."+key, ".")+": missing")
		}
	}
	return faults
}

// typeOf names a YAML value's type in the words of the rules. A fraction is no input's type, so it has no name.
func typeOf(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case int:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return fmt.Sprintf("%T", v)
}
