package costest

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// A Fault is how one request fails. The zero value serves it as it should be.
type Fault struct {
	Status  int           // answers this error of COS instead of serving, for example 503
	Code    string        // the error's code, for example SlowDown
	After   bool          // serves first, so that the effect lands, then answers Status, or nothing where that is 0
	Drop    bool          // closes the connection without an answer; net/http's client may then repeat a GET by itself
	Delay   time.Duration // waits before serving; a request whose context ends meanwhile is not served
	Corrupt bool          // flips a bit of the body on its way out, while the headers stay those of the original
}

func (f Fault) wait(ctx context.Context) {
	if f.Delay <= 0 {
		return
	}
	t := time.NewTimer(f.Delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	}
}

func (f Fault) apply(serve func() response) response {
	lost := f.Drop || f.After && f.Status == 0
	var res response
	if f.After || !lost && f.Status == 0 {
		res = serve()
	}
	switch {
	case lost:
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		return refusal(&apiError{status: f.Status, code: f.Code, message: "A fault was injected."})
	case f.Corrupt && len(res.body) > 0 && res.status < 300:
		res.body = slices.Clone(res.body)
		res.body[len(res.body)/2] ^= 1
	}
	return res
}
