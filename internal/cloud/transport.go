package cloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"chatlake/internal/secret"
)

const maxAnswer = 4 << 20 // a secret is at most 32 KB, the result of a DDL statement a few lines

// guard stands between the SDK and the network. It bounds the body, which the SDK reads without limit and puts whole
// into its errors; and it passes no header on, so that nothing makes the SDK follow a redirect with the session
// token, unpack an encoding or start reading events.
type guard struct {
	next http.RoundTripper
	sent *signatures
}

func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	_, signature, _ := strings.Cut(req.Header.Get("Authorization"), "Signature=")
	g.sent.add(signature)
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer broke off: %w", err)
	case len(body) > maxAnswer:
		return nil, &oddAnswer{resp.StatusCode, nil}
	case resp.StatusCode != http.StatusOK || !json.Valid(body):
		return nil, &oddAnswer{resp.StatusCode, body}
	}
	return &http.Response{
		Status: resp.Status, StatusCode: resp.StatusCode, Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Request: req,
	}, nil
}

// signatures are those of a client's calls, of which a run makes few: a later message may echo one.
type signatures struct {
	mu   sync.Mutex
	list []secret.String
}

func (s *signatures) add(signature string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, secret.New(signature))
}

func (s *signatures) all() []secret.String {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// oddAnswer is an answer that is not 200 with JSON. The API answers errors with 200, so this is most often another server's.
type oddAnswer struct {
	status int
	body   []byte // never printed
}

func (e *oddAnswer) Error() string { return fmt.Sprintf("HTTP %d", e.status) }

// answer is the SDK's view of a response: it keeps the body as it came, since the SDK's own reads all numbers as floats.
type answer struct{ body []byte }

// ParseErrorFromHTTPResponse is called with the whole body, after the SDK found no API error in it.
func (a *answer) ParseErrorFromHTTPResponse(body []byte) error {
	a.body = body
	return nil
}

func (a *answer) UnmarshalJSON([]byte) error { return nil }
