package chattest_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"chatlake/internal/chat/chattest"
)

// pack makes a UserSig of any text.
func pack(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("+", "*", "/", "-", "=", "_").Replace(base64.StdEncoding.EncodeToString(b.Bytes()))
}

func TestRefusesUserSigs(t *testing.T) {
	// The signing package reads the system's clock, so the emulator's moves instead.
	wall := time.Now()
	const ticket = `"TLS.identifier":"administrator","TLS.sdkappid":1400000002,"TLS.expire":86400,"TLS.time":1,"TLS.sig":"AAAA"`
	tests := map[string]struct {
		code int
		sig  string
		wall time.Duration
	}{
		"good":               {0, sign(t, even.ID, key, "administrator", 86400), 0},
		"good, a day later":  {0, sign(t, even.ID, key, "administrator", 86400), 23 * time.Hour},
		"expired":            {70001, sign(t, even.ID, key, "administrator", 60), 2 * time.Minute},
		"expired from birth": {70001, sign(t, even.ID, key, "administrator", -60), 0},
		"another app's key":  {70009, sign(t, even.ID, key+"x", "administrator", 86400), 0},
		"another identifier": {70013, sign(t, even.ID, key, "ops", 86400), 0},
		"another app":        {70014, sign(t, odd.ID, key, "administrator", 86400), 0},
		"no base64":          {70003, "!", 0},
		"plain base64":       {70003, base64.StdEncoding.EncodeToString([]byte{0xfb, 0xff}), 0},
		"no zlib":            {70003, "AAAA", 0},
		"cut":                {70003, sign(t, even.ID, key, "administrator", 86400)[:100], 0},
		"a line break":       {70003, sign(t, even.ID, key, "administrator", 86400) + "\n", 0},
		"escaped twice":      {70003, "%65" + sign(t, even.ID, key, "administrator", 86400)[1:], 0},
		"no JSON":            {70003, pack(t, "TLS.ver"), 0},
		"too long":           {70003, pack(t, strings.Repeat(" ", 1<<20)), 0},
		"no version":         {70003, pack(t, `{`+ticket+`}`), 0},
		"version 1":          {70003, pack(t, `{"TLS.ver":"1.0",`+ticket+`}`), 0},
		"a member missing":   {70003, pack(t, `{"TLS.ver":"2.0",`+strings.Replace(ticket, `"TLS.time":1,`, "", 1)+`}`), 0},
		"forged":             {70009, pack(t, `{"TLS.ver":"2.0",`+ticket+`}`), 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := chattest.New(chattest.Options{
				Apps: []chattest.App{even, odd}, Now: fixed(now), Wall: fixed(wall.Add(test.wall)),
			})
			c := good(t, even)
			c.query.Set("usersig", test.sig)
			got := c.do(t, s)
			if test.code == 0 {
				got.serve(t, 30)
				return
			}
			got.refuse(t, test.code)
		})
	}
}

func TestUserSigWithUserBuf(t *testing.T) {
	sig, err := tencentyun.GenUserSigWithBuf(int(even.ID), key, "administrator", 86400, []byte("room"))
	if err != nil {
		t.Fatal(err)
	}
	c := good(t, even)
	c.query.Set("usersig", sig)
	c.do(t, chattest.New(chattest.Options{Apps: []chattest.App{even}})).serve(t, 30)
}

func TestRefusesAccounts(t *testing.T) {
	s := chattest.New(chattest.Options{Apps: []chattest.App{even, odd}, Now: fixed(now)})
	for _, test := range []struct {
		app  chattest.App
		code int
	}{{even, 60010}, {odd, 70403}} {
		user := test.app
		user.Identifier = "alice"
		good(t, user).do(t, s).refuse(t, test.code)
		good(t, test.app).do(t, s).serve(t, 30)
	}
}

func TestRegions(t *testing.T) {
	anywhere := chattest.App{ID: 1400000004, Key: key}
	s := chattest.New(chattest.Options{Apps: []chattest.App{even, odd, anywhere}, Now: fixed(now)})
	for _, test := range []struct {
		app    chattest.App
		region string
		code   int
	}{
		{even, "singapore", 0},
		{even, "china", 70020},
		{odd, "china", 0},
		{odd, "singapore", 70016},
		{anywhere, "china", 0},
		{anywhere, "singapore", 0},
	} {
		got := good(t, test.app).do(t, s.Handler(test.region))
		if test.code == 0 {
			got.serve(t, 30)
		} else {
			got.refuse(t, test.code)
		}
		if calls := s.Calls(); calls[len(calls)-1].Region != test.region {
			t.Errorf("recorded as %+v, want region %s", calls[len(calls)-1], test.region)
		}
	}
}
