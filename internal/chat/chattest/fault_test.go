package chattest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/chat/chattest"
)

func faulty(f chattest.Fault) *chattest.Server {
	return chattest.New(chattest.Options{
		Apps: []chattest.App{even}, Now: fixed(now),
		Fault: func(chattest.Call) *chattest.Fault { return &f },
	})
}

func TestFaultAnswers(t *testing.T) {
	tests := map[string]struct {
		fault  chattest.Fault
		status int
		body   string
	}{
		"API error":          {chattest.Fault{Code: 60008, Info: "timeout"}, 200, `{"ActionStatus":"FAIL","ErrorCode":60008,"ErrorInfo":"timeout"}`},
		"HTTP error":         {chattest.Fault{Status: 502}, 502, "Bad Gateway"},
		"both":               {chattest.Fault{Status: 500, Code: 1}, 500, `{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":""}`},
		"body":               {chattest.Fault{Body: []byte("<html>")}, 200, "<html>"},
		"body and status":    {chattest.Fault{Body: []byte("x"), Status: 503}, 503, "x"},
		"empty body":         {chattest.Fault{Body: []byte{}}, 200, ""},
		"rows":               {chattest.Fault{Rows: func(r []map[string]any) []map[string]any { return []map[string]any{{"n": len(r)}} }}, 200, `{"ErrorCode":0,"ErrorInfo":"OK","Result":[{"n":30}]}`},
		"rows null":          {chattest.Fault{Rows: func([]map[string]any) []map[string]any { return nil }}, 200, `{"ErrorCode":0,"ErrorInfo":"OK","Result":null}`},
		"rows that can't be": {chattest.Fault{Rows: func([]map[string]any) []map[string]any { return []map[string]any{{"f": func() {}}} }}, 500, "the emulator's answer is no JSON: json: unsupported type: func()"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.fault.Header = http.Header{"X-Request-Id": {"1"}}
			w := httptest.NewRecorder()
			faulty(test.fault).ServeHTTP(w, good(t, even).request())
			if got := strings.TrimSpace(w.Body.String()); w.Code != test.status || got != test.body {
				t.Errorf("got %d %s, want %d %s", w.Code, got, test.status, test.body)
			}
			if w.Header().Get("X-Request-Id") != "1" {
				t.Error("the fault's header is missing")
			}
		})
	}
}

func TestFaultIsAskedAboutEachCall(t *testing.T) {
	s := chattest.New(chattest.Options{Apps: []chattest.App{even, odd}, Now: fixed(now)})
	s.SetFault(func(c chattest.Call) *chattest.Fault {
		if c.App == even.ID && c.NApp == 2 {
			return &chattest.Fault{Code: 60008}
		}
		return nil
	})
	good(t, even).do(t, s).serve(t, 30)
	good(t, odd).do(t, s).serve(t, 30)
	if got := good(t, even).do(t, s); got.ErrorCode != 60008 {
		t.Errorf("got %s", got.body)
	}
	good(t, even).do(t, s).serve(t, 30)
	s.SetFault(nil)
	good(t, even).do(t, s).serve(t, 30)
}

func TestRowsDoNotExcuseARequest(t *testing.T) {
	s := faulty(chattest.Fault{Rows: func(r []map[string]any) []map[string]any { return r }})
	c := good(t, even)
	c.body = "[]"
	c.do(t, s).refuse(t, 60003)
}

func TestDropAndHang(t *testing.T) {
	for name, fault := range map[string]chattest.Fault{"drop": {Drop: true}, "hang": {Hang: true}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // the client has gone
			defer func() {
				if v := recover(); v != http.ErrAbortHandler {
					t.Errorf("recovered %v", v)
				}
			}()
			faulty(fault).ServeHTTP(httptest.NewRecorder(), good(t, even).request().WithContext(ctx))
			t.Error("answered")
		})
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		good(t, even).do(t, faulty(chattest.Fault{Delay: time.Hour})).serve(t, 30)
		if waited := time.Since(start); waited != time.Hour {
			t.Errorf("waited %v of the bubble's clock", waited)
		}
	})
}

// Over a connection, the faults of the transport are what a client sees of them.
func TestFaultsOverAConnection(t *testing.T) {
	short := http.Header{"Content-Length": {"100"}}
	for name, test := range map[string]struct {
		fault chattest.Fault
		want  error
	}{
		"drop":       {chattest.Fault{Drop: true}, io.EOF},
		"breaks off": {chattest.Fault{Body: []byte("{"), Header: short}, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(faulty(test.fault))
			defer server.Close()
			c := good(t, even)
			resp, err := server.Client().Post(server.URL+c.path+"?"+c.query.Encode(), c.contentType, strings.NewReader(c.body))
			if err == nil {
				defer resp.Body.Close()
				_, err = io.ReadAll(resp.Body)
			}
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestHangOverAConnection(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := chattest.New(chattest.Options{
		Apps: []chattest.App{even},
		Fault: func(chattest.Call) *chattest.Fault {
			cancel()
			return &chattest.Fault{Hang: true}
		},
	})
	server := httptest.NewServer(s)
	defer server.Close() // returns only when the call has ended
	c := good(t, even)
	r, err := http.NewRequestWithContext(ctx, c.method, server.URL+c.path+"?"+c.query.Encode(), strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := server.Client().Do(r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", resp, err)
	}
}
