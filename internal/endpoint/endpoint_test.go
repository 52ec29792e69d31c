package endpoint_test

import (
	"strings"
	"testing"

	"chatlake/internal/endpoint"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"https://api.example":             "https://api.example",
		"HTTPS://API.example:8443/Base/":  "https://api.example:8443/Base",
		"https://api.example/a%2Fb//":     "https://api.example/a%2Fb",
		"http://127.0.0.1:8080/":          "http://127.0.0.1:8080",
		"http://127.8.9.1/v3":             "http://127.8.9.1/v3",
		"http://[::1]:9":                  "http://[::1]:9",
		"http://localhost:9":              "http://localhost:9",
		"https://10.0.0.1/behind/a/proxy": "https://10.0.0.1/behind/a/proxy",
	} {
		if u, err := endpoint.Parse(in); err != nil || u.String() != want {
			t.Errorf("%s: %v, %v; want %s", in, u, err, want)
		}
	}
	for in, want := range map[string]string{
		"":                           "is not a base URL",
		"api.example":                "is not a base URL",
		"::":                         "is not a base URL",
		"https://":                   "is not a base URL",
		"https://:443":               "is not a base URL",
		"https://u:topsecret@a.b":    "is not a base URL",
		"https://a.b?topsecret":      "is not a base URL",
		"https://a.b?":               "is not a base URL",
		"https://a.b#topsecret":      "is not a base URL",
		"https://a.b:topsecret/":     "is not a base URL",
		"http://api.example":         "must be https",
		"http://10.0.0.1:80":         "must be https",
		"http://0.0.0.0":             "must be https",
		"http://127.0.0.1.example":   "must be https",
		"http://localhost.example/p": "must be https",
		"ftp://127.0.0.1":            "must be https",
	} {
		if u, err := endpoint.Parse(in); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%q: %v, %v; want %s", in, u, err, want)
		}
	}
}
