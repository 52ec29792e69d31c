package storage_test

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"chatlake/internal/secret"
	"chatlake/storage"
	"chatlake/storage/costest"
)

// The characters are ones that every escaping changes.
const (
	secretID  = "AKIDexample0001"
	secretKey = `key/of+the=lake%"1`
	token     = "token/of+a=role==&x"
)

func keys() secret.Keys {
	return secret.Keys{ID: secret.New(secretID), Key: secret.New(secretKey), Token: secret.New(token)}
}

func accepted() []costest.Credentials {
	return []costest.Credentials{{SecretID: secretID, SecretKey: secretKey, SessionToken: token}}
}

// inProcess serves requests by calling a handler, without a connection: in a bubble of testing/synctest, time goes on
// while nothing but timers is waited for. It keeps the bodies that were sent.
type inProcess struct {
	handler http.Handler

	mu     sync.Mutex
	bodies [][]byte
}

func (p *inProcess) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var body []byte
	if req.Body != nil {
		defer req.Body.Close()
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	p.bodies = append(p.bodies, body)
	p.mu.Unlock()
	defer func() {
		switch e := recover(); e {
		case nil:
		case http.ErrAbortHandler:
			resp, err = nil, cmp.Or(ctx.Err(), io.ErrUnexpectedEOF)
		default:
			panic(e)
		}
	}()
	served := req.Clone(ctx)
	served.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	p.handler.ServeHTTP(answer, served)
	resp = answer.Result()
	resp.Request = req
	return resp, nil
}

func (p *inProcess) sent() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bodies
}

var bucketURL = &url.URL{Scheme: "https", Host: "lake-1250000000.cos.ap-guangzhou.myqcloud.com"}

// cosOf returns the store of a bucket that the handler serves.
func cosOf(handler http.Handler) (*storage.COS, *inProcess) {
	transport := &inProcess{handler: handler}
	return storage.NewCOS(bucketURL, keys(), transport), transport
}

func TestCOS(t *testing.T) {
	testStore(t, func(t *testing.T) storage.Store {
		s, _ := cosOf(costest.New(costest.Options{Credentials: accepted()}))
		return s
	})
}

func TestCOSOverAConnection(t *testing.T) {
	testStore(t, func(t *testing.T) storage.Store {
		_, base, stop, err := costest.Start(costest.Options{Credentials: accepted()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		return storage.NewCOS(u, keys(), transport)
	})
}

func TestCOSDroppedConnections(t *testing.T) {
	// Every other request is cut off, one half of them after it took effect.
	s, base, stop, err := costest.Start(costest.Options{Credentials: accepted(), Fault: func(r costest.Request) costest.Fault {
		return costest.Fault{Drop: r.N%2 == 1, After: r.N%4 == 1}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	store := storage.NewCOS(u, keys(), transport)
	body := bytes.Repeat([]byte("0123456789"), 30_000)
	for _, key := range []string{"a", "b"} {
		put(t, store, key, body)
		wantObject(t, store, key, body)
		if got, _ := s.Get(key); !bytes.Equal(got, body) {
			t.Errorf("the bucket has %d bytes of %s, want %d", len(got), key, len(body))
		}
	}
}
