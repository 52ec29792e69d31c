package faulttest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// networks are what can happen before HTTP. The empty one connects.
var networks = []string{
	"", "tls",
	"refused", "unreachable", "no-such-host", "dns-timeout", "dns-failure", "no-connection", "closed", "reset",
	"certificate-expired", "certificate-to-come", "certificate-of-another-host", "certificate-of-an-unknown-authority",
	"tls-cut", "tls-hang", "tls-alert", "plain-http", "not-tls",
}

// silent reports whether no call arrives over the network.
func silent(network string) bool { return network != "" && network != "tls" }

// Network gives a case's answers. It needs no socket, so that it can be in a bubble of testing/synctest, where waiting
// costs no time.
type Network struct {
	c         Case
	authority *authority
	transport *http.Transport

	mu       sync.Mutex
	conns    []net.Conn
	hosts    []string
	requests []Request
	faults   []error
	serving  sync.WaitGroup
}

// Open returns a network on which all calls get the case's answers.
func (c Case) Open() (*Network, error) {
	n := &Network{c: c, transport: &http.Transport{MaxResponseHeaderBytes: 1 << 20}}
	n.transport.DialContext = n.dial
	if !n.secure() {
		n.transport.DialTLSContext = n.dial // the bytes as they are
		return n, nil
	}
	var err error
	if n.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	n.transport.TLSClientConfig = &tls.Config{RootCAs: n.authority.pool()}
	return n, nil
}

func (n *Network) secure() bool {
	switch name, _, _ := strings.Cut(n.c.Network, "-"); name {
	case "tls", "certificate", "plain", "not":
		return true
	}
	return false
}

// Transport is the client's end.
func (n *Network) Transport() http.RoundTripper { return n.transport }

// Close ends all connections. The error is a fault of the corpus, not of the client.
func (n *Network) Close() error {
	n.transport.CloseIdleConnections()
	n.mu.Lock()
	for _, c := range n.conns {
		_ = c.Close()
	}
	n.mu.Unlock()
	n.serving.Wait()
	return errors.Join(n.faults...)
}

// Requests are the calls that arrived.
func (n *Network) Requests() []Request {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.requests
}

// Hosts are the addresses that the client connected to.
func (n *Network) Hosts() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hosts
}

func (n *Network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	n.hosts = append(n.hosts, address)
	n.mu.Unlock()
	host, _, _ := net.SplitHostPort(address)
	failed := func(err error) (net.Conn, error) { return nil, &net.OpError{Op: "dial", Net: network, Err: err} }
	switch n.c.Network {
	case "refused":
		return failed(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case "unreachable":
		return failed(os.NewSyscallError("connect", syscall.ENETUNREACH))
	case "no-such-host":
		return failed(&net.DNSError{Err: "no such host", Name: host, Server: "10.0.0.2:53", IsNotFound: true})
	case "dns-timeout":
		return failed(&net.DNSError{Err: "i/o timeout", Name: host, Server: "10.0.0.2:53", IsTimeout: true, IsTemporary: true})
	case "dns-failure":
		return failed(&net.DNSError{Err: "server misbehaving", Name: host, Server: "10.0.0.2:53", IsTemporary: true})
	case "no-connection":
		<-ctx.Done()
		return failed(ctx.Err())
	}
	ours, theirs := net.Pipe()
	n.mu.Lock()
	n.conns = append(n.conns, theirs)
	n.mu.Unlock()
	n.serving.Go(func() {
		defer theirs.Close()
		if err := n.serve(theirs); err != nil {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.faults = append(n.faults, err)
		}
	})
	if n.c.Network == "reset" {
		return resetting{ours}, nil
	}
	return ours, nil
}

// resetting is a connection whose other end resets it instead of an answer.
type resetting struct{ net.Conn }

func (c resetting) Read(b []byte) (int, error) {
	if n, err := c.Conn.Read(b); err == nil {
		return n, nil
	}
	return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

// serve is the other end of one connection. Its error is a fault of the corpus; that the client goes away is none.
func (n *Network) serve(conn net.Conn) error {
	switch n.c.Network {
	case "closed":
		return nil
	case "reset", "tls-cut":
		_, _ = conn.Read(make([]byte, 64<<10))
		return nil
	case "tls-hang":
		_, _ = io.Copy(io.Discard, conn)
		return nil
	case "tls-alert", "plain-http", "not-tls":
		_, _ = conn.Read(make([]byte, 64<<10))
		_, _ = io.WriteString(conn, map[string]string{
			"tls-alert":  "\x15\x03\x03\x00\x02\x02\x28", // fatal, handshake_failure
			"plain-http": "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.",
			"not-tls":    "SSH-2.0-OpenSSH_9.6\r\n",
		}[n.c.Network])
		return nil
	}
	if n.authority != nil {
		buffered := newBuffered(conn)
		defer buffered.Close()
		conn = tls.Server(buffered, n.authority.config(n.c.Network))
	}
	r := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return nil
		}
		_, _ = io.Copy(io.Discard, req.Body)
		text, last, err := n.arrive(newRequest(req))
		if err != nil {
			return err
		}
		if !play(conn, text) || last {
			return nil
		}
	}
}

// buffered is a connection that takes a write before the other end reads it, as a socket does and a pipe doesn't: a client
// that refuses a certificate writes while the server still does.
type buffered struct {
	net.Conn
	writes chan []byte
	done   chan struct{}
}

func newBuffered(conn net.Conn) *buffered {
	b := &buffered{conn, make(chan []byte, 64), make(chan struct{})}
	go func() {
		defer close(b.done)
		for p := range b.writes {
			_, _ = conn.Write(p) // the client may have gone
		}
	}()
	return b
}

func (b *buffered) Write(p []byte) (int, error) {
	b.writes <- bytes.Clone(p)
	return len(p), nil
}

// Close waits for what was written.
func (b *buffered) Close() error {
	close(b.writes)
	<-b.done
	return b.Conn.Close()
}

// arrive notes a call and returns its answer.
func (n *Network) arrive(r Request) (text string, last bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.c.answers[min(len(n.requests), len(n.c.answers)-1)]
	n.requests = append(n.requests, r)
	return a.render(r)
}

// play writes an answer, does what its marks say, and reports whether the connection goes on.
func play(conn net.Conn, text string) bool {
	var apart time.Duration
	dripping := false
	for text != "" {
		at := marks.FindStringSubmatchIndex(text)
		if at == nil {
			at = []int{len(text), len(text), 0, 0, 0, 0}
		}
		if !write(conn, text[:at[0]], dripping, apart) {
			return false
		}
		duration, _ := time.ParseDuration(text[at[4]:at[5]])
		switch text[at[2]:at[3]] {
		case "cut":
			return false
		case "hang":
			_, _ = io.Copy(io.Discard, conn)
			return false
		case "pause":
			time.Sleep(duration)
		case "drip":
			dripping, apart = true, duration
		}
		text = text[at[1]:]
	}
	return true
}

func write(conn net.Conn, text string, dripping bool, apart time.Duration) bool {
	if !dripping {
		_, err := io.WriteString(conn, text)
		return err == nil
	}
	for i := range len(text) {
		if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
			return false
		}
		time.Sleep(apart)
	}
	return true
}
