package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chatlake/storage"
)

// testStore holds a backend to what [storage.Store] promises. open returns an empty store.
func testStore(t *testing.T, open func(*testing.T) storage.Store) {
	for name, test := range map[string]func(*testing.T, storage.Store){
		"missing":        testMissing,
		"sizes":          testSizes,
		"odd keys":       testOddKeys,
		"replace":        testReplace,
		"common prefix":  testCommonPrefix,
		"own copies":     testOwnCopies,
		"cancelled":      testCancelled,
		"racing writers": testRacingWriters,
		"create":         testCreate,
		"racing creates": testRacingCreates,
		"list":           testList,
		"clock":          testClock,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func put(t *testing.T, s storage.Store, key string, body []byte) {
	t.Helper()
	if err := s.Put(t.Context(), key, body); err != nil {
		t.Fatal(err)
	}
}

func wantObject(t *testing.T, s storage.Store, key string, want []byte) {
	t.Helper()
	got, err := s.Get(t.Context(), key)
	if err != nil {
		t.Error(err)
	} else if !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes that are not the %d that were put", key, len(got), len(want))
	}
}

func testMissing(t *testing.T, s storage.Store) {
	check := func(key string) {
		t.Helper()
		_, err := s.Get(t.Context(), key)
		if !errors.Is(err, storage.ErrNotExist) {
			t.Fatalf("%s: got %v, want ErrNotExist", key, err)
		}
		if !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "read") {
			t.Errorf("%q names not both the operation and the key %s", err, key)
		}
	}
	check("table/dt=2026-11-24/part-0.parquet")
	put(t, s, "table/dt=2026-11-24/part-1.parquet", []byte("x"))
	check("table/dt=2026-11-24/part-0.parquet")
	check("table/dt=2026-11-25/part-1.parquet")
}

func testSizes(t *testing.T, s storage.Store) {
	for _, size := range []int{0, 1, 4095, 4096, 1<<20 + 1} {
		key := fmt.Sprintf("sizes/%d", size)
		body := bytes.Repeat([]byte{0, 255, 13, 10, 'x'}, size/5+1)[:size]
		put(t, s, key, body)
		wantObject(t, s, key, body)
	}
}

func testOddKeys(t *testing.T, s storage.Store) {
	keys := []string{
		"app_daily_stats/dt=2026-11-24/part-0.parquet", "one", "a b/c d", "日志/统计.json", "a+b", "a%20b", "100%",
		"a&b=c", "q?x=1", "h#x", "semi;colon", "quote'\"", "a:b@c", ".hidden", "é", "~(x)!*,$",
	}
	for _, key := range keys {
		put(t, s, key, []byte("at "+key))
	}
	for _, key := range keys {
		wantObject(t, s, key, []byte("at "+key))
	}
}

func testReplace(t *testing.T, s storage.Store) {
	for _, size := range []int{100, 100_000, 10, 0, 5} { // a shorter object keeps no tail of a longer one
		body := bytes.Repeat([]byte{byte(size)}, size)
		put(t, s, "replaced", body)
		wantObject(t, s, "replaced", body)
	}
}

func testCommonPrefix(t *testing.T, s storage.Store) {
	keys := []string{"t/dt=1/part-0", "t/dt=1/part-00", "t/dt=1/part", "t/dt=10/part-0", "t2/dt=1/part-0"}
	for i, key := range keys {
		put(t, s, key, []byte{byte(i)})
	}
	put(t, s, keys[0], []byte("new"))
	wantObject(t, s, keys[0], []byte("new"))
	for i, key := range keys[1:] {
		wantObject(t, s, key, []byte{byte(i + 1)})
	}
}

func testOwnCopies(t *testing.T, s storage.Store) {
	body := []byte("first")
	put(t, s, "own", body)
	copy(body, "XXXXX")
	got, err := s.Get(t.Context(), "own")
	if err != nil {
		t.Fatal(err)
	}
	copy(got, "YYYYY")
	wantObject(t, s, "own", []byte("first"))
}

func testCancelled(t *testing.T, s storage.Store) {
	const key = "cancelled/key"
	put(t, s, key, []byte("old"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, getErr := s.Get(ctx, key)
	_, listErr := s.List(ctx, key, "")
	for verb, err := range map[string]error{
		"read": getErr, "list": listErr, "write": s.Put(ctx, key, []byte("new")), "create": s.Create(ctx, key, []byte("new")),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", verb, err)
		} else if !strings.Contains(err.Error(), verb) || !strings.Contains(err.Error(), key) {
			t.Errorf("%q names not both %q and the key", err, verb)
		}
	}
	wantObject(t, s, key, []byte("old"))
}

// testRacingWriters puts bodies that tell their own length, so that a mixture of two shows.
func testRacingWriters(t *testing.T, s storage.Store) {
	const key, writers, rounds = "race/dt=2026-11-24/part-0", 4, 12
	version := func(writer, round int) []byte {
		n := writer*rounds + round + 1
		return bytes.Repeat([]byte{byte(n)}, n*997)
	}
	whole := func(body []byte) bool {
		return len(body) > 0 && len(body) == int(body[0])*997 && len(bytes.Trim(body, string(body[:1]))) == 0
	}
	put(t, s, key, version(0, 0))
	var all sync.WaitGroup
	for writer := range writers {
		all.Go(func() {
			for round := range rounds {
				if err := s.Put(t.Context(), key, version(writer, round)); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range rounds {
				if body, err := s.Get(t.Context(), key); err != nil {
					t.Error(err)
				} else if !whole(body) {
					t.Errorf("read %d bytes that are no whole version", len(body))
				}
			}
		})
	}
	all.Wait()
	body, err := s.Get(t.Context(), key)
	if err != nil || !whole(body) {
		t.Errorf("at last: %d bytes, %v", len(body), err)
	}
}

func testCreate(t *testing.T, s storage.Store) {
	const key = "create/dt=1/key"
	if err := s.Create(t.Context(), key, []byte("first")); err != nil {
		t.Fatal(err)
	}
	err := s.Create(t.Context(), key, []byte("second"))
	if !errors.Is(err, storage.ErrExist) || errors.Is(err, storage.ErrNotExist) {
		t.Fatalf("got %v, want ErrExist", err)
	}
	if !strings.Contains(err.Error(), "create "+key) {
		t.Errorf("%q names not both the operation and the key", err)
	}
	wantObject(t, s, key, []byte("first"))
	put(t, s, key, []byte("third"))
	wantObject(t, s, key, []byte("third"))
	put(t, s, "create/other", nil)
	if err := s.Create(t.Context(), "create/other", []byte("x")); !errors.Is(err, storage.ErrExist) {
		t.Errorf("over an empty object: got %v, want ErrExist", err)
	}
}

func testRacingCreates(t *testing.T, s storage.Store) {
	const creators = 8
	won := make(chan byte, creators)
	var all sync.WaitGroup
	for i := range byte(creators) {
		all.Go(func() {
			switch err := s.Create(t.Context(), "race/lock", bytes.Repeat([]byte{i}, 1000)); {
			case err == nil:
				won <- i
			case !errors.Is(err, storage.ErrExist):
				t.Error(err)
			}
		})
	}
	all.Wait()
	close(won)
	if len(won) != 1 {
		t.Fatalf("%d of %d creates succeeded, want one", len(won), creators)
	}
	wantObject(t, s, "race/lock", bytes.Repeat([]byte{<-won}, 1000))
}

func testList(t *testing.T, s storage.Store) {
	keys := []string{
		"l/dt=1/a", "l/dt=1/b", "l/dt=10/a", "l/dt=2/a b+c%20", "l/dt=2/日志", "l/dt=2/é&<x>", "l2/a", "m", "l-/x",
	}
	for _, key := range keys {
		put(t, s, key, []byte("x"))
	}
	slices.Sort(keys)
	for _, test := range []struct{ prefix, after string }{
		{"", ""},
		{"l", ""},
		{"l/", ""},
		{"l/dt=1", ""},
		{"l/dt=1/", ""},
		{"l/dt=2/", ""},
		{"l/", "l/dt=1/a"},
		{"l/", "l/dt=1/aa"},
		{"l/", "l/dt=2/日志"},
		{"l/dt=2/", "l/dt=2/a b+c%20"},
		{"", "l/dt=1/b"},
		{"l/", "zzz"},
		{"none/", ""},
		{"l/dt=1/a/", ""},
	} {
		var want []string
		for _, key := range keys {
			if strings.HasPrefix(key, test.prefix) && key > test.after {
				want = append(want, key)
			}
		}
		got, err := s.List(t.Context(), test.prefix, test.after)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q after %q: got %q, %v, want %q", test.prefix, test.after, got, err, want)
		}
	}
}

func testClock(t *testing.T, s storage.Store) {
	before := s.Now()
	put(t, s, "clock", nil)
	// The clocks here are all this machine's, of which a server tells whole seconds.
	if now := s.Now(); time.Since(now) > time.Minute || now.After(time.Now()) || before.After(time.Now()) {
		t.Errorf("the clock said %v, then %v", before, now)
	}
}
