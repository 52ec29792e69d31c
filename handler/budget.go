package handler

import (
	"context"
	"time"
)

// budget shares out a run's time, from its start to the deadline at which the process is killed, so that each stage
// leaves the next one enough: pulling ends a quarter of it before the deadline, merging a tenth and all else a
// twentieth, but on a long run no more than the times below are held back.
type budget struct{ started, deadline time.Time }

const (
	longestRun    = 900 * time.Second // SCF's longest (https://cloud.tencent.com/document/product/583/11637)
	mostForWrites = 60 * time.Second
	mostForEnd    = 10 * time.Second
	mostSpare     = 2 * time.Second
)

func newBudget(ctx context.Context, started time.Time) budget {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = started.Add(longestRun)
	}
	return budget{started, deadline}
}

func (b budget) forPull(ctx context.Context) (context.Context, context.CancelFunc) {
	return b.endBefore(ctx, 4, mostForWrites)
}

func (b budget) forMerge(ctx context.Context) (context.Context, context.CancelFunc) {
	return b.endBefore(ctx, 10, mostForEnd)
}

func (b budget) forAll(ctx context.Context) (context.Context, context.CancelFunc) {
	return b.endBefore(ctx, 20, mostSpare)
}

// lastStart is until when a run may wait for another one to end.
func (b budget) lastStart() time.Time { return b.started.Add(b.deadline.Sub(b.started) * 6 / 10) }

// endBefore ends a context before the deadline by one of so many shares of the whole time, at most by the given time.
func (b budget) endBefore(ctx context.Context, shares time.Duration, most time.Duration) (context.Context, context.CancelFunc) {
	return context.WithDeadline(ctx, b.deadline.Add(-min(b.deadline.Sub(b.started)/shares, most)))
}
