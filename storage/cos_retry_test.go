package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/storage"
	"chatlake/storage/costest"
)

const objectKey = "chat/app_daily_stats/dt=2026-11-24/part-0.parquet"

var object = bytes.Repeat([]byte("object "), 1000)

// bucket returns an emulator that has the object and fails as the function says.
func bucket(fault func(costest.Request) costest.Fault) *costest.Server {
	s := costest.New(costest.Options{Credentials: accepted(), Fault: fault})
	s.Put(objectKey, object)
	return s
}

// operations are the methods by their verbs, each checking what a success must have done.
var operations = map[string]func(context.Context, *testing.T, storage.Store, *costest.Server) error{
	"read": func(ctx context.Context, t *testing.T, store storage.Store, _ *costest.Server) error {
		got, err := store.Get(ctx, objectKey)
		if err == nil && !bytes.Equal(got, object) {
			t.Errorf("read %d bytes that are not the object", len(got))
		}
		return err
	},
	"write": func(ctx context.Context, t *testing.T, store storage.Store, s *costest.Server) error {
		body := bytes.Repeat([]byte("another "), 5000)
		err := store.Put(ctx, objectKey, body)
		if got, _ := s.Get(objectKey); err == nil && !bytes.Equal(got, body) {
			t.Errorf("wrote %d bytes that are not the body", len(got))
		}
		return err
	},
	"create": func(ctx context.Context, t *testing.T, store storage.Store, s *costest.Server) error {
		key, body := objectKey+".new", []byte("created")
		err := store.Create(ctx, key, body)
		got, _ := s.Get(key)
		if err == nil && !bytes.Equal(got, body) {
			t.Errorf("created %d bytes that are not the body", len(got))
		}
		if errors.Is(err, storage.ErrExist) && bytes.Equal(got, body) {
			return nil // an attempt whose answer was lost has made it
		}
		return err
	},
	"list": func(ctx context.Context, t *testing.T, store storage.Store, _ *costest.Server) error {
		got, err := store.List(ctx, objectKey, "")
		if err == nil && !slices.Equal(got, []string{objectKey}) {
			t.Errorf("listed %q", got)
		}
		return err
	},
}

func TestCOSRetries(t *testing.T) {
	faults := map[string]costest.Fault{
		"500":               {Status: 500, Code: "InternalError"},
		"502":               {Status: 502},
		"503":               {Status: 503, Code: "SlowDown"},
		"504":               {Status: 504},
		"503, after effect": {Status: 503, Code: "ServiceUnavailable", After: true},
		"dropped":           {Drop: true},
		"dropped after":     {Drop: true, After: true},
		"silent":            {Delay: time.Hour},
	}
	for name, fault := range faults {
		for verb, operation := range operations {
			t.Run(name+"/"+verb, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := bucket(func(r costest.Request) costest.Fault {
						if r.N <= 2 {
							return fault
						}
						return costest.Fault{}
					})
					store, transport := cosOf(s)
					if err := operation(t.Context(), t, store, s); err != nil {
						t.Error(err)
					}
					sent := transport.sent()
					if len(sent) != 3 {
						t.Errorf("made %d attempts, want 3", len(sent))
					}
					for i, body := range sent {
						if !bytes.Equal(body, sent[0]) {
							t.Errorf("attempt %d sent %d bytes, the first one %d", i+1, len(body), len(sent[0]))
						}
					}
				})
			})
		}
	}
}

func TestCOSDoesNotRetry(t *testing.T) {
	for name, fault := range map[string]costest.Fault{
		"400": {Status: 400, Code: "InvalidArgument"},
		"403": {Status: 403, Code: "AccessDenied"},
		"404": {Status: 404, Code: "NoSuchBucket"},
		"409": {Status: 409, Code: "PathConflict"},
		"451": {Status: 451, Code: "UnavailableForLegalReasons"},
	} {
		for verb, operation := range operations {
			t.Run(name+"/"+verb, func(t *testing.T) {
				s := bucket(func(costest.Request) costest.Fault { return fault })
				store, transport := cosOf(s)
				var answer *storage.COSError
				if err := operation(t.Context(), t, store, s); !errors.As(err, &answer) {
					t.Errorf("got %v, want a COSError", err)
				} else if answer.Status != fault.Status || answer.Code != fault.Code {
					t.Errorf("got %+v, want %+v", answer, fault)
				}
				if n := len(transport.sent()); n != 1 {
					t.Errorf("made %d attempts, want 1", n)
				}
			})
		}
	}
}

func TestCOSGivesUp(t *testing.T) {
	for name, fault := range map[string]costest.Fault{
		"503": {Status: 503, Code: "SlowDown"}, "dropped": {Drop: true}, "silent": {Delay: 24 * time.Hour},
	} {
		for verb, operation := range operations {
			t.Run(name+"/"+verb, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := bucket(func(costest.Request) costest.Fault { return fault })
					store, transport := cosOf(s)
					started := time.Now()
					err := operation(t.Context(), t, store, s)
					if err == nil || !strings.Contains(err.Error(), verb+" "+objectKey) || errors.Is(err, storage.ErrNotExist) {
						t.Errorf("got %v, want an error that names what failed", err)
					}
					if n := len(transport.sent()); n < 3 || n > 10 {
						t.Errorf("made %d attempts", n)
					}
					if took := time.Since(started); took > 5*time.Minute {
						t.Errorf("took %v", took)
					}
				})
			})
		}
	}
}

func TestCOSPauses(t *testing.T) {
	// Many functions that fail at once must not come back at once.
	first := make(map[time.Duration]bool)
	for range 10 {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var at []time.Time
			store, _ := cosOf(bucket(func(costest.Request) costest.Fault {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Now())
				return costest.Fault{Status: 503, Code: "SlowDown"}
			}))
			if _, err := store.Get(t.Context(), objectKey); err == nil {
				t.Fatal("no error")
			}
			for i := range at[1:] {
				if pause := at[i+1].Sub(at[i]); pause <= 0 || pause > 10*time.Second {
					t.Errorf("pause %d was %v", i+1, pause)
				}
			}
			first[at[1].Sub(at[0])] = true
			if early, late := at[1].Sub(at[0]), at[len(at)-1].Sub(at[len(at)-2]); late <= early {
				t.Errorf("the pauses do not grow: %v at first, %v at last", early, late)
			}
		})
	}
	if len(first) < 5 {
		t.Errorf("10 clients made only %d different pauses", len(first))
	}
}

func TestCOSHearsTheContext(t *testing.T) {
	cancelled := func(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(after, cancel)
		return ctx, cancel
	}
	tests := map[string]struct {
		fault costest.Fault
		end   func(context.Context, time.Duration) (context.Context, context.CancelFunc)
		after time.Duration
		want  error
	}{
		"cancelled in a pause":   {costest.Fault{Status: 503}, cancelled, 20 * time.Millisecond, context.Canceled},
		"deadline in a pause":    {costest.Fault{Drop: true}, context.WithTimeout, 20 * time.Millisecond, context.DeadlineExceeded},
		"cancelled in a request": {costest.Fault{Delay: time.Hour}, cancelled, 3 * time.Second, context.Canceled},
		"deadline in a request":  {costest.Fault{Delay: time.Hour}, context.WithTimeout, 3 * time.Second, context.DeadlineExceeded},
	}
	for name, test := range tests {
		for verb, operation := range operations {
			t.Run(name+"/"+verb, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := bucket(func(costest.Request) costest.Fault { return test.fault })
					store, _ := cosOf(s)
					started := time.Now()
					ctx, cancel := test.end(t.Context(), test.after)
					defer cancel()
					err := operation(ctx, t, store, s)
					if took := time.Since(started); took != test.after {
						t.Errorf("ended after %v, want %v", took, test.after)
					}
					if !errors.Is(err, test.want) || !strings.Contains(err.Error(), verb+" "+objectKey) {
						t.Errorf("got %v, want %v and what failed", err, test.want)
					}
				})
			})
		}
	}
}

func TestCOSCorruptAnswers(t *testing.T) {
	for name, corrupt := range map[string]int{"once": 1, "always": 1000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, transport := cosOf(bucket(func(r costest.Request) costest.Fault {
					return costest.Fault{Corrupt: r.N <= corrupt}
				}))
				got, err := store.Get(t.Context(), objectKey)
				switch {
				case corrupt == 1 && (err != nil || !bytes.Equal(got, object)):
					t.Errorf("got %d bytes, %v", len(got), err)
				case corrupt > 1 && (err == nil || got != nil || !strings.Contains(err.Error(), "CRC64")):
					t.Errorf("got %d bytes, %v, want an error of the checksum", len(got), err)
				}
				if n := len(transport.sent()); n < 2 {
					t.Errorf("made %d attempts", n)
				}
			})
		})
	}
}

// tamper changes what the bucket answers on the way, at the first so many requests.
func tamper(next http.Handler, times int, change func(*http.Response)) http.RoundTripper {
	inner := &inProcess{handler: next}
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		resp, err := inner.RoundTrip(req)
		if times--; err == nil && times >= 0 {
			change(resp)
		}
		return resp, err
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// cut is a body that breaks off, or hangs until the request's context ends.
type cut struct {
	io.Reader
	ctx context.Context
}

func (c cut) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != io.EOF {
		return n, err
	}
	if c.ctx == nil {
		return n, io.ErrUnexpectedEOF
	}
	<-c.ctx.Done()
	return n, c.ctx.Err()
}

func (c cut) Close() error { return nil }

func TestCOSTamperedAnswers(t *testing.T) {
	tests := map[string]struct {
		verb   string
		change func(*http.Response)
	}{
		"a body that breaks off": {"read", func(r *http.Response) { r.Body = cut{io.LimitReader(r.Body, 100), nil} }},
		"a body that hangs":      {"read", func(r *http.Response) { r.Body = cut{io.LimitReader(r.Body, 100), r.Request.Context()} }},
		"a shorter body":         {"read", func(r *http.Response) { r.Body = io.NopCloser(io.LimitReader(r.Body, 100)) }},
		"a write's checksum":     {"write", func(r *http.Response) { r.Header.Set("x-cos-hash-crc64ecma", "1") }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := bucket(nil)
				store := storage.NewCOS(bucketURL, keys(), tamper(s, 2, test.change))
				if err := operations[test.verb](t.Context(), t, store, s); err != nil {
					t.Error(err)
				}
				if n := len(s.Requests()); n != 3 {
					t.Errorf("made %d attempts, want 3", n)
				}
			})
		})
	}
}
