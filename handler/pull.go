package handler

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"chatlake/internal/chat"
	"chatlake/internal/stats"
	"chatlake/storage"
)

// pull pulls all apps and keeps their rows and answers, until the time is needed for writing what it has.
func (r *run) pull(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mostUrgentFirst(r.config.apps)
	end := time.AfterFunc(time.Until(r.budget.pullEnd(r.work())), cancel)
	defer end.Stop()
	results := make(chan pulled)
	go func() {
		defer close(results)
		var group errgroup.Group
		group.SetLimit(r.config.concurrency)
		for _, app := range r.config.apps {
			group.Go(func() error {
				results <- pullApp(ctx, r.chat, app, r.event.request)
				return nil
			})
		}
		group.Wait()
	}()
	tell := r.tells(Pulling, len(r.config.apps))
	for p := range results {
		failed := r.summary.Apps.Failed
		r.take(p)
		end.Reset(time.Until(r.budget.pullEnd(r.work())))
		tell(1, r.summary.Apps.Failed-failed)
	}
	slices.SortFunc(r.summary.Errors, func(a, b RunError) int { return cmp.Compare(a.AppID, b.AppID) })
}

// work is what is left to write.
func (r *run) work() work {
	w := work{days: len(r.rows.days), rows: r.rows.rows, round: r.cos.round()}
	if r.answers != nil {
		w.archive = r.answers.Size()
	}
	if !r.config.alertURL.IsZero() {
		w.alerting = r.budget.alerting()
	}
	if r.parsed > 0 {
		w.row = r.parsing / time.Duration(r.parsed)
	}
	return w
}

// take adds what came of one app.
func (r *run) take(p pulled) {
	r.parsing += p.parsing
	r.parsed += len(p.rows) + len(p.refused)
	if p.err != nil {
		r.summary.Apps.Failed++
		r.holdings.failed[p.app.ID] = true
		r.fail(*p.err)
		return
	}
	r.summary.Apps.OK++
	if r.event.fields == nil {
		var days daySet // none, where the API has nothing of the app
		for _, day := range p.answered {
			days |= r.holdings.window.bit(day)
		}
		r.holdings.answers[p.app.ID] = days
	}
	r.summary.Rows.Pulled += len(p.rows) + len(p.refused)
	var future []string
	today := r.holdings.window.To + 1
	for _, row := range p.rows {
		r.rows.add(row)
		if row.Day > today {
			future = append(future, row.Day.String())
		}
	}
	r.reject(p.app.ID, p.refused)
	r.findings = append(r.findings, p.findings...)
	if future != nil {
		r.warn(fmt.Sprintf("app %d: the API gave rows of days to come, which were stored: %s", p.app.ID, strings.Join(future, ", ")))
	}
	r.log.Debug("app pulled", "run_id", r.summary.RunID, "sdk_app_id", p.app.ID, "rows", len(p.rows), "attempts", p.attempts)
}

// reject counts refused rows, keeps them for the run's rejects and tells why the first was refused.
func (r *run) reject(app int64, refused []refusal) {
	if len(refused) == 0 {
		return
	}
	r.summary.Rows.Rejected += len(refused)
	for _, row := range refused {
		r.rejects = append(r.rejects, storage.Reject{AppID: app, RunID: r.summary.RunID, Reason: row.reason, Row: row.raw})
	}
	r.warn(fmt.Sprintf("app %d: %d rows were refused and kept under _rejects; first: %s", app, len(refused), refused[0].reason))
}

// keepAnswer archives an answer as it came.
func (r *run) keepAnswer(e chat.Exchange) {
	if r.answers == nil {
		return
	}
	r.answers.Add(storage.RawAnswer{
		RunID: r.summary.RunID, Clock: r.event.clock,
		AppID: e.App.ID, Region: e.App.Region, Fields: r.event.fields, From: r.event.from, To: r.event.to,
		At: e.At.UTC(), Status: e.Status, Good: e.Good, Body: e.Body,
	})
}

// archive stores the answers and the refused rows, before the merge that may fail or be cut off. The table is the memory
// and these its backup, so a failure here stops nothing.
func (r *run) archive(ctx context.Context) {
	ctx, cancel := context.WithDeadline(ctx, r.budget.archiveEnd(r.work(), time.Now()))
	defer cancel()
	if r.answers != nil {
		if err := r.lake.PutArchive(ctx, r.day(), r.summary.RunID, r.answers); err != nil {
			r.fail(RunError{Stage: stageArchive, Message: "the raw answers could not be stored, so that this run can't be replayed: " + err.Error(), Retryable: retryable(err)})
		}
	}
	if err := r.lake.PutRejects(ctx, r.day(), r.summary.RunID, r.rejects); err != nil {
		r.fail(RunError{Stage: stageArchive, Message: "the refused rows could not be stored: " + err.Error(), Retryable: retryable(err)})
	}
}

// pulled is what came of one app.
type pulled struct {
	app      chat.App
	rows     []stats.Row // of the days asked for, each day once
	refused  []refusal   // of the same days, or of none that could be read
	answered []stats.Day // all days of the answer
	findings []finding
	attempts int
	parsing  time.Duration // that reading the rows took
	err      *RunError
}

// refusal is an entry of an answer that is no row.
type refusal struct {
	raw    json.RawMessage
	reason string
}

// pullApp pulls one app and reads its rows. A panic is that app's error: SCF's library catches only those of the
// invocation's own goroutine, and any other would end the process.
func pullApp(ctx context.Context, client *chat.Client, app chat.App, r request) (p pulled) {
	p.app = app
	defer func() {
		if v := recover(); v != nil {
			p = pulled{app: app, err: &RunError{AppID: app.ID, Stage: stageParse, Message: panicMessage(v)}}
		}
	}()
	answer, err := client.AppInfo(ctx, app, r.fields)
	p.attempts = answer.Attempts
	if err != nil {
		p.err = pullError(app, err)
		return p
	}
	began := time.Now()
	p.readRows(answer.Entries, r.wants)
	p.findings = inspect(p.rows)
	p.parsing = time.Since(began)
	return p
}

// panicMessage says where a panic came from, which is all that a report of the bug needs.
func panicMessage(v any) string {
	where := "an unknown place"
	pc := make([]uintptr, 16)
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			where = fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
			break
		}
	}
	return fmt.Sprintf("a panic at %s, which is a bug of chatlake: please report it: %v", where, v)
}

func pullError(app chat.App, err error) *RunError {
	e := &RunError{AppID: app.ID, Stage: stagePull, Message: err.Error()}
	var failed *chat.Error
	if errors.As(err, &failed) {
		e.Code, e.Message, e.Retryable, e.Attempts = failed.Code, failed.Message(), failed.Retryable, failed.Attempts
		if failed.Parse {
			e.Stage = stageParse
		}
	}
	return e
}

// readRows reads an answer's entries. A day that comes twice with the same values is one row; with different values
// all of its rows are refused, since nothing says which is right.
func (p *pulled) readRows(entries []json.RawMessage, wants func(stats.Day) bool) {
	type entry struct {
		raw json.RawMessage
		row stats.Row
		err error
	}
	byDay := make(map[stats.Day][]entry, len(entries))
	for _, raw := range entries {
		row, err := stats.Parse(p.app.ID, raw)
		if err != nil && row.Day == 0 {
			p.refuse(raw, row.Day, err)
			continue
		}
		p.answered = append(p.answered, row.Day)
		switch {
		case !wants(row.Day):
		case errors.Is(err, stats.ErrOtherApp):
			p.refuse(raw, row.Day, err)
		default:
			byDay[row.Day] = append(byDay[row.Day], entry{raw, row, err})
		}
	}
	for day, entries := range byDay {
		var clash error
		for _, e := range entries[1:] {
			if e.err != nil || entries[0].err != nil || !e.row.SameValues(&entries[0].row) {
				clash = fmt.Errorf("the answer has the day %d times, with different values", len(entries))
			}
		}
		if clash == nil && entries[0].err == nil {
			p.rows = append(p.rows, entries[0].row)
			continue
		}
		for _, e := range entries {
			p.refuse(e.raw, day, errors.Join(e.err, clash))
		}
	}
}

func (p *pulled) refuse(raw json.RawMessage, day stats.Day, err error) {
	reason := strings.ReplaceAll(err.Error(), "\n", "; ")
	if day != 0 {
		reason = day.String() + ": " + reason
	}
	p.refused = append(p.refused, refusal{raw, reason})
}
