// Package handler is one run: an event in, a summary out. It reads the configuration from the invocation's environment,
// pulls the apps side by side, merges the rows into the lake day by day and stores the summary.
//
// Failure model: a fault of the configuration or the event ends the run before any call. After that, an app that can't
// be pulled and a day that can't be merged cost only themselves. The context's deadline is when the process is killed:
// the run stops pulling in time to write what it has, stops writing in time to store the summary, and returns before
// it. Nothing outlives a run.
package handler

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"chatlake/internal/chat"
	"chatlake/internal/stats"
	"chatlake/storage"
)

// Job is what a run needs from whoever starts it.
type Job struct {
	Env       map[string]string             // the invocation's environment
	Payload   []byte                        // the event: a timer's, a request, or nothing
	Logger    func(slog.Level) *slog.Logger // makes the run's log, with the configuration's level
	Progress  func(done, total, failed int) // told of each app that was pulled or given up; may be nil
	Transport http.RoundTripper             // for all calls; nil for one of the run's own
}

// daysAtOnce bounds the days that are merged side by side, and by that the files in memory.
const daysAtOnce = 10

// Run does the job. An error is a [*Failure]; the summary is whole either way.
func Run(ctx context.Context, job Job) (Summary, error) {
	started := time.Now()
	budget := newBudget(ctx, started)
	ctx, cancel := budget.forAll(ctx)
	defer cancel()
	if job.Transport == nil {
		own := newTransport()
		defer own.CloseIdleConnections()
		job.Transport = own
	}
	r := &run{job: job, started: started, budget: budget, cos: &countingTransport{next: job.Transport}}
	if faults := r.prepare(ctx); len(faults) > 0 {
		return r.refuse(faults)
	}
	r.log.Info("run started", "run_id", r.summary.RunID, "trigger", r.event.trigger, "apps", len(r.config.apps),
		"from", r.window.From, "to", r.window.To, "dry_run", r.event.dryRun)
	r.merge(ctx, r.pull(ctx))
	return r.finish(ctx)
}

// run is one run's state.
type run struct {
	job     Job
	started time.Time
	budget  budget
	log     *slog.Logger
	event   event
	config  config
	window  window
	lake    *storage.Lake
	chat    *chat.Client
	cos     *countingTransport
	summary Summary
}

// prepare reads the event and the configuration, and returns all faults of both.
func (r *run) prepare(ctx context.Context) []string {
	var eventFaults, faults []string
	r.event, eventFaults = parseEvent(r.job.Payload, r.started)
	r.config, faults = readConfig(r.job.Env)
	r.log = r.job.Logger(r.config.logLevel)
	r.summary = Summary{
		RunID:   newRunID(r.event.clock),
		Trigger: r.event.trigger, Source: "api", DryRun: r.event.dryRun,
		StartedAt:  r.started.UTC().Format(time.RFC3339),
		Partitions: Partitions{Written: []stats.Day{}, Failed: []stats.Day{}},
		Gaps:       []any{}, Warnings: []string{}, Errors: []RunError{},
	}
	var warnings, windowFaults []string
	r.window, warnings, windowFaults = r.event.clip(apiWindow(r.event.clock))
	r.summary.Window = r.window

	var store, bucket storage.Store
	if r.config.lake.Bucket != nil {
		bucket = storage.NewCOS(r.config.lake.Bucket, r.config.keys, r.cos)
		store = bucket
	} else {
		store = storage.NewDir(r.config.lake.Dir)
	}
	r.lake = storage.NewLake(store, r.config.lake.Prefix, r.event.dryRun)
	r.chat = chat.NewClient(r.job.Transport, r.config.qps)

	// A list of apps that lies in the bucket can be had only if what leads there is right.
	if r.config.appsFrom != "" && (len(faults) == 0 || !strings.HasPrefix(r.config.appsFrom, "cos:")) {
		faults = append(faults, r.config.loadApps(ctx, bucket)...)
	}
	faults = slices.Concat(eventFaults, windowFaults, faults, r.selectApps())
	r.summary.Apps.Total = len(r.config.apps)
	r.warn(r.config.warnings...)
	r.warn(warnings...)
	r.warnOfTheEvent()
	return faults
}

// selectApps keeps the apps that the event asks for.
func (r *run) selectApps() (faults []string) {
	if r.event.apps == nil || r.config.apps == nil {
		return nil
	}
	var chosen []chat.App
	for _, id := range r.event.apps {
		i := slices.IndexFunc(r.config.apps, func(a chat.App) bool { return a.ID == id })
		if i < 0 {
			faults = append(faults, fmt.Sprintf("the event asks for app %d, which CHATLAKE_APPS does not have", id))
			continue
		}
		chosen = append(chosen, r.config.apps[i])
	}
	r.config.apps = chosen
	return faults
}

func (r *run) warnOfTheEvent() {
	if skew := r.started.Sub(r.event.clock).Abs(); skew > 24*time.Hour {
		r.warn(fmt.Sprintf("the run's clock, %s, and this machine's, %s, are %s apart: the window is by the run's clock",
			r.event.clock.Format(time.RFC3339), r.started.UTC().Format(time.RFC3339), skew.Round(time.Minute)))
	}
	if r.event.trigger == "timer" && r.event.fields != nil {
		r.warn("the timer's request has fields: the other fields pass out of the API's reach and are lost; leave fields out of the timer")
	}
}

func (r *run) warn(texts ...string) {
	for _, text := range texts {
		r.summary.Warnings = append(r.summary.Warnings, text)
		r.log.Warn(text, "run_id", r.summary.RunID)
	}
}

func (r *run) fail(e RunError) {
	r.summary.Errors = append(r.summary.Errors, e)
	r.log.Error(e.describe(), "run_id", r.summary.RunID, "stage", e.Stage, "sdk_app_id", e.AppID, "code", e.Code)
}

// refuse ends a run before any call.
func (r *run) refuse(faults []string) (Summary, error) {
	text := strings.Join(faults, "; ")
	r.fail(RunError{Stage: stageConfig, Message: text})
	r.summary.Status = Failed
	r.summary.Apps.Failed = r.summary.Apps.Total
	r.summary.DurationMS = time.Since(r.started).Milliseconds()
	r.summary.Requests.COS = r.cos.count.Load()
	return r.summary, &Failure{r.summary, "nothing was pulled or written, since the configuration or the event is wrong: " + text}
}

// pull pulls all apps and returns their rows by day.
func (r *run) pull(ctx context.Context) map[stats.Day][]stats.Row {
	ctx, cancel := r.budget.forPull(ctx)
	defer cancel()
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
	days := make(map[stats.Day][]stats.Row)
	done := 0
	for p := range results {
		done++
		r.take(p, days)
		if r.job.Progress != nil {
			r.job.Progress(done, len(r.config.apps), r.summary.Apps.Failed)
		}
	}
	slices.SortFunc(r.summary.Errors, func(a, b RunError) int { return cmp.Compare(a.AppID, b.AppID) })
	return days
}

// take adds what came of one app.
func (r *run) take(p pulled, days map[stats.Day][]stats.Row) {
	if p.err != nil {
		r.summary.Apps.Failed++
		r.fail(*p.err)
		return
	}
	r.summary.Apps.OK++
	r.summary.Rows.Pulled += len(p.rows) + len(p.refused)
	r.summary.Rows.Rejected += len(p.refused)
	var future []string
	today := apiWindow(r.event.clock).To + 1
	for _, row := range p.rows {
		days[row.Day] = append(days[row.Day], row)
		if row.Day > today {
			future = append(future, row.Day.String())
		}
	}
	for _, refused := range p.refused {
		r.warn(fmt.Sprintf("app %d: a row was refused: %s", p.app.ID, refused))
	}
	if future != nil {
		r.warn(fmt.Sprintf("app %d: the API gave rows of days to come, which were stored: %s", p.app.ID, strings.Join(future, ", ")))
	}
	r.log.Debug("app pulled", "run_id", r.summary.RunID, "sdk_app_id", p.app.ID, "rows", len(p.rows), "attempts", p.attempts)
}

// merge merges the rows into the lake, day by day.
func (r *run) merge(ctx context.Context, days map[stats.Day][]stats.Row) {
	ctx, cancel := r.budget.forMerge(ctx)
	defer cancel()
	type outcome struct {
		day    stats.Day
		merged storage.Merged
		err    error
	}
	outcomes := make(chan outcome)
	go func() {
		defer close(outcomes)
		var group errgroup.Group
		group.SetLimit(daysAtOnce)
		for day, rows := range days {
			group.Go(func() error {
				merged, err := r.lake.Merge(ctx, day, rows, r.event.clock)
				outcomes <- outcome{day, merged, err}
				return nil
			})
		}
		group.Wait()
	}()
	p := &r.summary.Partitions
	var failed []RunError
	for o := range outcomes {
		r.summary.Rows.Inserted += o.merged.Inserted
		r.summary.Rows.Updated += o.merged.Updated
		r.summary.Rows.Unchanged += o.merged.Unchanged
		switch {
		case o.err != nil:
			p.Failed = append(p.Failed, o.day)
			failed = append(failed, RunError{
				Day: &o.day, Stage: stageStore, Message: o.err.Error(), Retryable: !errors.As(o.err, new(*storage.DamagedError)),
			})
		case o.merged.Written:
			p.Written = append(p.Written, o.day)
		default:
			p.Unchanged++
		}
		r.log.Debug("day merged", "run_id", r.summary.RunID, "day", o.day, "inserted", o.merged.Inserted, "updated", o.merged.Updated)
	}
	slices.Sort(p.Written)
	slices.Sort(p.Failed)
	slices.SortFunc(failed, func(a, b RunError) int { return cmp.Compare(*a.Day, *b.Day) })
	for _, e := range failed {
		r.fail(e)
	}
}

// finish fixes the summary and stores it.
func (r *run) finish(ctx context.Context) (Summary, error) {
	r.summary.Requests.Chat, r.summary.Requests.ChatRetries = r.chat.Requests()
	r.summary.Requests.COS = r.cos.count.Load()
	r.summary.DurationMS = time.Since(r.started).Milliseconds()
	err := r.summary.finish(r.config.failOn, true)
	day := stats.DayIn(r.event.clock, time.UTC)
	if storeErr := r.lake.PutRun(ctx, day, r.summary.RunID, r.summary.JSON()); storeErr != nil {
		r.fail(RunError{Stage: stageStore, Message: "the run's summary could not be stored: " + storeErr.Error(), Retryable: true})
		err = r.summary.finish(r.config.failOn, false)
	}
	return r.summary, err
}

func newRunID(clock time.Time) string {
	var unique [4]byte
	rand.Read(unique[:])
	return clock.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(unique[:])
}

// countingTransport counts the requests that go through it.
type countingTransport struct {
	next  http.RoundTripper
	count atomic.Int64
}

func (t *countingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.count.Add(1)
	return t.next.RoundTrip(req)
}

func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 64
	return t
}
