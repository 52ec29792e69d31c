// Package secret keeps keys out of everything that is printed: a [String] shows as REDACTED through fmt,
// log/slog and encoding/json, and only [String.Reveal] gives it away.
package secret

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/url"
	"strings"
)

const redacted = "REDACTED"

// String is a secret text. The zero value is the empty one.
type String struct{ reveal func() string } // a func, since fmt prints the fields of a nested struct by reflection

// New wraps a secret text.
func New(s string) String {
	if s == "" {
		return String{}
	}
	return String{func() string { return s }}
}

// Reveal returns the text itself, for the one place that needs it.
func (s String) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether the text is empty.
func (s String) IsZero() bool { return s.reveal == nil }

func (s String) String() string               { return redacted }
func (s String) GoString() string             { return redacted }
func (s String) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (s String) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalJSON reads the secret from a JSON string.
func (s *String) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	*s = New(text)
	return nil
}

// Scrub replaces each secret in a text that came from elsewhere, such as a server's message that echoes what it was
// sent: as it is, as in a URL, and as in JSON or base64.
func Scrub(text string, secrets ...String) string {
	var pairs []string
	for _, s := range secrets {
		if s.IsZero() {
			continue
		}
		plain := s.Reveal()
		quoted, _ := json.Marshal(plain)
		for _, form := range []string{
			plain, url.QueryEscape(plain), url.PathEscape(plain), string(quoted[1 : len(quoted)-1]),
			base64.StdEncoding.EncodeToString([]byte(plain)),
		} {
			pairs = append(pairs, form, redacted)
		}
	}
	if pairs == nil {
		return text
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
