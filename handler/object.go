package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// readObject reads a JSON object's keys, and names those that it has more than once: which value was meant, nothing tells,
// and encoding/json takes the last without a word.
func readObject(text []byte) (keys map[string]json.RawMessage, twice []string, err error) {
	if !json.Valid(text) {
		return nil, nil, errors.New("not valid JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, nil, errors.New("not an object")
	}
	keys = make(map[string]json.RawMessage)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, nil, err
		}
		key, _ := token.(string)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, nil, err
		}
		if _, ok := keys[key]; ok && !slices.Contains(twice, key) {
			twice = append(twice, key)
		}
		keys[key] = value
	}
	return keys, twice, nil
}
