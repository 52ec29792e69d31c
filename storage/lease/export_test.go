package lease

import (
	"context"
	"time"
)

// AcquireBy is Acquire on a machine with other clocks: a monotonic and a wall clock.
func AcquireBy(ctx context.Context, mono, wall func() time.Time, store Store, prefix, owner string, expires, waitUntil time.Time) (*Lease, error) {
	return acquire(ctx, clock{mono, wall}, store, prefix, owner, expires, waitUntil)
}
