package chattest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

const key = "9b1f6c1c1d0e4d6e9a5a2f7c3b8d4e60"

var (
	even = chattest.App{ID: 1400000002, Key: key, Name: "青鸟客服", Company: "青鸟", Region: "singapore"}
	odd  = chattest.App{ID: 1400000003, Key: key + "x", Identifier: "ops", Region: "china"}
	// noon in Beijing
	now = time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC)
)

func fixed(t time.Time) func() time.Time { return func() time.Time { return t } }

// call is a request that the tables change in one place.
type call struct {
	method, path, contentType, body string
	query                           url.Values
	rawQuery                        string // instead of query
}

func sign(t *testing.T, id int64, key, identifier string, expire int) string {
	t.Helper()
	sig, err := tencentyun.GenUserSig(int(id), key, identifier, expire)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func good(t *testing.T, a chattest.App) *call {
	t.Helper()
	identifier := a.Identifier
	if identifier == "" {
		identifier = "administrator"
	}
	return &call{
		method: http.MethodPost, path: chattest.Path, contentType: "application/json", body: "{}",
		query: url.Values{
			"sdkappid":    {strconv.FormatInt(a.ID, 10)},
			"identifier":  {identifier},
			"usersig":     {sign(t, a.ID, a.Key, identifier, 86400)},
			"random":      {"4294967295"},
			"contenttype": {"json"},
		},
	}
}

func (c *call) request() *http.Request {
	query := c.rawQuery
	if query == "" {
		query = c.query.Encode()
	}
	r := httptest.NewRequest(c.method, c.path+"?"+query, strings.NewReader(c.body))
	if c.contentType != "" {
		r.Header.Set("Content-Type", c.contentType)
	}
	return r
}

type answer struct {
	status       int
	body         string
	ActionStatus string
	ErrorCode    int
	ErrorInfo    string
	Result       []map[string]any
}

func (c *call) do(t *testing.T, h http.Handler) answer {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, c.request())
	a := answer{status: w.Code, body: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("status %d, body %q: %v", w.Code, a.body, err)
	}
	return a
}

// refuse fails the test unless the answer is an API error with the code, and gives no secret away.
func (a answer) refuse(t *testing.T, code int) {
	t.Helper()
	if a.status != http.StatusOK || a.ErrorCode != code || a.ActionStatus != "FAIL" || a.ErrorInfo == "" || a.Result != nil {
		t.Errorf("got status %d, %.200s; want code %d", a.status, a.body, code)
	}
	if strings.Contains(a.body, key) {
		t.Errorf("the answer holds the key: %s", a.body)
	}
}

func (a answer) serve(t *testing.T, rows int) {
	t.Helper()
	if a.status != http.StatusOK || a.ErrorCode != 0 || a.ErrorInfo != "OK" || len(a.Result) != rows {
		t.Fatalf("got status %d, code %d %q, %d rows; want %d rows", a.status, a.ErrorCode, a.ErrorInfo, len(a.Result), rows)
	}
}

func day(t *testing.T, s string) stats.Day {
	t.Helper()
	d, err := stats.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
