package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"chatlake/internal/secret"
)

const key = `5bd2850fff3e"cr/t+key`

func TestNothingPrintsTheSecret(t *testing.T) {
	type app struct {
		ID  int
		Key secret.String
		ptr *secret.String
	}
	s := secret.New(key)
	v := app{1, s, &s}
	asJSON, err := json.Marshal(map[string]any{"a": v, "s": s, "p": &s})
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&logged, nil), slog.NewTextHandler(&logged, nil)} {
		slog.New(h).Info("x", "s", s, "v", v, "p", &s, "err", fmt.Errorf("with %v", s))
	}
	for what, out := range map[string]string{
		"fmt":    fmt.Sprintf("%v %+v %#v %s %q %x %v %+v", s, v, v, s, s, s, &s, &v),
		"json":   string(asJSON),
		"slog":   logged.String(),
		"errors": fmt.Errorf("failed: %v %+v", s, v).Error(),
	} {
		if strings.Contains(out, "5bd2850fff3e") || strings.Contains(out, fmt.Sprintf("%x", key)) {
			t.Errorf("%s shows the secret: %s", what, out)
		}
	}
}

func TestRevealAndUnmarshal(t *testing.T) {
	var got struct{ Key secret.String }
	quoted, _ := json.Marshal(key)
	if err := json.Unmarshal([]byte(`{"Key":`+string(quoted)+`}`), &got); err != nil || got.Key.Reveal() != key {
		t.Errorf("read %q, %v", got.Key.Reveal(), err)
	}
	if !secret.New("").IsZero() || secret.New("").Reveal() != "" || secret.New("a").IsZero() {
		t.Error("only the empty text is zero")
	}
}

func TestScrub(t *testing.T) {
	s := secret.New(key)
	base := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, test := range []struct{ text, piece string }{
		{key, key},
		{"?usersig=5bd2850fff3e%22cr%2Ft%2Bkey&", "5bd2850fff3e"},
		{"?usersig=5bd2850fff3e%22cr%2ft%2bkey&", "5bd2850fff3e"},
		{"?to=" + url.QueryEscape("/?usersig="+url.QueryEscape(key)), "5bd2850fff3e"},
		{`{"k":"5bd2850fff3e\"cr/t+key"}`, "5bd2850fff3e"},
		{base(key), base(key)[:8]},
		{base("a" + key), base("a" + key)[4:12]},
		{base("ab" + key), base("ab" + key)[4:12]},
		{base("abc" + key + "abc"), base(key)[:24]},
		{base64.URLEncoding.EncodeToString([]byte("é" + key)), base64.URLEncoding.EncodeToString([]byte("é" + key))[4:12]},
		{hex.EncodeToString([]byte(key)), "35626432"},
		{fmt.Sprintf("%X", key), "35626432"},
	} {
		got := secret.Scrub("<"+test.text+">", secret.New(""), s)
		if !strings.Contains(test.text, test.piece) || strings.Contains(got, test.piece) || !strings.Contains(got, "REDACTED") {
			t.Errorf("Scrub(%q) = %q", test.text, got)
		}
	}
	// What is left of a short one in base64 could be in any text.
	if got := secret.Scrub("Many years ago", secret.New("abc")); got != "Many years ago" {
		t.Errorf("a short secret changed the text: %q", got)
	}
	if got := secret.Scrub("nothing here", secret.New("")); got != "nothing here" {
		t.Errorf("an empty secret changed the text: %q", got)
	}
}

func TestShow(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     `""`,
		"singapor":                             `"singapor"`,
		"1.5":                                  `"1.5"`,
		"GroupSendMsgGroup_Num-2":              `"GroupSendMsgGroup_Num-2"`,
		strings.Repeat("a", 24):                `"aaaaaaaaaaaaaaaaaaaaaaaa"`,
		strings.Repeat("a", 25):                "(25 characters, not printed since they may be a secret)",
		"two words":                            "(9 characters, not printed since they may be a secret)",
		"moon\n":                               "(5 characters, not printed since they may be a secret)",
		"中国":                                   "(2 characters, not printed since they may be a secret)",
		"\xff":                                 "(1 characters, not printed since they may be a secret)",
		strings.Repeat("0a1b", 16):             "(64 characters, not printed since they may be a secret)",
		"Gu5t9xGARNpq86cd98joQYCN3EXAMPLE":     "(32 characters, not printed since they may be a secret)",
		"AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE": "(36 characters, not printed since they may be a secret)",
		"eJwtzMEKgkAUheFXkVmHTDM5ptAiIqKoTVmQuFG82iUdh6sZEb17":   "(52 characters, not printed since they may be a secret)",
		"https://hooks.example/services/T0/B0/xyz?token=abcdefg": "(54 characters, not printed since they may be a secret)",
	} {
		if got := secret.Show(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
