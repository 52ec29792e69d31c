// Package costest serves one Tencent Cloud COS bucket from memory or from a folder, for tests and local runs.
//
// It is stricter than it is complete. It verifies each request's signature, answers with COS's own codes, and knows
// PUT, GET, HEAD and DELETE of an object, GET Bucket and GET Bucket versioning. Whatever else a request asks for by
// method, sub-resource or header gets an error of COS and never a silent success. A key may carry a CAM [Policy], which
// then holds for all that it does.
//
// Not kept are an object's metadata (Content-Type is application/octet-stream on reading), older versions, and ACLs.
// Listing and reads are consistent at once, which COS does not promise for listing
// (https://cloud.tencent.com/document/product/436/7734): a caller that passes here may still have to wait there.
// Nothing is synced to disk. Failures are what [Options.Fault] asks for; a failure of the disk is a 500 InternalError.
package costest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Credentials is one key that the bucket accepts.
type Credentials struct {
	SecretID, SecretKey string
	SessionToken        string  // empty for a permanent key
	Policy              *Policy // what the key may do; nil: everything
}

// Options are a bucket's settings. The zero value is an empty bucket that refuses everyone.
type Options struct {
	Credentials []Credentials
	Dir         string              // keeps objects as plain files below it, the key being the path; "" keeps them in memory
	Versioned   bool                // a bucket that ever had versioning: x-cos-forbid-overwrite is ignored in silence
	Now         func() time.Time    // the server's clock: Date, Last-Modified, expiry of signatures; nil is time.Now
	Fault       func(Request) Fault // asked once a request before it is served, from many goroutines; nil is none
}

// Request is what a request asked for, whether it was served or not.
type Request struct {
	Method string
	Key    string // decoded, without the leading slash; empty for the bucket
	Query  url.Values
	N      int // counts the server's requests from 1
}

// Server is the bucket, an [http.Handler] at the root of any host.
// Its methods may be called at any time, also from within a Fault function.
type Server struct {
	store     store
	now       func() time.Time
	versioned bool

	mu          sync.Mutex
	credentials []Credentials
	fault       func(Request) Fault
	requests    []Request
}

// New returns a bucket with what Dir already holds. It does not touch Dir before the first write.
func New(o Options) *Server {
	s := &Server{store: newMemory(), now: o.Now, versioned: o.Versioned, credentials: slices.Clone(o.Credentials), fault: o.Fault}
	if s.now == nil {
		s.now = time.Now
	}
	if o.Dir != "" {
		s.store = &folder{root: o.Dir}
	}
	return s
}

// Start serves a new bucket on a free port of 127.0.0.1. Its base URL has no trailing slash. Stop closes all
// connections and returns once the server has ended.
func Start(o Options) (s *Server, baseURL string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, fmt.Errorf("listen on loopback: %w", err)
	}
	s = New(o)
	srv := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	var done sync.WaitGroup
	done.Go(func() { _ = srv.Serve(l) })
	return s, "http://" + l.Addr().String(), func() { _ = srv.Close(); done.Wait() }, nil
}

// Get returns a copy of the object's body.
func (s *Server) Get(key string) ([]byte, bool) {
	o, err := s.store.get(key)
	return slices.Clone(o.body), err == nil
}

// Put stores an object past signature and faults. It panics where Dir cannot hold it.
func (s *Server) Put(key string, body []byte) {
	if _, err := s.store.put(key, newObject(slices.Clone(body), s.now()), false); err != nil {
		panic(fmt.Errorf("costest: put %q: %w", key, err))
	}
}

// Keys returns the keys with the prefix in the order of their bytes. It panics where Dir cannot be read.
func (s *Server) Keys(prefix string) []string {
	keys, err := s.store.keys()
	if err != nil {
		panic(fmt.Errorf("costest: list: %w", err))
	}
	return slices.DeleteFunc(keys, func(k string) bool { return !strings.HasPrefix(k, prefix) })
}

// Delete removes the object if it exists. It panics where Dir does not allow that.
func (s *Server) Delete(key string) {
	if err := s.store.delete(key); err != nil {
		panic(fmt.Errorf("costest: delete %q: %w", key, err))
	}
}

// Requests returns all requests so far, in the order of N, those refused or failed included.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// SetCredentials replaces the accepted keys.
func (s *Server) SetCredentials(c ...Credentials) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials = slices.Clone(c)
}

// SetFault replaces the function that is asked for faults; nil is none.
func (s *Server) SetFault(f func(Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// record logs the request and returns the fault that it is to meet.
func (s *Server) record(r *http.Request) (Request, Fault) {
	q := Request{Method: r.Method, Key: strings.TrimPrefix(r.URL.Path, "/"), Query: r.URL.Query()}
	s.mu.Lock()
	q.N = len(s.requests) + 1
	s.requests = append(s.requests, q)
	ask := s.fault
	s.mu.Unlock()
	if ask == nil {
		return q, Fault{}
	}
	return q, ask(q)
}

// ServeHTTP answers one request. An answer that is to be lost is a panic with [http.ErrAbortHandler], on which
// net/http closes the connection; whoever calls the handler directly recovers it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, f := s.record(r)
	body, err := readBody(r)
	f.wait(r.Context())
	res := f.apply(func() response {
		if err != nil {
			return refusal(err)
		}
		return s.serve(r, q, body)
	})
	s.write(w, r, q, res)
}

// serve verifies and authorizes the request, does it, and returns the answer.
func (s *Server) serve(r *http.Request, q Request, body []byte) response {
	key, err := s.verify(r)
	if err == nil {
		err = key.authorize(r, q)
	}
	var res response
	if err == nil {
		if q.Key == "" {
			res, err = s.serveBucket(r, q.Query)
		} else {
			res, err = s.serveObject(r, q, body)
		}
	}
	if errors.Is(err, errNoKey) {
		err = key.missing(r, q)
	}
	if err != nil {
		return refusal(err)
	}
	return res
}

// readBody reads all of the body, which a server has to before it can notice that the client is gone.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), err == nil && r.ContentLength > 0 && int64(len(body)) != r.ContentLength:
		return nil, &apiError{status: http.StatusBadRequest, code: "IncompleteBody", message: "The body is not as long as Content-Length says."}
	case err != nil:
		return nil, fmt.Errorf("read the body: %w", err)
	}
	return body, nil
}

// requestID makes an ID in COS's form, which repeats from run to run.
func requestID(n int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%08x_%08x", n, n))
}
