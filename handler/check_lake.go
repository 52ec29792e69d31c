package handler

import (
	"context"
	"errors"
	"net/http"
	"time"

	"chatlake/storage"
	"chatlake/storage/lease"
)

const (
	mostSkew    = 5 * time.Minute
	leaseTime   = time.Minute     // of the lease that a check takes, should it not live to give it back
	leaseWait   = 5 * time.Second // for another that holds it
	listedAfter = farAhead        // days: a list of nothing, in one page
)

// checkLake checks the place first, one request after the other, since the lease asks for a store of its own, and then what
// lies there.
func (c *checker) checkLake(ctx context.Context) {
	if !c.config.hasLake() || c.config.lake.Bucket != nil && !c.config.hasKeys() {
		return
	}
	c.lake = storage.NewLake(c.store, c.config.lake.Prefix, true) // which writes nothing
	newest, goOn, err := c.checkRead(ctx)
	if !goOn {
		return // every other request would end alike
	}
	readable := !isDenied(err)
	c.checkList(ctx)
	if c.sound {
		c.checkLease(ctx, readable)
	}
	if readable {
		c.checkNewestRun(newest, err)
		c.checkFiles(ctx)
	}
}

func isDenied(err error) bool {
	var answer *storage.COSError
	return errors.As(err, &answer) && answer.Status == http.StatusForbidden && answer.Code == "AccessDenied"
}

// checkRead reads the newest run's summary, and by the answer the server's clock. Where that is another one, a refusal tells
// nothing of rights: COS's AccessDenied may say that a request has expired.
func (c *checker) checkRead(ctx context.Context) (newest []byte, goOn bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	newest, err = c.lake.LatestRun(ctx)
	readable := err == nil || errors.Is(err, storage.ErrNotExist)
	var answer *storage.COSError
	answered := readable || errors.As(err, &answer)
	skew := time.Since(c.store.Now()).Round(time.Second)
	skewed := answered && skew.Abs() > mostSkew
	switch {
	case readable:
		c.add("lake read", OK, "what lies in the lake can be read")
	case !answered:
		c.add("lake read", Failed, "%v: check the lake's place in CHATLAKE_LAKE, and that it can be reached from here", err)
	case !skewed:
		c.add("lake read", Failed, "%v", err)
	}
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	switch {
	case !answered || c.config.lake.Bucket == nil:
	case skewed:
		c.add("clock", Failed, "this machine's clock is %v %s that of COS: set it, as by NTP; requests are refused where it is wrong", skew.Abs(), direction)
	default:
		c.add("clock", OK, "this machine's clock and that of COS are %v apart", skew.Abs())
	}
	return newest, readable || !skewed && isDenied(err), err
}

func (c *checker) checkList(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	none := c.day() + listedAfter
	if _, err := c.lake.RawObjects(ctx, none, none); err != nil {
		c.add("lake list", Failed, "%v", err)
		return
	}
	c.add("lake list", OK, "the raw archive can be listed")
}

// checkLease takes the lease, which reads and writes below _lock, and gives it back.
func (c *checker) checkLease(ctx context.Context, readable bool) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	now := time.Now()
	expires := now.Add(leaseTime)
	if c.budget.deadline.Before(expires) {
		expires = c.budget.deadline
	}
	l, err := lease.Acquire(ctx, c.store, c.config.lake.Prefix, c.summary.RunID, expires, now.Add(leaseWait))
	honoured := err == nil && l.Honoured()
	if err == nil {
		err = l.Release(ctx)
	}
	var held *lease.HeldError
	var answer *storage.COSError
	switch {
	case errors.As(err, &held):
		c.add("lease", Warning, "%v; whether the lake can be written to was not tried", err)
		return
	case errors.As(err, &answer) && answer.Action == "name/cos:GetObject":
		if readable { // or it is told already
			c.add("lake read", Failed, "%v", err)
		}
		return
	case err != nil:
		c.add("lake write", Failed, "%v", err)
		return
	}
	c.add("lake write", OK, "the writers' lease was taken and given back; below _lock, nothing else was tried")
	if !honoured {
		c.add("lease", Warning, "the bucket ignores x-cos-forbid-overwrite, as one that ever had versioning does: two runs at once are kept apart by timing alone; set the function's concurrency to 1, or move the lake to a bucket that never had versioning")
		return
	}
	c.add("lease", OK, "no other run holds it, and the store honours it")
}
