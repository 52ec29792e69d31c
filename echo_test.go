package main_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"chatlake/internal/scftest"
)

// TestBytesSentUnasked: a server that sends the UserSig once more behind its answer has it in no log.
func TestBytesSentUnasked(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go http.Serve(l, http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		const answer = `{"ErrorCode":0,"Result":[]}`
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%sunasked %s", len(answer), answer, req.URL)
	}))
	p := newPlatform(t)
	p.role(0)
	p.env["CHATLAKE_APPS"] = fmt.Sprintf(`[{"sdk_app_id":1400000001,"secret_key":"secret-of-app-1","endpoint":"http://%s"}]`, l.Addr())
	function, err := scftest.Start(t.Context(), binary(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := function.Invoke(scftest.Invocation{Environment: p.env, Deadline: time.Now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	function.Stop() // and has written its log
	if log := string(function.Log()); strings.Contains(log, "unasked") || strings.Contains(log, "usersig") || !strings.Contains(log, "run summary") {
		t.Errorf("the log is %s", log)
	}
}
