package handler

import (
	"errors"
	"strings"

	"chatlake/internal/secret"
)

// ReadKeys reads a principal's keys from the environment, in each spelling that a run takes. They are an error where one is
// missing, or belongs to another principal's.
func ReadKeys(env map[string]string) (secret.Keys, error) {
	r := configReader{env: env}
	keys := r.keys(true)
	if len(r.faults) > 0 {
		return keys, errors.New(strings.Join(r.faults, "; "))
	}
	return keys, nil
}
