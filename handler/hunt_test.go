package handler_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"chatlake/storage"
)

// readable is what a stored object holds once it is unpacked.
func readable(t *testing.T, key string, body []byte) string {
	t.Helper()
	var text strings.Builder
	switch {
	case strings.HasSuffix(key, ".ndjson.gz"):
		unzipped, err := gzip.NewReader(bytes.NewReader(body))
		if err == nil {
			_, err = io.Copy(&text, unzipped)
		}
		if err == nil {
			err = storage.ReadArchive(bytes.NewReader(body), func(a storage.RawAnswer) error {
				text.Write(a.Body)
				return nil
			})
		}
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
	case strings.HasSuffix(key, ".parquet"):
		rows, err := parquet.Read[storedRow](bytes.NewReader(body), int64(len(body)))
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		for _, r := range rows {
			for _, s := range []*string{r.AppName, r.Company} {
				if s != nil {
					text.WriteString(*s + "\n")
				}
			}
			fmt.Fprint(&text, r.Extra)
		}
	}
	return text.String()
}

// hunt finds pieces of secrets, by their first bytes.
type hunt map[string][]needle

type needle struct{ piece, what string }

const (
	pieceLen = 16
	keyLen   = 8
)

func newHunt(secrets map[string]string) hunt {
	h := make(hunt)
	for s, what := range secrets {
		for how, form := range writings(s) {
			for _, piece := range []string{form[:min(pieceLen, len(form))], form[max(0, len(form)-pieceLen):]} {
				h[piece[:keyLen]] = append(h[piece[:keyLen]], needle{piece, what + how})
			}
		}
	}
	return h
}

// writings are how a secret may be written. Of base64 in a longer text, only whole groups of the secret's own are sure.
func writings(s string) map[string]string {
	var asIs bytes.Buffer
	e := json.NewEncoder(&asIs)
	e.SetEscapeHTML(false)
	quoted, err := json.Marshal(s)
	if err = errors.Join(err, e.Encode(s)); err != nil {
		panic(err)
	}
	forms := map[string]string{
		"": s, ", URL-escaped": url.QueryEscape(s), ", path-escaped": url.PathEscape(s), ", escaped twice": url.QueryEscape(url.QueryEscape(s)),
		", in JSON": string(quoted[1 : len(quoted)-1]), ", in plain JSON": strings.Trim(strings.TrimSpace(asIs.String()), `"`),
		", in hex": hex.EncodeToString([]byte(s)), ", in HEX": strings.ToUpper(hex.EncodeToString([]byte(s))),
	}
	for skip := range 3 {
		groups := s[skip : skip+(len(s)-skip)/3*3]
		forms[fmt.Sprintf(", in base64 at %d", skip)] = base64.StdEncoding.EncodeToString([]byte(groups))
		forms[fmt.Sprintf(", in base64url at %d", skip)] = base64.URLEncoding.EncodeToString([]byte(groups))
	}
	return forms
}

// find says what a text holds, and where; "" is nothing.
func (h hunt) find(text string) string {
	for i := 0; i+keyLen <= len(text); i++ {
		for _, n := range h[text[i:i+keyLen]] {
			if strings.HasPrefix(text[i:], n.piece) {
				return fmt.Sprintf("%s: %q", n.what, text[max(0, i-100):min(len(text), i+100)])
			}
		}
	}
	return ""
}

// TestHunt: the search finds what it is for.
func TestHunt(t *testing.T) {
	const s = `eJyrVgrx*dYr/yS+1S"lslIy0jNQ0gHzM1NS80oy_`
	h := newHunt(map[string]string{s: "it"})
	base := base64.RawStdEncoding.EncodeToString
	for _, text := range []string{
		s, s[:20], s[len(s)-20:], url.QueryEscape(s), url.PathEscape(s), url.QueryEscape("?u=" + url.QueryEscape(s)), fmt.Sprintf("%q", s),
		base([]byte(s)), base([]byte("a" + s + "b")), base([]byte("ab" + s)), base64.URLEncoding.EncodeToString([]byte("~" + s)),
		fmt.Sprintf("%x %X", s, s), fmt.Sprintf("%X", s),
	} {
		if found := h.find("<" + text + ">"); !strings.HasPrefix(found, "it") {
			t.Errorf("in %s was found: %s", text, found)
		}
	}
	if found := h.find(s[1:16] + s[len(s)-15:]); found != "" {
		t.Errorf("found where nothing is: %s", found)
	}
}
