package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"chatlake/internal/chat/chattest"
	"chatlake/storage/costest"
)

// emulation is what the emulators are made of.
type emulation struct {
	apps                  int
	chat, cos, control    string // addresses
	chatDelay, chatJitter time.Duration
	cosDelay              time.Duration
}

func (e *emulation) flags(f *flag.FlagSet) {
	f.IntVar(&e.apps, "apps", 1000, "`number` of apps")
	f.StringVar(&e.chat, "chat", "127.0.0.1:8601", "`address` of the Chat API")
	f.StringVar(&e.cos, "cos", "127.0.0.1:8602", "`address` of the bucket")
	f.StringVar(&e.control, "control", "127.0.0.1:8603", "`address` to control them by: POST /clock?at=RFC3339 sets the clock and begins a new count, GET /count")
	f.DurationVar(&e.chatDelay, "chat-delay", 80*time.Millisecond, "`time` that a call takes")
	f.DurationVar(&e.chatJitter, "chat-jitter", 20*time.Millisecond, "`time` that a call takes less or more")
	f.DurationVar(&e.cosDelay, "cos-delay", 20*time.Millisecond, "`time` that a request to COS takes")
}

// The bucket's key, and where in it the list of apps is.
var bucketKey = costest.Credentials{SecretID: "bench-id", SecretKey: "bench-key"}

const appsKey = "apps.json"

// environment is what a function needs to run against the emulators.
func (e *emulation) environment() map[string]string {
	return map[string]string{
		"CHATLAKE_LAKE": "http://" + e.cos + "/lake", "CHATLAKE_APPS": "cos:" + appsKey,
		"TENCENTCLOUD_SECRETID": bucketKey.SecretID, "TENCENTCLOUD_SECRETKEY": bucketKey.SecretKey,
	}
}

// count is what the emulators were asked for.
type count struct {
	Calls              int           // of the Chat API
	Calling            time.Duration // from the first one to the last
	Gets, Puts, Others int64         // of the bucket
	In, Out            int64         // bytes of bodies
}

// serve runs the emulators until the context ends.
func (e *emulation) serve(ctx context.Context, out io.Writer) error {
	var clock atomic.Pointer[time.Time]
	now := time.Now()
	clock.Store(&now)
	apps := make([]chattest.App, e.apps)
	list := make([]map[string]any, e.apps)
	for i := range apps {
		apps[i] = chattest.App{ID: 1400000000 + int64(i), Key: fmt.Sprintf("secret-of-app-%d", i), Name: fmt.Sprintf("App %d", i), Company: "Harbour"}
		list[i] = map[string]any{"sdk_app_id": apps[i].ID, "secret_key": apps[i].Key, "endpoint": "http://" + e.chat}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	api := chattest.New(chattest.Options{Apps: apps, Now: func() time.Time { return *clock.Load() }, Fault: func(chattest.Call) *chattest.Fault {
		jitter := time.Duration((2*rand.Float64() - 1) * float64(e.chatJitter))
		return &chattest.Fault{Delay: e.chatDelay + jitter}
	}})
	bucket := costest.New(costest.Options{Credentials: []costest.Credentials{bucketKey}, Fault: func(costest.Request) costest.Fault {
		return costest.Fault{Delay: e.cosDelay}
	}})
	bucket.Put(appsKey, text)

	var traffic meter
	var earlier atomic.Int64 // calls of earlier counts
	control := http.NewServeMux()
	control.HandleFunc("POST /clock", func(w http.ResponseWriter, r *http.Request) {
		at, err := time.Parse(time.RFC3339, r.FormValue("at"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		clock.Store(&at)
		traffic.reset()
		earlier.Store(int64(len(api.Calls())))
	})
	control.HandleFunc("GET /count", func(w http.ResponseWriter, _ *http.Request) {
		c := traffic.count()
		if calls := api.Calls()[earlier.Load():]; len(calls) > 0 {
			c.Calls, c.Calling = len(calls), calls[len(calls)-1].At.Sub(calls[0].At)
		}
		json.NewEncoder(w).Encode(c)
	})

	failed := make(chan error)
	for address, handler := range map[string]http.Handler{e.chat: api, e.cos: traffic.of(bucket), e.control: control} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: handler}
		defer server.Close()
		go func() { failed <- server.Serve(l) }()
	}
	fmt.Fprintf(out, "The Chat API of %d apps is at http://%s, the bucket at http://%s.\nFor the function:\n", e.apps, e.chat, e.cos)
	for name, value := range e.environment() {
		fmt.Fprintf(out, "  export %s=%s\n", name, value)
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// meter counts a bucket's traffic.
type meter struct{ gets, puts, others, in, out atomic.Int64 }

func (m *meter) count() count {
	return count{Gets: m.gets.Load(), Puts: m.puts.Load(), Others: m.others.Load(), In: m.in.Load(), Out: m.out.Load()}
}

func (m *meter) reset() {
	for _, n := range []*atomic.Int64{&m.gets, &m.puts, &m.others, &m.in, &m.out} {
		n.Store(0)
	}
}

func (m *meter) of(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			m.gets.Add(1)
		case http.MethodPut:
			m.puts.Add(1)
		default:
			m.others.Add(1)
		}
		m.in.Add(max(r.ContentLength, 0))
		next.ServeHTTP(countingWriter{w, &m.out}, r)
	})
}

type countingWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (w countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.n.Add(int64(n))
	return n, err
}
