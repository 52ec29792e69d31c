package lease

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"chatlake/storage"
)

// Guard returns the store with writes that happen within the lease only: from its end on, by this machine's monotonic or
// wall clock, no attempt of one begins, and its error is ErrExpired. Reads pass.
func (l *Lease) Guard(s storage.Store) storage.Store { return guarded{s, l} }

type guarded struct {
	storage.Store
	lease *Lease
}

func (g guarded) Put(ctx context.Context, key string, body []byte) error {
	return g.lease.write(ctx, "write", key, func(ctx context.Context) error { return g.Store.Put(ctx, key, body) })
}

func (g guarded) Create(ctx context.Context, key string, body []byte) error {
	return g.lease.write(ctx, "create", key, func(ctx context.Context) error { return g.Store.Create(ctx, key, body) })
}

func (l *Lease) write(ctx context.Context, verb, key string, do func(context.Context) error) error {
	bounded, cancel := l.watch.within(ctx, l.limit)
	defer cancel()
	err := l.confirm(bounded)
	if err == nil && l.over() {
		err = ErrExpired
	}
	if err != nil {
		if l.over() && !errors.Is(err, ErrExpired) {
			err = fmt.Errorf("%w: %w", ErrExpired, err)
		}
		return fmt.Errorf("failed to %s %s: %w", verb, key, err)
	}
	// Each attempt of a store over HTTP asks for a connection. One that was given up may land after the next one.
	var attempts atomic.Int32
	traced := httptrace.WithClientTrace(bounded, &httptrace.ClientTrace{GetConn: func(string) { attempts.Add(1) }})
	err = do(traced)
	if attempts.Load() > 1 || err != nil && !refused(err) {
		l.doubt.Store(int64(max(l.watch.elapsed(), time.Nanosecond)))
	}
	if err != nil && l.over() {
		err = fmt.Errorf("%w: %w", ErrExpired, err)
	}
	return err
}

func (l *Lease) over() bool { return l.released.Load() || l.watch.elapsed() >= l.limit }

// refused reports whether the store's answer is its last word on a write: nothing of it lands later.
func refused(err error) bool {
	var answer *storage.COSError
	return errors.As(err, &answer) && answer.Status >= 400 && answer.Status < 500 || errors.Is(err, storage.ErrExist)
}
