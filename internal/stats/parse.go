package stats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ErrOtherApp refuses an entry that belongs to another app than the one asked for.
var ErrOtherApp = errors.New("belongs to another app")

// Parse reads one entry of an answer's Result as a row of the app. Where the error is not nil, the entry is to be
// refused, for the reason that the error names; the row then still has its day if the entry's Date could be read.
//
// A value is a JSON string; a number is taken too. A field that is null or "" has no value. Fields that
// [Columns] does not know go into Extra: a string as it is, anything else as its compact JSON. A field that comes twice
// with different values refuses the entry, since nothing says which one counts.
func Parse(app int64, entry json.RawMessage) (Row, error) {
	r := NewRow(app, 0)
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(entry, &fields); err != nil || fields == nil {
		return r, errors.New("is not a JSON object")
	}
	var clashes map[string]bool
	if members(entry) != len(fields) {
		clashes = clashing(entry)
	}
	var faults []error
	date, err := scalar(fields["Date"])
	if err == nil && date == "" {
		err = errors.New("is missing")
	}
	if err == nil {
		r.Day, err = parseDay("20060102", "YYYYMMDD", date)
	}
	if err != nil {
		faults = append(faults, fmt.Errorf("Date %w", err))
	}
	if clashes["Date"] {
		r.Day = 0
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if clashes[name] {
			faults = append(faults, fmt.Errorf("%s comes twice, with different values", clip(name)))
		} else if err := r.set(name, fields[name]); err != nil {
			faults = append(faults, fmt.Errorf("%s %w", name, err))
		}
	}
	return r, errors.Join(faults...)
}

// members counts the members of a valid JSON object, a name that comes twice twice.
func members(object []byte) (n int) {
	depth := 0
	for i := 0; i < len(object); i++ {
		switch object[i] {
		case '"':
			for i++; object[i] != '"'; i++ {
				if object[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ':':
			if depth == 1 {
				n++
			}
		}
	}
	return n
}

// clashing returns the names that a valid JSON object has more than once, with different values.
func clashing(object []byte) map[string]bool {
	clashes := make(map[string]bool)
	values := make(map[string]json.RawMessage)
	d := json.NewDecoder(bytes.NewReader(object))
	_, _ = d.Token() // the brace: what is valid is read without an error
	for d.More() {
		var value json.RawMessage
		token, _ := d.Token()
		name, _ := token.(string)
		if d.Decode(&value) != nil {
			break
		}
		if first, twice := values[name]; twice && !bytes.Equal(first, value) {
			clashes[name] = true
		}
		values[name] = value
	}
	return clashes
}

// set gives the row one field of the API.
func (r *Row) set(name string, raw json.RawMessage) error {
	p, known := places[name]
	switch {
	case !known:
		v, err := text(raw)
		if err != nil || v == "" {
			return err
		}
		if r.Extra == nil {
			r.Extra = make(map[string]string)
		}
		r.Extra[name] = v
	case p.kind == Text:
		v, err := text(raw)
		if err != nil {
			return err
		}
		r.Texts[p.index] = v
	case p.kind == Counter:
		v, err := scalar(raw)
		if err != nil || v == "" {
			return err
		}
		r.Counters[p.index], err = ParseCounter(v)
		return err
	case p.kind == AppID:
		v, err := scalar(raw)
		if err != nil || v == "" {
			return err
		}
		if id, err := ParseCounter(v); err != nil {
			return err
		} else if id != r.AppID {
			return fmt.Errorf("is %d: the entry %w", id, ErrOtherApp)
		}
	}
	return nil
}

// Adopt moves what Extra kept of fields that have become columns since the row was written into those columns. What a column
// can't hold, or already has, stays in Extra.
func (r *Row) Adopt() {
	for name, value := range r.Extra {
		p, known := places[name]
		switch {
		case known && p.kind == Text && r.Texts[p.index] == "":
			r.Texts[p.index] = value
		case known && p.kind == Counter && r.Counters[p.index] == Null:
			n, err := ParseCounter(value)
			if err != nil || value == "" {
				continue
			}
			r.Counters[p.index] = n
		default:
			continue
		}
		delete(r.Extra, name)
	}
}

// ParseCounter reads a counter: digits only, so that 12.0 and 1e3 are refused, up to the largest INT64.
func ParseCounter(s string) (int64, error) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%q is no whole number in digits", clip(s))
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q does not fit 64 bits", clip(s))
	}
	return n, nil
}

// scalar returns the text of a JSON string or number, and "" for null or nothing.
func scalar(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	switch c := raw[0]; {
	case c == '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case c == '-' || c >= '0' && c <= '9':
		return string(raw), nil
	}
	return "", fmt.Errorf("%s is neither a string nor a number", clip(string(raw)))
}

// text returns a JSON string as it is, anything else but null as its compact JSON.
func text(raw json.RawMessage) (string, error) {
	if s, err := scalar(raw); err == nil {
		return s, nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return "", err
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD"), nil // as the strings of encoding/json are
}

// clip keeps what an answer sent from flooding an error.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
