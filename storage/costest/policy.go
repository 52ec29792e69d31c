package costest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Policy is a CAM policy (https://www.tencentcloud.com/document/product/598/10603), as a role has it: what it does not
// allow is denied, and what it denies is denied whatever else allows it.
type Policy struct {
	statements []statement
}

// statement is one of a policy's. Actions are without their prefix name/.
type statement struct {
	deny      bool
	actions   []string
	resources []string
	condition []condition
}

// condition is one operator with one key (https://www.tencentcloud.com/document/product/436/46205). All of a statement must hold.
type condition struct {
	operator operator
	key      string
	values   []string
	orAbsent bool // the operator ends in _if_exist: holds for a request without the key
}

// operator reports whether a request's value is one of the policy's.
type operator func(values []string, value string) bool

// operators are those for texts. string_like is on none of COS's pages, but in its own samples.
var operators = map[string]operator{
	"string_equal":     slices.Contains[[]string],
	"string_not_equal": func(values []string, value string) bool { return !slices.Contains(values, value) },
	"string_like": func(values []string, value string) bool {
		return slices.ContainsFunc(values, func(pattern string) bool { return like(pattern, value) })
	},
}

// prefixKey is the condition key of a listing's prefix, as the request has it: URL-encoded, slashes too
// (https://www.tencentcloud.com/document/product/436/46206).
const prefixKey = "cos:prefix"

// ParsePolicy reads a policy's JSON. It is stricter than CAM where that may ignore what it does not know: any other element,
// operator or condition key is an error, and so are a name that is there twice and the wildcard ?.
func ParsePolicy(text []byte) (*Policy, error) {
	if !json.Valid(text) {
		return nil, errors.New("the policy is not JSON")
	}
	var p Policy
	version := ""
	err := members(text, func(name string, value json.RawMessage) (err error) {
		switch name {
		case "version":
			return json.Unmarshal(value, &version)
		case "statement":
			var list []json.RawMessage
			if err := json.Unmarshal(value, &list); err != nil {
				return err
			}
			for i, item := range list {
				s, err := parseStatement(item)
				if err != nil {
					return fmt.Errorf("[%d]: %w", i, err)
				}
				p.statements = append(p.statements, s)
			}
			return nil
		}
		return errUnknown
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("the policy: %w", err)
	case version != "2.0":
		return nil, fmt.Errorf("the policy's version is %q, not 2.0", version)
	case len(p.statements) == 0:
		return nil, errors.New("the policy has no statement")
	}
	return &p, nil
}

var errUnknown = errors.New("is unknown")

func parseStatement(text json.RawMessage) (s statement, err error) {
	effect := ""
	err = members(text, func(name string, value json.RawMessage) (err error) {
		switch name {
		case "effect":
			err = json.Unmarshal(value, &effect)
			s.deny = effect == "deny"
		case "action":
			s.actions, err = parseTexts(value)
			for i, action := range s.actions {
				if s.actions[i] = strings.TrimPrefix(action, "name/"); !validAction.MatchString(s.actions[i]) {
					err = fmt.Errorf("%q is no action of COS", action)
				}
			}
		case "resource":
			s.resources, err = parseTexts(value)
			for _, resource := range s.resources {
				if !validResource.MatchString(resource) {
					err = fmt.Errorf("%q is no resource of COS: qcs::cos:REGION:uid/APPID:BUCKET-APPID/KEY", resource)
				}
			}
		case "condition":
			s.condition, err = parseCondition(value)
		default:
			err = errUnknown
		}
		return err
	})
	switch {
	case err != nil:
	case effect != "allow" && effect != "deny":
		err = fmt.Errorf("effect is %q, neither allow nor deny", effect)
	case s.actions == nil:
		err = errors.New("action is missing")
	case s.resources == nil:
		err = errors.New("resource is missing")
	}
	return s, err
}

var (
	validAction = regexp.MustCompile(`^(\*|cos:[A-Za-z]*\*?)$`)
	// The owner is a number: COS takes no uid/* (apache/fluss#3983). An empty region is every region.
	validResource = regexp.MustCompile(`^(\*|qcs::cos:([a-z0-9-]*|\*):uid/[0-9]+:[^?]+)$`)
)

func parseCondition(text json.RawMessage) (all []condition, err error) {
	err = members(text, func(name string, value json.RawMessage) error {
		base, orAbsent := strings.CutSuffix(name, "_if_exist")
		op, known := operators[base]
		if !known {
			return errUnknown
		}
		return members(value, func(key string, value json.RawMessage) error {
			values, err := parseTexts(value)
			if key != prefixKey {
				return errUnknown
			}
			all = append(all, condition{op, key, values, orAbsent})
			return err
		})
	})
	if err == nil && all == nil {
		err = errors.New("is empty")
	}
	return all, err
}

// parseTexts reads one text, or a list of them that is not empty.
func parseTexts(value json.RawMessage) ([]string, error) {
	if value[0] == '"' {
		value = slices.Concat([]byte("["), value, []byte("]"))
	}
	var texts []string
	if err := json.Unmarshal(value, &texts); err != nil {
		return nil, err
	}
	if len(texts) == 0 || slices.Contains(texts, "") {
		return nil, errors.New("is empty, or has an empty text")
	}
	if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, "?") }) {
		return nil, errors.New("has the wildcard ?, which is not implemented")
	}
	return texts, nil
}

// members calls each for the members of a JSON object.
func members(text json.RawMessage, each func(name string, value json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return errors.New("is not an object")
	}
	var seen []string
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name := token.(string)
		if slices.Contains(seen, name) {
			return fmt.Errorf("%s is there twice", name)
		}
		seen = append(seen, name)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if err := each(name, value); err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
	}
	return nil
}

// allows evaluates an action such as cos:GetObject on a resource, for a request with the values of condition keys.
func (p *Policy) allows(action, resource string, keys map[string]string) bool {
	allowed := false
	for _, s := range p.statements {
		if !s.covers(action, resource, keys) {
			continue
		}
		if s.deny {
			return false
		}
		allowed = true
	}
	return allowed
}

func (s statement) covers(action, resource string, keys map[string]string) bool {
	return slices.ContainsFunc(s.actions, func(pattern string) bool { return like(pattern, action) }) &&
		slices.ContainsFunc(s.resources, func(pattern string) bool { return sameResource(pattern, resource) }) &&
		!slices.ContainsFunc(s.condition, func(c condition) bool { return !c.holds(keys) })
}

// sameResource matches segment by segment: a wildcard spans the slashes of a key, but does not reach from one segment into
// the next.
func sameResource(pattern, resource string) bool {
	if pattern == "*" {
		return true
	}
	patterns, segments := strings.SplitN(pattern, ":", 6), strings.SplitN(resource, ":", 6)
	for i, segment := range segments {
		if !like(patterns[i], segment) && !(patterns[i] == "" && i == regionSegment) {
			return false
		}
	}
	return true
}

const regionSegment = 3

func (c condition) holds(keys map[string]string) bool {
	value, ok := keys[c.key]
	if !ok {
		return c.orAbsent
	}
	return c.operator(c.values, value)
}

// like matches with *, which stands for any characters, or none.
func like(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, first) || !strings.HasSuffix(text[len(first):], last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = rest
	}
	return true
}
