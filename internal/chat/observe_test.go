package chat_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"chatlake/internal/chat"
	"chatlake/internal/chat/chattest"
)

// Each answer is shown once, good or bad, as it came and when; what is no whole answer is not.
func TestObserve(t *testing.T) {
	faults := []*chattest.Fault{
		{Code: 60008, Info: "slow", Delay: time.Second},
		{Drop: true},
		{Status: http.StatusBadGateway, Body: []byte("<html>bad gateway")},
		nil,
	}
	p := pullFrom(t, emulator(func(c chattest.Call) *chattest.Fault { return faults[c.NApp-1] }), client(even))
	p.ok(t, 4)
	for i, want := range []struct {
		attempt, status int
		good            bool
		body            string
		after           time.Duration
	}{
		{0, 200, false, `{"ActionStatus":"FAIL","ErrorCode":60008,"ErrorInfo":"slow"}`, time.Second},
		{2, 502, false, "<html>bad gateway", 0},
		{3, 200, true, "", 0},
	} {
		if i >= len(p.shown) {
			t.Fatalf("%d answers were shown", len(p.shown))
		}
		got := p.shown[i]
		if got.App.ID != even.ID || got.Status != want.status || got.Good != want.good {
			t.Errorf("answer %d is shown as of app %d, status %d, good %t", i, got.App.ID, got.Status, got.Good)
		}
		if body := string(bytes.TrimSpace(got.Body)); want.body != "" && body != want.body {
			t.Errorf("answer %d is shown as %s", i, body)
		}
		if after := got.At.Sub(p.sent[want.attempt].at); after != want.after {
			t.Errorf("answer %d is shown as of %v after its call", i, after)
		}
	}
	if len(p.shown) != 3 {
		t.Errorf("%d answers were shown", len(p.shown))
	}
	entries, err := chat.ParseAnswer(p.body())
	if err != nil || len(entries) != len(p.answer.Entries) {
		t.Fatalf("the good answer is read again as %d entries, %v", len(entries), err)
	}
	for i := range entries {
		if !bytes.Equal(entries[i], p.answer.Entries[i]) {
			t.Errorf("entry %d is read again as %s", i, entries[i])
		}
	}
}

// What was no good answer is none when it is read again.
func TestParseAnswerRefuses(t *testing.T) {
	for _, body := range []string{"", "<html>", "null", `{"Result":[]}`, `{"ErrorCode":60008,"ErrorInfo":"slow"}`, `{"ErrorCode":60008,"Result":[{}]}`, `{"ErrorCode":0,"Result":{}}`} {
		if entries, err := chat.ParseAnswer([]byte(body)); err == nil || len(entries) > 0 {
			t.Errorf("%s is read as %d entries, %v", body, len(entries), err)
		}
	}
}
