package lease

import (
	"context"
	"time"
)

// clock is this machine's time by its two clocks. The monotonic one stands still while a machine sleeps; the wall clock
// may be set back.
type clock struct{ mono, wall func() time.Time }

func localClock() clock {
	return clock{mono: time.Now, wall: func() time.Time { return time.Now().Round(0) }}
}

// until returns the time that is left to an instant, by the clock that gives it less.
func (c clock) until(t time.Time) time.Duration {
	return min(t.Sub(c.mono()), t.Round(0).Sub(c.wall()))
}

// start starts a stopwatch.
func (c clock) start() stopwatch { return stopwatch{c, c.mono(), c.wall()} }

// stopwatch measures the time since it was started, by the clock that says more.
type stopwatch struct {
	clock      clock
	mono, wall time.Time
}

func (w stopwatch) elapsed() time.Duration {
	return max(w.clock.mono().Sub(w.mono), w.clock.wall().Sub(w.wall))
}

// within returns a context that ends when the stopwatch reaches the limit. It looks at the stopwatch each time that it is
// asked, and so at the beginning of each attempt of a store: its timer alone would be late on a machine that slept.
func (w stopwatch) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithTimeout(ctx, limit-w.elapsed())
	return limited{inner, cancel, w, limit}, cancel
}

type limited struct {
	context.Context
	cancel context.CancelFunc
	watch  stopwatch
	limit  time.Duration
}

func (l limited) Done() <-chan struct{} {
	l.look()
	return l.Context.Done()
}

func (l limited) Err() error {
	l.look()
	return l.Context.Err()
}

func (l limited) look() {
	if l.watch.elapsed() >= l.limit {
		l.cancel()
	}
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
