package handler

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// budget shares out a run's time, from its start to the deadline at which the process is killed: pulling ends when what is
// left to write would just be done in time, merging when the summary would, and the run itself shortly before the deadline.
type budget struct{ started, deadline time.Time }

const longestRun = 900 * time.Second // SCF's longest (https://cloud.tencent.com/document/product/583/11637)

func newBudget(ctx context.Context, started time.Time) budget {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = started.Add(longestRun)
	}
	return budget{started, deadline}
}

func (b budget) whole() time.Duration { return b.deadline.Sub(b.started) }

// end is when the run has stored what it stores: a twentieth of its time before the deadline, two seconds on a long one. Half of
// that is for giving the lease back, half for the answer to leave the machine.
func (b budget) end() time.Time { return b.deadline.Add(-b.spare()) }

func (b budget) unlockEnd() time.Time { return b.deadline.Add(-b.spare() / 2) }

func (b budget) spare() time.Duration { return min(b.whole()/20, 2*time.Second) }

// mergeEnd is when merging ends.
func (b budget) mergeEnd(w work) time.Time {
	return b.end().Add(-min(max(w.ending(), min(b.whole()/20, time.Second)), b.whole()/4))
}

// pullEnd is when pulling ends. However slow writing looks, half of the run is for pulling.
func (b budget) pullEnd(w work) time.Time {
	writing := w.archiving() + w.merging()
	return b.mergeEnd(w).Add(-min(max(writing, min(b.whole()/20, 2*time.Second)), b.whole()/4))
}

// archiveEnd is when storing the raw answers ends, if merging is still to come: it gets at least half of the time that is left.
func (b budget) archiveEnd(w work, now time.Time) time.Time {
	end := b.mergeEnd(w)
	latest := end.Add(-w.merging())
	if half := now.Add(end.Sub(now) / 2); half.After(latest) {
		return half
	}
	return latest
}

// alerting is how long telling an operator of trouble may take.
func (b budget) alerting() time.Duration { return min(b.whole()/10, 5*time.Second) }

// lastStart is until when a run may wait for another one to end.
func (b budget) lastStart() time.Time { return b.started.Add(b.whole() * 6 / 10) }

// work is what is left to write, and how fast this run has been so far.
type work struct {
	days, rows int           // to merge
	archive    int64         // bytes of raw answers
	round      time.Duration // that a request to the lake takes
	row        time.Duration // that reading a row of an answer took
	alerting   time.Duration // that telling an operator may take
}

const (
	// A row is decoded, compared and encoded, among the rows of other apps: a few times the work of reading it.
	rowsWork = 4
	// A file of few rows costs the work of about so many.
	fileRows = 200
	// uploadRate is what a small function is sure to send, in bytes a second.
	uploadRate = 2 << 20
)

// merging is the time that it takes to read, merge and write all days.
func (w work) merging() time.Duration {
	rounds := (w.days + mostDaysAtOnce - 1) / mostDaysAtOnce * 2
	return time.Duration(rounds)*w.round + time.Duration(w.rows+w.days*fileRows)*rowsWork*w.row
}

// archiving is the time that it takes to store the raw answers and the refused rows.
func (w work) archiving() time.Duration {
	return 2*w.round + time.Duration(w.archive)*time.Second/uploadRate
}

// ending is the time that it takes to tell of trouble, to store the summary and to give the lease back.
func (w work) ending() time.Duration { return w.alerting + 4*w.round }

// meter counts the requests that go through it and learns how long one takes.
type meter struct {
	next  http.RoundTripper
	count atomic.Int64

	mu            sync.Mutex
	mean, deviant time.Duration
}

func (m *meter) RoundTrip(req *http.Request) (*http.Response, error) {
	m.count.Add(1)
	began := time.Now()
	resp, err := m.next.RoundTrip(req)
	if err == nil {
		m.learn(time.Since(began))
	}
	return resp, err
}

// learn and round estimate as TCP does the time after which it repeats a packet, https://www.rfc-editor.org/rfc/rfc6298#section-2:
// the smoothed mean, and four times its smoothed deviation.
func (m *meter) learn(took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mean == 0 {
		m.mean, m.deviant = took, took/2
		return
	}
	m.deviant += ((took - m.mean).Abs() - m.deviant) / 4
	m.mean += (took - m.mean) / 8
}

func (m *meter) round() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mean + 4*m.deviant
}
