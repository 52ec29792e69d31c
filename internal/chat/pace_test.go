package chat_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/chat"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

// pullAll pulls so many apps side by side and returns how many could be, and one of the errors.
func pullAll(t *testing.T, s *chattest.Server, c *chat.Client, apps int) (ok int, failed *chat.Error) {
	t.Helper()
	queue := make(chan chattest.App, apps)
	var all []chattest.App
	for i := range apps {
		all = append(all, chattest.App{ID: 1400000000 + int64(i), Key: key})
		queue <- all[i]
	}
	close(queue)
	s.SetApps(all...)
	s.SetData(func(chattest.App, stats.Day, time.Time) map[string]any { return nil })
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range 64 {
		wg.Go(func() {
			for a := range queue {
				_, err := c.AppInfo(t.Context(), client(a), nil)
				mu.Lock()
				if err == nil {
					ok++
				} else {
					errors.As(err, &failed)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return ok, failed
}

// TestAnOutageIsNotMultiplied: with four calls an app, 1,000 apps would make 4,000.
func TestAnOutageIsNotMultiplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := chattest.New(chattest.Options{Now: now, Fault: always(chattest.Fault{Status: 503})})
		c := chat.NewClient(inProcess{s}, chat.MaxQPS, unwatched)
		ok, failed := pullAll(t, s, c, 1000)
		if calls, _ := c.Requests(); ok != 0 || calls > 2100 {
			t.Errorf("%d pulled with %d calls", ok, calls)
		}
		if !failed.Retryable || !strings.Contains(failed.Error(), "too many apps") {
			t.Errorf("the last error: %v", failed)
		}
	})
}

// TestTheWholeRunSlowsDown: for two seconds the API finds every call one too many.
func TestTheWholeRunSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := chattest.New(chattest.Options{Now: now, Fault: func(chattest.Call) *chattest.Fault {
			if time.Since(start) < 2*time.Second {
				return &chattest.Fault{Code: 60011}
			}
			return nil
		}})
		c := chat.NewClient(inProcess{s}, chat.MaxQPS, unwatched)
		ok, _ := pullAll(t, s, c, 2000)
		if ok != 2000 {
			t.Errorf("%d of 2000 pulled", ok)
		}
		perSecond := make(map[int]int)
		last := 0
		for _, call := range s.Calls() {
			second := int(call.At.Sub(start) / time.Second)
			perSecond[second]++
			last = max(last, second)
		}
		if perSecond[2] > chat.MaxQPS*2/3 {
			t.Errorf("%d calls in the third second: the run did not slow down: %v", perSecond[2], perSecond)
		}
		if perSecond[last-1] < chat.MaxQPS*9/10 {
			t.Errorf("%d calls in a late second: the run did not recover: %v", perSecond[last-1], perSecond)
		}
	})
}
