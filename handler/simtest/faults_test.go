package simtest_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"chatlake/internal/chat/chattest"
)

// kind is how a request fails.
type kind string

const (
	fine         kind = ""
	refused      kind = "503 before its effect"
	refusedAfter kind = "500 after its effect"
	reset        kind = "a reset before its effect"
	lost         kind = "a lost answer"
	hangs        kind = "silence"
	flipped      kind = "a flipped bit"
	cut          kind = "a body that breaks off"
	chatFault    kind = "an answer of the API's that is no good"
)

// fate is what becomes of a request.
type fate struct {
	delay time.Duration
	stray bool // it lands also if its client gives it up meanwhile
	kind  kind
	chat  *chattest.Fault
	stuck bool // all requests of this name in this run fail
}

var (
	getKinds   = []kind{refused, reset, lost, hangs, flipped, cut}
	otherKinds = []kind{refused, refusedAfter, reset, lost, lost, hangs}
	chatKinds  = []kind{reset, lost, hangs, cut, chatFault, chatFault, chatFault, chatFault}
)

const (
	longestStray = 29 * time.Second // of the lease's margin of 30 s
	longestDelay = 15 * time.Second
)

// fateOf decides what becomes of a request. Some names fail at each attempt.
func (r *run) fateOf(q *request, dice *rand.Rand) (f fate) {
	share := r.faults * q.weight()
	if share == 0 {
		return f
	}
	if dice.Float64() < share/2 {
		f.delay = time.Duration(dice.Int64N(int64(longestDelay)))
		// On a bucket that ignores x-cos-forbid-overwrite the lease assumes that a create does not land late.
		if q.http.Method == http.MethodPut && !(q.isLock() && r.w.versioned) && dice.IntN(2) == 0 {
			f.delay, f.stray = time.Duration(dice.Int64N(int64(longestStray))), true
		}
	}
	for _, dice := range []*rand.Rand{r.w.roll("stuck", r.n, q.name), dice} {
		if dice.Float64() < share/4 {
			f.kind, f.chat = pickKind(q, dice)
		}
	}
	return f
}

// weight evens out that a run reads a month of days, most of which have nothing, and writes few.
func (q *request) weight() float64 {
	switch {
	case q.isLock():
		return 0.4
	case strings.HasPrefix(q.name, "GET app_daily_stats/"):
		return 0.4
	case strings.HasPrefix(q.name, "PUT app_daily_stats/"):
		return 2
	}
	return 1
}

func pickKind(q *request, dice *rand.Rand) (kind, *chattest.Fault) {
	kinds := otherKinds
	switch {
	case q.isChat():
		kinds = chatKinds
	case q.http.Method == http.MethodGet:
		kinds = getKinds
	}
	k := kinds[dice.IntN(len(kinds))]
	if k != chatFault {
		return k, nil
	}
	faults := []chattest.Fault{
		{Code: 60008},
		{Code: 70500},
		{Code: 60007},
		{Code: 60020},
		{Code: 99999},
		{Status: 502},
		{Status: 403},
		{Body: []byte("<html>gateway</html>")},
		{Body: []byte{}},
		{Body: []byte(`{"ErrorCode":0,"Result":[{"Da`)},
		{Body: []byte(`{"Result":[]}`)},
		{Body: []byte(`{"ErrorCode":0,"Result":"none"}`)},
	}
	return k, &faults[dice.IntN(len(faults))]
}

// meet lets a request meet its fate, and returns what its client sees.
func (w *world) meet(q *request) reply {
	switch f := q.fate; f.kind {
	case refused:
		return reply{resp: apology(q, http.StatusServiceUnavailable, "SlowDown")}
	case refusedAfter:
		w.land(q)
		return reply{resp: apology(q, http.StatusInternalServerError, "InternalError")}
	case reset:
		return reply{err: errReset}
	case lost:
		w.land(q)
		return reply{err: errReset}
	}
	resp := w.land(q)
	if q.fate.kind == flipped || q.fate.kind == cut {
		spoil(resp, q.fate.kind)
	} else if q.isChat() {
		w.answered(q, resp)
	}
	return reply{resp: resp}
}

// spoil damages a body on its way.
func spoil(resp *http.Response, how kind) {
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil || len(body) == 0 || resp.StatusCode != http.StatusOK:
		resp.Body = io.NopCloser(bytes.NewReader(body))
	case how == cut:
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), brokenOff{}))
	case resp.Header.Get("x-cos-hash-crc64ecma") != "": // else nobody could tell
		body[len(body)/2] ^= 1
		fallthrough
	default:
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
}

// apology is an error of COS (https://cloud.tencent.com/document/product/436/7730).
func apology(q *request, status int, code string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: q.http,
		Header: http.Header{"Content-Type": {"application/xml"}},
		Body:   io.NopCloser(strings.NewReader("<?xml version='1.0' encoding='utf-8' ?>\n<Error><Code>" + code + "</Code><Message>wait</Message></Error>")),
	}
}
