package costest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/cos-go-sdk-v5"

	"chatlake/storage/costest"
)

func TestFault(t *testing.T) {
	slow := costest.Fault{Status: http.StatusServiceUnavailable, Code: "SlowDown"}
	tests := []struct {
		name   string
		fault  costest.Fault
		stored bool
		status int // 0: no answer
	}{
		{"refused", slow, false, 503},
		{"served, then refused", costest.Fault{Status: 503, Code: "SlowDown", After: true}, true, 503},
		{"dropped", costest.Fault{Drop: true}, false, 0},
		{"served, then dropped", costest.Fault{Drop: true, After: true}, true, 0},
		{"served, answer lost", costest.Fault{After: true}, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, base := start(t, costest.Options{Fault: func(r costest.Request) costest.Fault {
				if r.Method == http.MethodPut && r.N == 1 {
					return tt.fault
				}
				return costest.Fault{}
			}})
			c := dial(t, base, permanent)
			_, err := c.Object.Put(t.Context(), "k", strings.NewReader("x"), nil)
			if tt.status != 0 {
				wantError(t, err, tt.status, "SlowDown")
			} else if _, answered := cos.IsCOSError(err); err == nil || answered {
				t.Errorf("error %v, want a lost connection", err)
			}
			if _, ok := s.Get("k"); ok != tt.stored {
				t.Errorf("stored is %v", ok)
			}
			if _, err := c.Object.Put(t.Context(), "k", strings.NewReader("x"), nil); err != nil {
				t.Errorf("the next request: %v", err)
			}
			if got := s.Requests(); len(got) != 2 || got[1].N != 2 || got[0].Key != "k" || got[0].Method != http.MethodPut {
				t.Errorf("requests %+v", got)
			}
		})
	}
}

func TestFaultMayUseTheServer(t *testing.T) {
	s, base := start(t, costest.Options{})
	s.SetFault(func(r costest.Request) costest.Fault {
		s.Put(r.Key, []byte("someone else's"))
		return costest.Fault{}
	})
	_, err := dial(t, base, permanent).Object.Put(t.Context(), "k", strings.NewReader("x"), forbid())
	wantError(t, err, http.StatusConflict, "FileAlreadyExists")
}

func TestDelayEndsWithTheRequest(t *testing.T) {
	s, base := start(t, costest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	s.SetFault(func(costest.Request) costest.Fault {
		cancel()
		return costest.Fault{Delay: time.Hour}
	})
	if _, err := dial(t, base, permanent).Object.Put(ctx, "k", strings.NewReader("x"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, ok := s.Get("k"); ok {
		t.Error("stored although the client was gone")
	}
}

func TestCorrupt(t *testing.T) {
	s, base := start(t, costest.Options{Fault: func(costest.Request) costest.Fault { return costest.Fault{Corrupt: true} }})
	s.Put("k", []byte("some bytes"))
	c := dial(t, base, permanent)
	res, err := c.Object.Get(t.Context(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	if err != nil || string(got) == "some bytes" || len(got) != len("some bytes") {
		t.Errorf("%q, %v", got, err)
	}
	clean, err := c.Object.Head(t.Context(), "k", nil)
	if err != nil || clean.Header.Get("x-cos-hash-crc64ecma") != res.Header.Get("x-cos-hash-crc64ecma") {
		t.Errorf("the checksum changed too: %v", err)
	}
	if kept, _ := s.Get("k"); string(kept) != "some bytes" {
		t.Errorf("the stored object became %q", kept)
	}
}

// The SDK's client works on the handler itself too, without a connection.
func TestDirectly(t *testing.T) {
	s := costest.New(costest.Options{Credentials: []costest.Credentials{permanent}})
	c := dialThrough(t, "http://bucket.example", permanent, roundTrip(func(r *http.Request) (*http.Response, error) {
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		res := rec.Result()
		res.Request = r
		return res, nil
	}))
	if _, err := c.Object.Put(t.Context(), "k", strings.NewReader("x"), nil); err != nil {
		t.Error(err)
	}
	if res, err := c.Object.Get(t.Context(), "k", nil); err != nil || res.Header.Get("ETag") == "" {
		t.Errorf("%v", err)
	}
}

// A handler that is called directly has no connection to close.
func TestRecorder(t *testing.T) {
	s := costest.New(costest.Options{})
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/k", nil))
	if rec.Code != http.StatusForbidden || !strings.Contains(rec.Body.String(), "<Code>AccessDenied</Code>") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	s.SetFault(func(costest.Request) costest.Fault { return costest.Fault{Drop: true} })
	defer func() {
		if got := recover(); got != http.ErrAbortHandler {
			t.Errorf("panic %v", got)
		}
	}()
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/k", nil))
}
