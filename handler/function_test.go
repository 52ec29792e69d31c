package handler_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/tencentyun/scf-go-lib/functioncontext"

	"chatlake/handler"
)

// deadlines keeps the latest deadline of the requests that go through it.
type deadlines struct {
	next   http.RoundTripper
	mu     sync.Mutex
	latest time.Time
	none   int // requests without one
}

func (d *deadlines) RoundTrip(req *http.Request) (*http.Response, error) {
	d.mu.Lock()
	deadline, ok := req.Context().Deadline()
	if !ok {
		d.none++
	}
	if deadline.After(d.latest) {
		d.latest = deadline
	}
	d.mu.Unlock()
	return d.next.RoundTrip(req)
}

// TestUnsetDeadline has a function end by its own limit where the request does not say when it ends.
func TestUnsetDeadline(t *testing.T) {
	for name, unset := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"as SCF's library gives it": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Unix(0, 0))
		},
		"none": func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				seen := &deadlines{next: w}
				w.env["CHATLAKE_APPS"] = "[" + appOne + "]"
				ctx, cancel := unset(w.t.Context())
				defer cancel()
				ctx = functioncontext.NewContext(ctx, &functioncontext.FunctionContext{TimeLimitInMs: 7000, Environment: w.env})
				end := time.Now().Add(7 * time.Second)
				if _, err := handler.NewFunction(nil, io.Discard, seen).Invoke(ctx, []byte(`{"dry_run":true}`)); err != nil {
					t.Fatal(err)
				}
				if seen.none > 0 || seen.latest.IsZero() || seen.latest.After(end) {
					t.Errorf("%d requests without a deadline, the latest %v, and the invocation's is %v", seen.none, seen.latest, end)
				}
			})
		})
	}
}
