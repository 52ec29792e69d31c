package chat

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace holds all calls of a run to one rate, and spends one budget of retries.
//
// The rate halves when the API says that it is called too often, at most once a second, and grows back by a hundredth
// with each good answer: the whole run slows down, rather than each app trying again by itself. The budget lets an app whose
// call failed try again as long as others get answers, but not when none does: an outage costs about two calls an app, not
// as many as an app may make.
type pace struct {
	full    rate.Limit
	limiter *rate.Limiter
	turn    chan struct{} // held by the call that waits for the limiter

	mu      sync.Mutex
	slowed  time.Time // when last
	retries int       // that may still be made
}

// freeRetries is what a run of few apps may spend on passing faults.
const freeRetries = 100

// newPace allows so many calls a second, evenly spaced from the first one on.
func newPace(qps int) *pace {
	full := rate.Every(time.Second / time.Duration(qps) * (slack + 1) / slack)
	return &pace{full: full, limiter: rate.NewLimiter(full, 1), turn: make(chan struct{}, 1), retries: freeRetries}
}

// wait waits for a call's turn. One call at a time has a place in the limiter: places that many hold beforehand would all be due at
// once after a pause of the process, such as a throttled function has.
func (p *pace) wait(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
		return p.limiter.Wait(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// started notes an app's first call.
func (p *pace) started() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retries++
}

// answered notes a good answer.
func (p *pace) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retries++
	if now := p.limiter.Limit(); now < p.full {
		p.limiter.SetLimit(min(p.full, now+p.full/100))
	}
}

// throttled notes that the API was called too often.
func (p *pace) throttled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.slowed) < time.Second {
		return
	}
	p.slowed = time.Now()
	p.limiter.SetLimit(max(p.limiter.Limit()/2, min(p.full, 1)))
}

// retry takes one retry from the budget, if there is one left.
func (p *pace) retry() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retries == 0 {
		return false
	}
	p.retries--
	return true
}
