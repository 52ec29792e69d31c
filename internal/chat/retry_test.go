package chat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/chat/chattest"
)

const callTimeout = 15 * time.Second

func TestHTTPStatus(t *testing.T) {
	for status, test := range map[int]struct {
		attempts  int
		retryable bool
	}{
		500: {4, true}, 502: {4, true}, 503: {4, true}, 504: {4, true}, 408: {4, true}, 429: {4, true},
		400: {1, false}, 401: {1, false}, 403: {1, false}, 404: {1, false}, 405: {1, false}, 204: {1, false},
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			// A body that would be an answer does not make up for the status.
			fault := chattest.Fault{Status: status, Body: []byte(`{"ErrorCode":0,"Result":[]}`)}
			p := pullFrom(t, emulator(always(fault)), client(even))
			p.failed(t, test.attempts, test.retryable, fmt.Sprint(status))
			if p.failure.Parse || p.failure.Code != 0 {
				t.Errorf("Parse is %t, Code %d", p.failure.Parse, p.failure.Code)
			}
		})
	}
}

// A redirect's target would be given the UserSig.
func TestRedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			redirect := emulator(always(chattest.Fault{Status: status, Header: http.Header{"Location": {"https://elsewhere.example/take"}}}))
			p := pullFrom(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Host == "chat.example" {
					redirect.ServeHTTP(w, r)
				}
			}), client(even))
			p.failed(t, 1, false, fmt.Sprint(status), "redirect", "endpoint")
			for _, r := range p.sent {
				if r.URL.Host != "chat.example" {
					t.Errorf("sent to %s", r.URL)
				}
			}
		})
	}
}

// The pauses are half to one and a half times a length that doubles.
func TestBackoff(t *testing.T) {
	const pulls = 40
	var sums [3]time.Duration
	var firsts []time.Duration
	s := emulator(always(chattest.Fault{Code: 60008}))
	for range pulls {
		p := pullFrom(t, s, client(even))
		p.failed(t, 4, true)
		for i := range sums {
			pause, length := p.sent[i+1].at.Sub(p.sent[i].at), 500*time.Millisecond<<i
			if pause < length/2 || pause > length*3/2 {
				t.Errorf("pause %d is %v", i+1, pause)
			}
			sums[i] += pause
		}
		firsts = append(firsts, p.sent[1].at.Sub(p.sent[0].at))
	}
	if sums[1] < sums[0]*5/4 || sums[2] < sums[1]*5/4 {
		t.Errorf("the pauses do not grow: %v in %d pulls", sums, pulls)
	}
	slices.Sort(firsts)
	if distinct := len(slices.Compact(firsts)); distinct < pulls*3/4 {
		t.Errorf("%d pulls have %d first pauses", pulls, distinct)
	}
}

func TestTransportErrorsAreRetried(t *testing.T) {
	refused := errors.New("connection refused")
	synctest.Test(t, func(t *testing.T) {
		p := pullThrough(t.Context(), t, roundTripper(func(*http.Request) (*http.Response, error) { return nil, refused }), client(even))
		p.failed(t, 4, true, "connection refused", endpoint)
		if !errors.Is(p.failure, refused) {
			t.Errorf("does not wrap the transport's error: %v", p.failure)
		}
	})
	p := pullFrom(t, emulator(always(chattest.Fault{Body: chattest.Sample()[:300], Header: http.Header{"Content-Length": {"1000"}}})), client(even))
	p.failed(t, 4, true, "EOF", endpoint)
}

// silent is a server that hangs before or in its answer, until the client goes away.
func silent(inBody bool) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		if !inBody {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		body := io.MultiReader(strings.NewReader(`{"ErrorCode":0,`), hanging{r.Context()})
		return &http.Response{Status: "200 OK", StatusCode: 200, Body: io.NopCloser(body), Request: r}, nil
	}
}

type hanging struct{ ctx context.Context }

func (h hanging) Read([]byte) (int, error) {
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

func TestSilentServerEndsByTheCallsTimeout(t *testing.T) {
	transports := map[string]http.RoundTripper{
		"before the answer": silent(false), "in the answer": silent(true),
		"emulated": inProcess{emulator(always(chattest.Fault{Hang: true}))},
		"slow":     inProcess{emulator(always(chattest.Fault{Delay: time.Hour}))},
	}
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pullThrough(t.Context(), t, transport, client(even))
				p.failed(t, 4, true, "within the call's time", "15s", endpoint)
				const pauses = 3500 * time.Millisecond // on average; half to one and a half of it
				if least, most := 4*callTimeout+pauses/2, 4*callTimeout+pauses*3/2; p.took < least || p.took > most {
					t.Errorf("took %v, want %v to %v", p.took, least, most)
				}
			})
		})
	}
}

// An answer that takes its time, but less than the call has, is no failure.
func TestSlowAnswer(t *testing.T) {
	p := pullFrom(t, emulator(always(chattest.Fault{Delay: callTimeout - time.Millisecond})), client(even))
	if p.ok(t, 1); p.took != callTimeout-time.Millisecond {
		t.Errorf("took %v", p.took)
	}
}

func TestSilentServerEndsByTheDeadline(t *testing.T) {
	for name, test := range map[string]struct {
		after    time.Duration
		attempts int
	}{
		"in the first call": {7 * time.Second, 1}, "in the second call": {20 * time.Second, 2}, "in the third call": {40 * time.Second, 3},
	} {
		t.Run(name, func(t *testing.T) {
			for how, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
				"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
					return context.WithTimeout(ctx, test.after)
				},
				"cancellation": func(ctx context.Context) (context.Context, context.CancelFunc) {
					ctx, cancel := context.WithCancel(ctx)
					time.AfterFunc(test.after, cancel)
					return ctx, cancel
				},
			} {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := end(t.Context())
					defer cancel()
					p := pullThrough(ctx, t, silent(false), client(even))
					p.failed(t, test.attempts, true, "time for pulling ended", fmt.Sprint(test.attempts))
					if p.took != test.after {
						t.Errorf("%s: took %v, want %v", how, p.took, test.after)
					}
				})
			}
		})
	}
}

// The end of the run's time in a pause keeps what was known of the last attempt.
func TestDeadlineInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		p := pullThrough(ctx, t, inProcess{emulator(always(chattest.Fault{Code: 60008, Info: "slow"}))}, client(even))
		p.failed(t, 1, true, "time for pulling ended", "60008", "slow")
		if p.failure.Code != 60008 || p.took > 100*time.Millisecond {
			t.Errorf("Code is %d, took %v", p.failure.Code, p.took)
		}
	})
}

// A failure for good stays one, whatever the time.
func TestDeadlineDoesNotHideAFailureForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := pullThrough(ctx, t, roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := inProcess{emulator(always(chattest.Fault{Code: 70009}))}.RoundTrip(r)
			cancel()
			return resp, err
		}), client(even))
		p.failed(t, 1, false, "70009", "secret_key")
	})
}
