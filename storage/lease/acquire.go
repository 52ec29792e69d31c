package lease

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"chatlake/storage"
)

// Margin is how long after its expiry a lease is left to what its holder may have in flight.
const Margin = 30 * time.Second

const (
	window = 2 * time.Second // from before a generation is seen missing to the end of its create
	delay  = time.Second     // that a process may be behind its own timers
	lag    = time.Second     // after which a create that was given up does not land any more
	settle = 5 * time.Second // between one's own create and the reading back: more than the three together

	dateUnit    = time.Second // to which HTTP's Date is stated
	hintTimeout = 5 * time.Second
	minPause    = 2 * time.Second // between two looks at a lease that another holds
	maxPause    = 4 * time.Second
)

var errSlow = fmt.Errorf("the bucket ignores x-cos-forbid-overwrite, where a lease can be taken only if it answers within %v, and it did not", window)

// Acquire takes the lease of the lake with the prefix, for the run named owner. expires is this process's deadline, by its
// own clock: the lease ends then, and is never renewed. While another holds it, Acquire looks again every few seconds, until
// waitUntil or the end of ctx; then the error is a [*HeldError].
//
// After any other error the lease may be taken, but by nobody: it ends as if the run had been killed.
func Acquire(ctx context.Context, store Store, prefix, owner string, expires, waitUntil time.Time) (*Lease, error) {
	return acquire(ctx, localClock(), store, prefix, owner, expires, waitUntil)
}

func acquire(ctx context.Context, local clock, store Store, prefix, owner string, expires, waitUntil time.Time) (*Lease, error) {
	a := &acquirer{
		chain: chain{store, prefix}, watch: local.start(), limit: local.until(expires), patience: local.until(waitUntil),
		mine: record{Owner: owner, Token: newToken()},
	}
	bounded, cancel := a.watch.within(ctx, a.limit)
	defer cancel()
	l, err := a.run(bounded)
	var held *HeldError
	switch {
	case err == nil || errors.As(err, &held):
	case bounded.Err() != nil && a.held != nil:
		err = a.held.because(err)
	case bounded.Err() != nil && ctx.Err() == nil:
		err = fmt.Errorf("failed to take the lake's lease: %w: %w", ErrExpired, err)
	default:
		err = fmt.Errorf("failed to take the lake's lease: %w", err)
	}
	return l, err
}

// acquirer is one Acquire's state.
type acquirer struct {
	chain
	watch           stopwatch
	limit, patience time.Duration // by watch
	started         time.Time     // by the server's clock, when watch was; rather late than early
	mine            record
	held            *HeldError // the holder last seen
	probed          bool
	honoured        bool
	slow            bool
}

func (a *acquirer) run(ctx context.Context) (*Lease, error) {
	at, r, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	for {
		if !a.free(r) {
			a.held = &HeldError{Holder: r.Owner, Until: r.Expires.Add(Margin), Key: a.key(at)}
			if err := a.pause(ctx, a.held); err != nil {
				return nil, err
			}
			next, found, err := a.get(ctx, at)
			if err != nil {
				return nil, err
			}
			if found { // a stale answer says nothing
				r = next
			}
			continue
		}
		a.held = nil
		next, found, err := a.claim(ctx, at+1)
		switch {
		case err != nil:
			return nil, err
		case !found:
			if err := a.pause(ctx, a.reason()); err != nil {
				return nil, err
			}
		case next.Token == a.mine.Token:
			a.putHint(ctx, at+1)
			return a.lease(at + 1), nil
		default:
			at, r = at+1, next
			if a.free(r) { // the hint was behind
				if at, r, err = a.newest(ctx, at, r); err != nil {
					return nil, err
				}
			}
		}
	}
}

// begin finds a generation to start from, and what the server's clock says.
func (a *acquirer) begin(ctx context.Context) (int64, record, error) {
	at, r, found, err := a.hinted(ctx)
	// The Date of the answer is not older than watch, but for what it leaves out.
	a.started = a.store.Now().Add(dateUnit)
	a.mine.Expires = ceil(a.started.Add(a.limit))
	if err != nil || found {
		return at, r, err
	}
	// All that share a lake agree on where the chain begins. That object has no owner, so it does not matter who makes it,
	// and how often.
	err = a.create(ctx, 0, []byte(freeRecord))
	if errors.Is(err, storage.ErrExist) {
		a.probed, a.honoured, err = true, true, nil
	}
	return 0, record{Released: true}, err
}

// free reports whether a generation's owner is gone for good.
func (a *acquirer) free(r record) bool {
	return r.Released || a.store.Now().After(r.Expires.Add(Margin))
}

// claim tries to become the owner of a generation whose predecessor is free, and returns what it then holds, if anything.
func (a *acquirer) claim(ctx context.Context, generation int64) (record, bool, error) {
	if !a.probed {
		err := a.create(ctx, 0, []byte(freeRecord))
		if err != nil && !errors.Is(err, storage.ErrExist) {
			return record{}, false, err
		}
		a.probed, a.honoured = true, err != nil
	}
	if !a.honoured {
		return a.claimInTime(ctx, generation)
	}
	created := a.create(ctx, generation, a.mine.encode())
	r, found, err := a.get(ctx, generation)
	switch {
	case err != nil:
		return r, false, errors.Join(err, created)
	case !found && created != nil && !errors.Is(created, storage.ErrExist):
		return r, false, created
	}
	return r, found, nil // if not found, not yet visible
}

// claimInTime is Fischer's algorithm.
func (a *acquirer) claimInTime(ctx context.Context, generation int64) (record, bool, error) {
	watch := a.watch.clock.start()
	short, cancel := watch.within(ctx, window)
	defer cancel()
	r, found, err := a.get(short, generation)
	tooLate := fmt.Errorf("%s was written more than %v after it was seen missing: run again after %s, when it ends by itself",
		a.key(generation), window+delay, a.mine.Expires.Add(Margin).Format(time.RFC3339))
	switch {
	case err != nil && short.Err() != nil && ctx.Err() == nil:
		a.slow = true
		return r, false, nil
	case err != nil:
		return r, false, err
	case found && r.Token == a.mine.Token: // of an earlier try, whose time is over
		return r, false, tooLate
	case found:
		return r, true, nil
	}
	created := a.create(short, generation, a.mine.encode())
	a.slow = short.Err() != nil
	inTime := watch.elapsed() <= window+delay
	if err := sleep(ctx, settle); err != nil {
		return r, false, err
	}
	r, found, err = a.get(ctx, generation)
	switch {
	case err != nil:
		return r, false, errors.Join(err, created)
	case !found && created != nil && !a.slow:
		return r, false, created
	case found && r.Token == a.mine.Token && !inTime:
		return r, false, tooLate
	}
	return r, found, nil
}

func (c chain) create(ctx context.Context, generation int64, body []byte) error {
	return c.store.Create(ctx, c.key(generation), body)
}

func (a *acquirer) reason() error {
	if a.slow {
		return errSlow
	}
	return errors.New("the store does not show a record that it says it has")
}

// pause waits for a while, or fails for the reason given once there is no time left to.
func (a *acquirer) pause(ctx context.Context, reason error) error {
	left := a.patience - a.watch.elapsed()
	if left <= 0 {
		return reason
	}
	var random [8]byte
	rand.Read(random[:])
	spread := time.Duration(binary.LittleEndian.Uint64(random[:]) % uint64(maxPause-minPause))
	return sleep(ctx, min(minPause+spread, left))
}

func (a *acquirer) lease(generation int64) *Lease {
	return &Lease{
		chain: a.chain, generation: generation, record: a.mine, honoured: a.honoured,
		watch: a.watch, limit: a.limit, started: a.started, turn: make(chan struct{}, 1),
	}
}

func newToken() string {
	var token [16]byte
	rand.Read(token[:])
	return hex.EncodeToString(token[:])
}

// ceil rounds up to a second, which people read more easily.
func ceil(t time.Time) time.Time {
	return t.Add(time.Second - 1).UTC().Truncate(time.Second)
}
