package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// envelope is an answer's outer object.
type envelope struct {
	code   int
	info   string
	result []json.RawMessage
}

// parseEnvelope reads an answer. A Result that is null, absent or empty means that the app has no data yet.
func parseEnvelope(body []byte) (envelope, error) {
	var env envelope
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	var outer map[string]json.RawMessage
	err := json.Unmarshal(body, &outer)
	if err != nil {
		// The page's own sample has a comma behind the last field of its entry.
		body = dropTrailingCommas(body)
		err = json.Unmarshal(body, &outer)
	}
	if err != nil || outer == nil {
		return env, errors.New("the answer is not the JSON object that the API's page describes")
	}
	raw, ok := outer["ErrorCode"]
	if !ok {
		return env, errors.New("the answer has no ErrorCode")
	}
	if env.code, err = strconv.Atoi(string(bytes.Trim(raw, `"`))); err != nil {
		return env, errors.New("the answer's ErrorCode is not a number")
	}
	if raw, ok := outer["ErrorInfo"]; ok && json.Unmarshal(raw, &env.info) != nil {
		env.info = string(raw)
	}
	if env.code != 0 {
		return env, nil
	}
	if raw, ok := outer["Result"]; ok && json.Unmarshal(raw, &env.result) != nil {
		return env, errors.New("the answer's Result is not an array")
	}
	return env, nil
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
