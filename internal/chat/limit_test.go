package chat_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/chat"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

// TestLimit pulls as a whole run does and holds every window of a second to the API's call frequency.
func TestLimit(t *testing.T) {
	for name, test := range map[string]struct {
		apps, workers, qps int
		fault              func(chattest.Call) *chattest.Fault
		calls              int
	}{
		"served at once":  {1000, 64, chat.MaxQPS, nil, 1000},
		"served slowly":   {1000, 64, chat.MaxQPS, always(chattest.Fault{Delay: 200 * time.Millisecond}), 1000},
		"all at once":     {1000, 512, chat.MaxQPS, always(chattest.Fault{Delay: 2 * time.Second}), 1000},
		"all retried":     {1000, 64, chat.MaxQPS, first(2, chattest.Fault{Code: 60008}), 3000},
		"all sent again":  {1000, 512, chat.MaxQPS, first(1, chattest.Fault{Drop: true}), 2000},
		"an odd rate":     {300, 64, 7, first(2, chattest.Fault{Code: 60008}), 900},
		"one in a second": {20, 8, 1, nil, 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := chattest.New(chattest.Options{Now: now, QPS: test.qps, Fault: test.fault})
				queue := make(chan chattest.App, test.apps)
				var apps []chattest.App
				for i := range test.apps {
					apps = append(apps, chattest.App{ID: 1400000000 + int64(i), Key: key})
					queue <- apps[i]
				}
				close(queue)
				s.SetApps(apps...)
				s.SetData(func(chattest.App, stats.Day, time.Time) map[string]any { return nil }) // rows cost the most and say nothing here
				c := chat.NewClient(inProcess{s}, test.qps, unwatched)
				start := time.Now()
				var wg sync.WaitGroup
				for range test.workers {
					wg.Go(func() {
						for a := range queue {
							if _, err := c.AppInfo(t.Context(), client(a), nil); err != nil {
								t.Error(err)
							}
						}
					})
				}
				wg.Wait()
				calls, retries := c.Requests()
				if calls != int64(test.calls) || retries != int64(test.calls-test.apps) {
					t.Errorf("%d calls and %d retries counted", calls, retries)
				}
				windows(t, s.Calls(), test.qps)
				if s.PeakPerSecond() > test.qps {
					t.Errorf("the emulator saw %d calls in a second", s.PeakPerSecond())
				}
				// The limit is used: more than twice the time that it takes is no limiter's.
				if took, least := time.Since(start), time.Duration(test.calls)*time.Second/time.Duration(test.qps); took > 2*least+2*time.Second {
					t.Errorf("took %v, where the limit asks for %v", took, least)
				}
			})
		})
	}
}

// first makes each app's first calls go wrong.
func first(n int, f chattest.Fault) func(chattest.Call) *chattest.Fault {
	return func(c chattest.Call) *chattest.Fault {
		if c.NApp <= n {
			return &f
		}
		return nil
	}
}

// windows holds each second that begins with a call, the first one too, to so many calls.
func windows(t *testing.T, calls []chattest.Call, most int) {
	t.Helper()
	slices.SortFunc(calls, func(a, b chattest.Call) int { return a.At.Compare(b.At) })
	for i := range calls {
		if j := i + most; j < len(calls) && calls[j].At.Sub(calls[i].At) < time.Second {
			t.Fatalf("calls %d to %d, %d of them, come within %v", i+1, j+1, most+1, calls[j].At.Sub(calls[i].At))
		}
	}
}

// TestBeforeTheTurn: an app whose turn does not come costs no call, and does not blame the API.
func TestBeforeTheTurn(t *testing.T) {
	for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"over before": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx, cancel
		},
		"a deadline that is too near": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 900*time.Millisecond)
		},
		"cancelled while it waits": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(900*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := emulator(nil)
				c := chat.NewClient(inProcess{s}, 1, unwatched)
				if _, err := c.AppInfo(t.Context(), client(even), nil); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := end(t.Context())
				defer cancel()
				start := time.Now()
				answer, err := c.AppInfo(ctx, client(odd), nil)
				var failed *chat.Error
				if !errors.As(err, &failed) || failed.Attempts != 0 || answer.Attempts != 0 || !failed.Retryable || failed.AppID != odd.ID {
					t.Fatalf("got %+v, %v", failed, err)
				}
				if !strings.Contains(err.Error(), "before this app's turn") || failed.Advice == "" {
					t.Errorf("does not say why, or what to do: %v", err)
				}
				if calls, retries := c.Requests(); calls != 1 || retries != 0 || len(s.Calls()) != 1 {
					t.Errorf("%d calls, %d retries counted", calls, retries)
				}
				if took := time.Since(start); took > 900*time.Millisecond {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// Requests counts calls that failed, too, over all apps.
func TestRequestsCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := emulator(func(c chattest.Call) *chattest.Fault {
			if c.App == odd.ID {
				return &chattest.Fault{Status: http.StatusBadGateway}
			}
			return nil
		})
		c := chat.NewClient(inProcess{s}, chat.MaxQPS, unwatched)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { _, _ = c.AppInfo(t.Context(), client(even), nil) })
			wg.Go(func() { _, _ = c.AppInfo(t.Context(), client(odd), nil) })
		}
		wg.Wait()
		if calls, retries := c.Requests(); calls != 10+40 || retries != 30 || len(s.Calls()) != 50 {
			t.Errorf("%d calls, %d retries counted, %d arrived", calls, retries, len(s.Calls()))
		}
	})
}

// TestLongQueue: an app that waits long for its turn is tried again like any other.
func TestLongQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := emulator(func(c chattest.Call) *chattest.Fault {
			if c.App == odd.ID && c.NApp == 1 {
				return &chattest.Fault{Code: 60008}
			}
			return &chattest.Fault{Body: []byte(`{"ErrorCode":0}`)}
		})
		c := chat.NewClient(inProcess{s}, 1, unwatched)
		var wg sync.WaitGroup
		for range 20 * 60 {
			wg.Go(func() { _, _ = c.AppInfo(t.Context(), client(even), nil) })
		}
		synctest.Wait()
		if answer, err := c.AppInfo(t.Context(), client(odd), nil); err != nil || answer.Attempts != 2 {
			t.Errorf("%d attempts, %v", answer.Attempts, err)
		}
		wg.Wait()
	})
}
