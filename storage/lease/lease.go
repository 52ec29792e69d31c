package lease

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Errors of a write through [Lease.Guard], which did not happen.
var (
	ErrExpired = errors.New("the time of this run's lease of the lake is over")
	ErrLost    = errors.New("another run has taken this run's lease of the lake")
)

// HeldError says that another run is writing.
type HeldError struct {
	Holder string    // the run's id
	Until  time.Time // when the lease can be taken at the latest, by the store's clock
	Key    string    // of its record

	err error // what ended the waiting
}

func (e *HeldError) Error() string {
	text := fmt.Sprintf("run %s is writing to the lake, or was killed while it did, or has left a request that may still land: run again when it has ended, at %s at the latest"+
		" (if that is too long, and the run is surely dead, overwrite %s with %s)", e.Holder, e.Until.Format(time.RFC3339), e.Key, freeRecord)
	if e.err != nil {
		text += ": " + e.err.Error()
	}
	return text
}

// Unwrap returns the error of the context that ended the waiting, or nil.
func (e *HeldError) Unwrap() error { return e.err }

func (e *HeldError) because(err error) *HeldError {
	copied := *e
	copied.err = err
	return &copied
}

// Lease is the right to write to a lake, from [Acquire] until [Lease.Release] or the process's deadline.
// Its methods may be called from many goroutines.
type Lease struct {
	chain      chain
	generation int64
	record     record
	honoured   bool
	watch      stopwatch
	limit      time.Duration // by watch
	started    time.Time     // by the server's clock, when watch was; rather late than early

	released atomic.Bool
	doubt    atomic.Int64 // when a write last ended that may still have an attempt in flight: nanoseconds by watch, or 0

	turn      chan struct{} // to read the own generation, one at a time; room for one
	confirmed bool
	lost      error
}

// Honoured reports whether the store refuses to create what exists. Where it does not, the lease is only as good as the
// bucket is quick, and a function's concurrency of 1 is what guards the lake.
func (l *Lease) Honoured() bool { return l.honoured }

// Release ends the lease. No write through Guard may be under way. If an attempt of one may still land, the next
// acquirer has to wait for Margin from when it was given up. After an error the lease ends at its deadline.
func (l *Lease) Release(ctx context.Context) error {
	if l.released.Swap(true) || l.watch.elapsed() >= l.limit {
		return nil
	}
	err := l.confirm(ctx)
	if err == nil {
		err = l.chain.store.Put(ctx, l.chain.key(l.generation), l.last().encode())
	}
	if err != nil {
		return fmt.Errorf("failed to release the lake's lease, which ends at %s: %w", l.record.Expires.Add(Margin).Format(time.RFC3339), err)
	}
	return nil
}

// last returns the record with which the lease ends.
func (l *Lease) last() record {
	r := l.record
	doubt := time.Duration(l.doubt.Load())
	if doubt == 0 || l.watch.elapsed()-doubt > Margin {
		r.Released = true
	} else if end := ceil(l.started.Add(doubt)); end.Before(r.Expires) {
		r.Expires = end
	}
	return r
}

// confirm reads once whether this run still owns its generation: racing creates may both have succeeded, and the other's
// may have landed after the reading back.
func (l *Lease) confirm(ctx context.Context) error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if l.confirmed || l.lost != nil {
		return l.lost
	}
	r, found, err := l.chain.get(ctx, l.generation)
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("%s is missing", l.chain.key(l.generation))
	case r.Token != l.record.Token:
		l.lost = fmt.Errorf("%w: it is now that of run %s", ErrLost, r.Owner)
		return l.lost
	}
	l.confirmed = true
	return nil
}
