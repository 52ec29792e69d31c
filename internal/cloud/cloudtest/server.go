package cloudtest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"
)

// Server is the emulator of every service's host at once: an [http.Handler] that needs no listener, and an
// [http.RoundTripper] that serves a client in its own goroutine. It is safe for concurrent use.
type Server struct {
	o Options

	mu         sync.Mutex
	calls      []Call
	statements []Statement
	tasks      map[string]*task
}

var (
	_ http.Handler      = (*Server)(nil)
	_ http.RoundTripper = (*Server)(nil)
)

// New returns an emulator.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{o: o, tasks: make(map[string]*task)}
}

// SetFault replaces Options.Fault.
func (s *Server) SetFault(f func(Call) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.Fault = f
}

// Calls returns all calls so far in the order in which they arrived.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Statements returns the statements of all tasks so far.
func (s *Server) Statements() []Statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.statements)
}

// RoundTrip serves the request without a network; a call that is dropped is io.ErrUnexpectedEOF.
func (s *Server) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	in := req.Clone(req.Context())
	in.RequestURI = req.URL.RequestURI()
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	defer func() {
		if r := recover(); r != nil {
			if r != http.ErrAbortHandler {
				panic(r)
			}
			resp, err = nil, io.ErrUnexpectedEOF
			if ended := req.Context().Err(); ended != nil {
				err = ended
			}
		}
	}()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, in)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	resp = w.Result()
	resp.Request = req
	return resp, nil
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body []byte
	if r.Body != nil {
		const most = 10 << 20 // of a signed request
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, most)); err != nil {
			(&refusal{"RequestSizeLimitExceeded", "The request is too large."}).write(w, 0)
			return
		}
	}
	call, fault := s.arrive(r, body)
	if fault.answer(w, r) {
		return
	}
	answer, refused := s.serve(r, body, call, fault)
	if refused != nil {
		refused.write(w, 0)
		return
	}
	write(w, http.StatusOK, answer)
}

func (s *Server) arrive(r *http.Request, body []byte) (Call, Fault) {
	s.mu.Lock()
	call := Call{
		N:       len(s.calls) + 1,
		Service: parseAuthorization(r.Header.Get("Authorization")).service,
		Action:  r.Header.Get("X-TC-Action"), Version: r.Header.Get("X-TC-Version"), Region: r.Header.Get("X-TC-Region"),
		Header: r.Header.Clone(), Body: body, At: time.Now(),
	}
	s.calls = append(s.calls, call)
	ask := s.o.Fault
	s.mu.Unlock()
	if ask != nil {
		if f := ask(call); f != nil {
			return call, *f
		}
	}
	return call, Fault{}
}

// answer answers the call if the fault says how.
func (f Fault) answer(w http.ResponseWriter, r *http.Request) bool {
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
		}
	}
	if f.Hang && !f.Drop {
		<-r.Context().Done()
	}
	if f.Drop || f.Hang {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), f.Header)
	switch {
	case f.Body != nil:
		if f.Status != 0 {
			w.WriteHeader(f.Status)
		}
		_, _ = w.Write(f.Body) // the client may have gone
	case f.Code != "":
		(&refusal{f.Code, f.Message}).write(w, f.Status)
	case f.Status != 0:
		http.Error(w, http.StatusText(f.Status), f.Status)
	default:
		return false
	}
	return true
}

// refusal is an error of the API.
type refusal struct{ Code, Message string }

func refuse(code, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

func (r *refusal) write(w http.ResponseWriter, status int) {
	if status == 0 {
		status = http.StatusOK
	}
	write(w, status, map[string]any{"Error": r})
}

// requestID is one for all: a real one differs with each answer, which no client may rely on.
const requestID = "ed93f3cb-f35e-473f-b9f3-0d451b8b79c6"

func write(w http.ResponseWriter, status int, response map[string]any) {
	response["RequestId"] = requestID
	body, err := json.Marshal(map[string]any{"Response": response})
	if err != nil {
		panic(err) // only maps, strings and numbers come here
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone
}
