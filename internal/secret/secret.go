// Package secret keeps keys out of everything that is printed: a [String] shows as REDACTED through fmt,
// log/slog and encoding/json, and only [String.Reveal] gives it away.
package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
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
// sent: as it is, as in a URL or in a URL within one, as in JSON, base64 or hex.
func Scrub(text string, secrets ...String) string {
	var pairs []string
	for _, s := range secrets {
		if s.IsZero() {
			continue
		}
		for _, form := range forms(s.Reveal()) {
			pairs = append(pairs, form, redacted)
		}
	}
	if pairs == nil {
		return text
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// forms are how a text may be written, the longer first where one begins with another.
func forms(plain string) []string {
	quoted, _ := json.Marshal(plain)
	list := []string{plain, string(quoted[1 : len(quoted)-1])}
	for _, escaped := range []string{url.QueryEscape(plain), url.PathEscape(plain)} {
		twice := url.QueryEscape(escaped)
		list = append(list, escaped, lowerEscapes(escaped), twice, lowerEscapes(twice))
	}
	list = append(list, base64.StdEncoding.EncodeToString([]byte(plain)))
	const least = 8 // a piece of base64 of less may be any text's
	if len(plain) < least {
		return list
	}
	list = append(list, hex.EncodeToString([]byte(plain)), strings.ToUpper(hex.EncodeToString([]byte(plain))))
	// Within a longer text, such as a URL, base64 depends on where a group of three bytes begins: what is sure are the
	// characters that have bits of the secret alone.
	for _, text := range slices.Compact([]string{plain, url.QueryEscape(plain)}) {
		for before := range 3 {
			padded := append(make([]byte, before), text...)
			from, to := (before*8+5)/6, len(padded)*8/6
			list = append(list, base64.RawStdEncoding.EncodeToString(padded)[from:to], base64.RawURLEncoding.EncodeToString(padded)[from:to])
		}
	}
	return list
}

var escape = regexp.MustCompile(`%[0-9A-F]{2}`)

func lowerEscapes(escaped string) string {
	return escape.ReplaceAllStringFunc(escaped, strings.ToLower)
}
