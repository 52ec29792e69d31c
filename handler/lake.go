package handler

import (
	"errors"
	"net/http"
	"strings"

	"chatlake/storage"
)

// OpenLake opens the lake that an environment names, for those who only read it: the apps need not be configured. The error names
// every fault of the configuration.
func OpenLake(env map[string]string, transport http.RoundTripper) (*storage.Lake, error) {
	r := configReader{env: env, transport: transport}
	var location storage.Location
	if where := r.required("CHATLAKE_LAKE"); where != "" {
		var err error
		if location, err = storage.ParseLocation(where); err != nil {
			r.fault("CHATLAKE_LAKE", err.Error())
		}
	}
	keys := r.keys(location.Bucket != nil)
	switch {
	case r.faults != nil:
		return nil, errors.New(strings.Join(r.faults, "; "))
	case location.Bucket == nil:
		return storage.NewLake(storage.NewDir(location.Dir), location.Prefix, true), nil
	}
	if transport == nil {
		transport = newTransport()
	}
	return storage.NewLake(storage.NewCOS(location.Bucket, keys, transport), location.Prefix, true), nil
}
