package chat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/chat"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/secret"
)

const (
	key      = "9b1f6c1c1d0e4d6e9a5a2f7c3b8d4e605bd2850fff3ecb11ee5fe7a2cd1cd0f1"
	endpoint = "https://chat.example"
)

var (
	even = chattest.App{ID: 1400000002, Key: key, Name: "青鸟客服"}
	odd  = chattest.App{ID: 1400000003, Key: key}
)

// noon in Beijing: the emulator's days end with 2026-11-24
func now() time.Time { return time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC) }

func client(a chattest.App) chat.App {
	return chat.App{ID: a.ID, Key: secret.New(a.Key), Endpoint: endpoint, Identifier: "administrator"}
}

func emulator(fault func(chattest.Call) *chattest.Fault) *chattest.Server {
	return chattest.New(chattest.Options{Apps: []chattest.App{even, odd}, Now: now, Fault: fault})
}

func always(f chattest.Fault) func(chattest.Call) *chattest.Fault {
	return func(chattest.Call) *chattest.Fault { return &f }
}

// sent is a request as a transport was given it, whole.
type sent struct {
	*http.Request
	body string
	at   time.Time
}

// record keeps what is sent through it.
type record struct {
	next http.RoundTripper

	mu   sync.Mutex
	sent []sent
}

func (c *record) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return nil, errors.New("a request without a body")
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.sent = append(c.sent, sent{r, string(body), time.Now()})
	c.mu.Unlock()
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	return c.next.RoundTrip(again)
}

// inProcess calls a handler without a network, and gives what http.Transport would give over one.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (_ *http.Response, err error) {
	defer func() { // the client's side of http.ErrAbortHandler is a connection that ends
		if v := recover(); v == http.ErrAbortHandler {
			if err = r.Context().Err(); err == nil {
				err = io.EOF
			}
		} else if v != nil {
			panic(v)
		}
	}()
	recorder := httptest.NewRecorder()
	p.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := recorder.Result()
	resp.Request = r
	if resp.ContentLength > int64(recorder.Body.Len()) {
		resp.Body = io.NopCloser(io.MultiReader(resp.Body, broken{}))
	}
	return resp, nil
}

// unwatched is an observer for tests that look at what is returned alone.
func unwatched(chat.Exchange) {}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// pull is what came of one AppInfo through a handler.
type pull struct {
	answer  chat.Answer
	failure *chat.Error // nil where it succeeded
	took    time.Duration
	sent    []sent
	shown   []chat.Exchange
	calls   int64
	retries int64
}

// pullFrom pulls an app through the handler, in a bubble of its own, so that waiting costs no time.
func pullFrom(t *testing.T, h http.Handler, app chat.App, fields ...string) (p pull) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { p = pullThrough(t.Context(), t, inProcess{h}, app, fields...) })
	return p
}

// pullThrough pulls an app through the transport.
func pullThrough(ctx context.Context, t *testing.T, next http.RoundTripper, app chat.App, fields ...string) pull {
	t.Helper()
	recorded := &record{next: next}
	var shown []chat.Exchange
	c := chat.NewClient(recorded, chat.MaxQPS, func(e chat.Exchange) { shown = append(shown, e) })
	start := time.Now()
	answer, err := c.AppInfo(ctx, app, fields)
	p := pull{answer: answer, took: time.Since(start), sent: recorded.sent, shown: shown}
	p.calls, p.retries = c.Requests()
	if err != nil && !errors.As(err, &p.failure) {
		t.Fatalf("the error is no *chat.Error: %v", err)
	}
	if p.failure != nil {
		if p.failure.AppID != app.ID || !strings.Contains(err.Error(), fmt.Sprint(app.ID)) || !strings.Contains(err.Error(), p.failure.Message()) {
			t.Errorf("the error of app %d is %v, of app %d", app.ID, err, p.failure.AppID)
		}
		if p.failure.Attempts != answer.Attempts || len(answer.Entries) > 0 {
			t.Errorf("the error has %d attempts, the answer %d, with %d entries", p.failure.Attempts, answer.Attempts, len(answer.Entries))
		}
	}
	return p
}

// body is the newest answer as the observer was shown it.
func (p pull) body() []byte {
	if len(p.shown) == 0 {
		return nil
	}
	return p.shown[len(p.shown)-1].Body
}

// ok fails the test unless the pull succeeded in so many attempts, and returns how many entries came.
func (p pull) ok(t *testing.T, attempts int) int {
	t.Helper()
	if p.failure != nil {
		t.Fatalf("failed after %d attempts: %v", p.failure.Attempts, p.failure)
	}
	p.attempted(t, attempts)
	if n := len(p.shown); n == 0 || !p.shown[n-1].Good {
		t.Errorf("the good answer was not shown as such, in %d answers", n)
	}
	return len(p.answer.Entries)
}

// failed fails the test unless the pull failed after so many attempts, retryable or not, and said all of these.
func (p pull) failed(t *testing.T, attempts int, retryable bool, says ...string) {
	t.Helper()
	if p.failure == nil {
		t.Fatalf("succeeded after %d attempts: %.200s", p.answer.Attempts, p.body())
	}
	p.attempted(t, attempts)
	if p.failure.Retryable != retryable {
		t.Errorf("Retryable is %t: %v", p.failure.Retryable, p.failure)
	}
	if p.failure.Advice == "" {
		t.Errorf("nothing says what to do: %v", p.failure)
	}
	for _, s := range says {
		if !strings.Contains(p.failure.Message(), s) {
			t.Errorf("the message does not say %q: %s", s, p.failure.Message())
		}
	}
}

func (p pull) attempted(t *testing.T, n int) {
	t.Helper()
	if p.answer.Attempts != n || len(p.sent) != n || p.calls != int64(n) || p.retries != int64(max(n-1, 0)) {
		t.Errorf("%d attempts, %d requests sent, %d calls and %d retries counted; want %d attempts",
			p.answer.Attempts, len(p.sent), p.calls, p.retries, n)
	}
}
