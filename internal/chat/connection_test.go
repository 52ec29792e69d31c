package chat_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"chatlake/internal/chat"
	"chatlake/internal/chat/chattest"
)

// gzip and broken answers need a real transport: it has the client's own part in both.
func TestOverAConnection(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(chattest.Sample())
	_ = z.Close()
	gzipped := http.Header{"Content-Encoding": {"gzip"}, "Content-Type": {"application/json"}}
	for name, test := range map[string]struct {
		fault chattest.Fault
		check func(pull)
	}{
		"gzip": {chattest.Fault{Body: packed.Bytes(), Header: gzipped}, func(p pull) {
			if n := p.ok(t, 1); n != 1 || !bytes.Equal(p.body(), chattest.Sample()) {
				t.Errorf("%d entries of %q", n, p.body())
			}
		}},
		"cut gzip": {
			chattest.Fault{Body: packed.Bytes()[:packed.Len()/2], Header: gzipped},
			func(p pull) { p.failed(t, 4, true, "chat.example") },
		},
		"breaks off": {
			chattest.Fault{Body: chattest.Sample()[:300], Header: http.Header{"Content-Length": {"1000"}}},
			func(p pull) { p.failed(t, 4, true, "EOF", "chat.example") },
		},
		"drop": {chattest.Fault{Drop: true}, func(p pull) { p.failed(t, 4, true, "EOF", "chat.example") }},
		"hang": {chattest.Fault{Hang: true}, func(p pull) { p.failed(t, 4, true, "time", "chat.example") }},
		"good": {chattest.Fault{}, func(p pull) { p.ok(t, 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := client(even)
				app.Endpoint = "http://chat.example"
				test.check(overPipes(t, emulator(always(test.fault)), app))
			})
		})
	}
}

// overPipes pulls through net/http's own transport and server, on connections within the process.
func overPipes(t *testing.T, h http.Handler, app chat.App) pull {
	t.Helper()
	pipes := pipes{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: h}
	ended := make(chan error)
	go func() { ended <- server.Serve(pipes) }()
	transport := &http.Transport{DialContext: pipes.dial}
	p := pullThrough(t.Context(), t, transport, app)
	transport.CloseIdleConnections()
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	<-ended
	return p
}

// pipes is a listener whose connections are pipes.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.closed)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
