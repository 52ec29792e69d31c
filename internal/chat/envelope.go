package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// maxRows bounds an answer: 30 days are 30 rows.
const maxRows = 10_000

var (
	errNoAnswer    = errors.New("the answer is not the JSON object that the API's page describes")
	errTooManyRows = fmt.Errorf("the answer's Result has more than %d rows, where the API gives one a day", maxRows)
)

// envelope is an answer's outer object.
type envelope struct {
	code   int
	info   string
	result []json.RawMessage
}

// parseEnvelope reads an answer. A Result that is null, absent or empty means that the app has no data yet. An answer
// that contradicts itself is none: a member that comes twice, or an ActionStatus, which other calls of the API have, that
// denies the ErrorCode.
func parseEnvelope(body []byte) (envelope, error) {
	var env envelope
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	outer, err := members(body)
	if errors.Is(err, errNoAnswer) {
		// The page's own sample has a comma behind the last field of its entry.
		outer, err = members(dropTrailingCommas(body))
	}
	if err != nil {
		return env, err
	}
	raw, ok := outer["ErrorCode"]
	if !ok {
		return env, errors.New("the answer has no ErrorCode")
	}
	if env.code, err = strconv.Atoi(string(bytes.Trim(raw, `"`))); err != nil {
		return env, errors.New("the answer's ErrorCode is not a whole number")
	}
	if raw, ok := outer["ErrorInfo"]; ok && json.Unmarshal(raw, &env.info) != nil {
		env.info = string(raw)
	}
	if env.code != 0 {
		return env, nil
	}
	if string(outer["ActionStatus"]) == `"FAIL"` {
		return env, fmt.Errorf("the answer has ErrorCode 0, but ActionStatus FAIL and ErrorInfo %q", env.info)
	}
	if raw, ok := outer["Result"]; ok {
		env.result, err = rows(raw)
	}
	return env, err
}

// members reads the outer object.
func members(body []byte) (map[string]json.RawMessage, error) {
	read := []string{"ErrorCode", "ErrorInfo", "ActionStatus", "Result"}
	outer := make(map[string]json.RawMessage, len(read))
	d := json.NewDecoder(bytes.NewReader(body))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, errNoAnswer
	}
	twice := ""
	for d.More() {
		var value json.RawMessage
		token, err := d.Token()
		name, isString := token.(string)
		if err != nil || !isString || d.Decode(&value) != nil {
			return nil, errNoAnswer
		}
		if _, ok := outer[name]; ok && slices.Contains(read, name) {
			twice = name
		}
		outer[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errNoAnswer
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNoAnswer
	}
	if twice != "" {
		return nil, fmt.Errorf("the answer has %s twice, and nothing says which one counts", twice)
	}
	return outer, nil
}

// rows reads a Result that is valid JSON, and stops where it has more than a sane answer has.
func rows(result json.RawMessage) (rows []json.RawMessage, err error) {
	if string(result) == "null" {
		return nil, nil
	}
	if result[0] != '[' {
		return nil, errors.New("the answer's Result is not an array")
	}
	d := json.NewDecoder(bytes.NewReader(result))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		if len(rows) == maxRows {
			return nil, errTooManyRows
		}
		var row json.RawMessage
		if err := d.Decode(&row); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// dropTrailingCommas removes each comma outside a string whose next token closes an object or an array.
func dropTrailingCommas(b []byte) []byte {
	out := make([]byte, 0, len(b))
	comma := -1 // where in out a comma waits for what comes behind it
	inString, escaped := false, false
	for _, c := range b {
		switch {
		case inString:
			inString = escaped || c != '"'
			escaped = !escaped && c == '\\'
		case c == ',':
			comma = len(out)
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		default:
			if (c == '}' || c == ']') && comma >= 0 {
				out = append(out[:comma], out[comma+1:]...)
			}
			comma, inString = -1, c == '"'
		}
		out = append(out, c)
	}
	return out
}
