package storage_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/storage"
	"chatlake/storage/costest"
)

func TestCOSListsManyPages(t *testing.T) {
	s := costest.New(costest.Options{Credentials: accepted()})
	var keys []string
	for i := range 2500 {
		key := fmt.Sprintf("p/日志 %05d+%%", i)
		s.Put(key, nil)
		keys = append(keys, key)
	}
	s.Put("q", nil)
	store, transport := cosOf(s)
	for skip, pages := range map[int]int{0: 3, 1: 3, 600: 2, 2400: 1, 2500: 1} {
		after := ""
		if skip > 0 {
			after = keys[skip-1]
		}
		before := len(transport.sent())
		got, err := store.List(t.Context(), "p/", after)
		if err != nil || !slices.Equal(got, keys[skip:]) {
			t.Errorf("after %q: got %d keys, %v, want %d", after, len(got), err, len(keys)-skip)
		}
		if n := len(transport.sent()) - before; n != pages {
			t.Errorf("after %q: asked for %d pages, want %d", after, n, pages)
		}
	}
}

// TestCOSClock has a machine whose clock is wrong, and a lease that must not be taken for over too early.
func TestCOSClock(t *testing.T) {
	for _, skew := range []time.Duration{0, 90 * time.Second, -90 * time.Second, 300 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			server := func() time.Time { return time.Now().Add(skew) }
			s := costest.New(costest.Options{Credentials: accepted(), Now: server})
			store := storage.NewCOS(bucketURL, keys(), &inProcess{handler: s})
			check := func(what string) {
				t.Helper()
				if behind := server().Sub(store.Now()); behind < 0 || behind > time.Second {
					t.Errorf("skew %v, %s: the clock is %v behind the server's", skew, what, behind)
				}
			}
			put(t, store, "x", nil)
			check("after an answer")
			time.Sleep(1300 * time.Millisecond) // of the bubble
			check("a while later")
			if _, err := store.Get(t.Context(), "none"); err == nil {
				t.Error("no error")
			}
			check("after a refusal")
		})
	}
}
