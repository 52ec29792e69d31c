package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/chat"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/chat/faulttest"
	"chatlake/internal/stats"
)

// TestFaults pulls through net/http's own transport from a network on which each answer of the corpus comes as it stands.
func TestFaults(t *testing.T) {
	corpus, err := faulttest.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range corpus {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { testFault(t, c) })
		})
	}
}

func testFault(t *testing.T, c faulttest.Case) {
	time.Sleep(time.Until(now()))
	network, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	p := pullThrough(t.Context(), t, network.Transport(), client(even))
	if err := network.Close(); err != nil {
		t.Error(err)
	}
	if arrived := len(network.Requests()); c.Network == "" && arrived != c.Attempts {
		t.Errorf("%d calls arrived", arrived)
	}
	for _, host := range network.Hosts() {
		if host != "chat.example:443" {
			t.Errorf("connected to %s", host)
		}
	}
	for _, r := range p.sent {
		if r.URL.Path != chattest.Path {
			t.Fatalf("sent to %s", r.URL)
		}
	}
	if c.Class == "ok" {
		p.ok(t, c.Attempts)
		testRows(t, c, p)
		return
	}
	p.failed(t, c.Attempts, c.Class == "retry", append(c.Says, c.Do...)...)
	if p.failure.Code != c.Code || p.failure.Parse != (c.Stage == "parse") {
		t.Errorf("the code is %d, the answer readable: %t", p.failure.Code, !p.failure.Parse)
	}
	for _, piece := range c.Do {
		if !strings.Contains(p.failure.Advice, piece) {
			t.Errorf("the advice is not %q: %s", piece, p.failure.Advice)
		}
	}
	if text := p.failure.Message(); len(text) > 1000 {
		t.Errorf("the message has %d bytes", len(text))
	}
	if len(p.sent) > 0 {
		p.holdsNone(t)
	}
}

// testRows holds what a good answer's rows are: so many, and so many that are refused, each for the reason.
func testRows(t *testing.T, c faulttest.Case, p pull) {
	t.Helper()
	good, refused := 0, 0
	for _, entry := range p.answer.Entries {
		if _, err := stats.Parse(even.ID, entry); err == nil {
			good++
		} else if refused++; c.Reason == "" || !strings.Contains(err.Error(), c.Reason) {
			t.Errorf("refused, not for %q: %v", c.Reason, err)
		}
	}
	if good != c.Rows || refused != c.Refused {
		t.Errorf("%d rows, %d refused; want %d and %d", good, refused, c.Rows, c.Refused)
	}
	for _, sent := range p.sent {
		sig := sent.URL.Query().Get("usersig")
		if strings.Contains(fmt.Sprintf("%s", p.answer.Entries), sig) || strings.Contains(string(p.body()), sig) {
			t.Errorf("the UserSig is in the answer: %s", p.body())
		}
	}
}

// TestCorpus holds the corpus to its size, and to each code that the client knows as the API's alone.
func TestCorpus(t *testing.T) {
	corpus, err := faulttest.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	if len(corpus) < 120 {
		t.Errorf("%d cases", len(corpus))
	}
	for _, code := range chat.Codes() {
		if !slices.ContainsFunc(corpus, func(c faulttest.Case) bool { return c.Code == code }) {
			t.Errorf("no case has the code %d", code)
		}
	}
}
