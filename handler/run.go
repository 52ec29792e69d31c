// Package handler is one run: an event in, a summary out. It reads the configuration from the invocation's environment,
// takes the writers' lease, pulls the apps side by side (or reads the raw archive), archives the answers, merges the rows
// into the lake day by day, finds what the lake lacks and stores the summary.
//
// Failure model: a fault of the configuration or the event, or a lake that another run holds, ends the run before any
// call. After that, an app that can't be pulled and a day that can't be merged cost only themselves. The context's deadline
// is when the process is killed: the run stops pulling in time to write what it has, stops writing in time to store the
// summary, and returns before it. Nothing outlives a run.
package handler

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"chatlake/internal/chat"
	"chatlake/internal/stats"
	"chatlake/storage"
	"chatlake/storage/lease"
)

// Job is what a run needs from whoever starts it.
type Job struct {
	Env       map[string]string             // the invocation's environment
	Payload   []byte                        // the event: a timer's, a request, or nothing
	Logger    func(slog.Level) *slog.Logger // makes the run's log, with the configuration's level
	Progress  func(Progress)                // told how far each stage is, never twice at once; may be nil
	Transport http.RoundTripper             // for all calls; nil for one of the run's own
}

// Run does the job. An error is a [*Failure]; the summary is whole either way.
func Run(ctx context.Context, job Job) (Summary, error) {
	ctx, r, end := begin(ctx, job)
	defer end()
	faults, again := r.prepare(ctx)
	if r.event.check {
		faults = append(faults, "the event asks for check, which is no run")
	}
	if len(faults) > 0 {
		return r.refuse(ctx, faults, again)
	}
	if err := r.lock(ctx); err != nil {
		return r.refuseHeld(ctx, err)
	}
	defer r.unlock(ctx)
	r.log.Info("run started", "run_id", r.summary.RunID, "trigger", r.event.trigger, "source", r.event.source,
		"apps", len(r.config.apps), "from", r.summary.Window.From, "to", r.summary.Window.To, "dry_run", r.event.dryRun)
	r.readLatest(ctx)
	if r.event.source == sourceRaw {
		r.replay(ctx)
	} else {
		r.fetchKeys(ctx)
		if r.config.raw && !r.event.dryRun {
			r.answers = storage.NewArchive()
			defer r.answers.Close()
		}
		r.pull(ctx)
		r.archive(ctx)
		r.merge(ctx)
	}
	coverage := r.findGaps()
	r.register(ctx)
	return r.finish(ctx, coverage)
}

// begin starts a run's clock and returns its state, and what ends it.
func begin(ctx context.Context, job Job) (bounded context.Context, r *run, end func()) {
	started := time.Now()
	budget := newBudget(ctx, started)
	bounded, cancel := context.WithDeadline(ctx, budget.end())
	var own *http.Transport
	if job.Transport == nil {
		own = newTransport()
		job.Transport = own
	}
	r = &run{job: job, started: started, budget: budget, rows: newSpool(), changed: make(map[stats.Day][]int64), cos: &meter{next: job.Transport}}
	return bounded, r, func() {
		r.rows.close()
		if own != nil {
			own.CloseIdleConnections()
		}
		cancel()
	}
}

// run is one run's state.
type run struct {
	job        Job
	started    time.Time
	budget     budget
	log        *slog.Logger
	event      event
	config     config
	configured []int64 // all apps of the configuration, also those that the event does not ask for
	store      storage.Store
	lease      *lease.Lease // nil for a dry run
	lake       *storage.Lake
	chat       *chat.Client
	answers    *storage.Archive // nil where none are kept
	rejects    []storage.Reject
	rows       *spool // of the apps that were pulled
	findings   []finding
	changed    map[stats.Day][]int64 // apps by the days of their rows that this run stored or changed
	parsed     int                   // entries of answers
	parsing    time.Duration         // them all
	previous   Latest
	unknown    bool // the newest run's summary could not be fetched, and must not be replaced by one that knows less
	holdings   *holdings
	cos        *meter
	summary    Summary
}

// Latest is what the lake keeps as its newest run's summary: the summary, and what the next run has to know of the lake.
type Latest struct {
	Summary
	Coverage []Coverage `json:"coverage"`
}

// prepare reads the event and the configuration, and returns all faults of both. A list of apps that could not be fetched is
// one too: again says that this may pass.
func (r *run) prepare(ctx context.Context) (faults []string, again bool) {
	r.event, faults = parseEvent(r.job.Payload, r.started)
	api := apiWindow(r.event.clock)
	window, windowWarnings := api, []string(nil)
	if len(faults) == 0 { // a request with a fault asks for no window
		window, windowWarnings, faults = r.event.window(api)
	}
	var configFaults []string
	r.config, configFaults = readConfig(r.job.Env, r.job.Transport)
	faults = append(faults, configFaults...)
	r.log = r.job.Logger(r.config.logLevel)
	r.summary = Summary{
		RunID:   newRunID(r.event.clock),
		Trigger: r.event.trigger, Source: r.event.source, DryRun: r.event.dryRun,
		StartedAt:  r.started.UTC().Format(time.RFC3339),
		Window:     window,
		Partitions: Partitions{Written: []stats.Day{}, Failed: []stats.Day{}},
		Gaps:       []Gap{}, Warnings: []string{}, Errors: []RunError{},
	}
	r.holdings = newHoldings(api)

	var bucket storage.Store
	if r.config.lake.Bucket != nil {
		bucket = storage.NewCOS(r.config.lake.Bucket, r.config.keys, r.cos)
		r.store = bucket
	} else {
		r.store = storage.NewDir(r.config.lake.Dir)
	}
	r.lake = storage.NewLake(r.store, r.config.lake.Prefix, r.event.dryRun)
	r.chat = chat.NewClient(r.job.Transport, r.config.qps, r.keepAnswer)

	// No call is made for a run that ends here. Checks see as much as they can.
	if r.config.appsFrom != "" && (len(faults) == 0 || !r.config.appsAreRemote() || r.event.check && r.config.reachesApps()) {
		var listFaults []string
		listFaults, again = r.config.loadApps(ctx, bucket)
		if len(listFaults) == 0 {
			listFaults = r.selectApps()
		}
		faults = append(faults, listFaults...)
	}
	r.summary.Apps.Total = len(r.config.apps)
	r.warn(r.config.warnings...)
	r.warn(windowWarnings...)
	r.warnOfTheEvent()
	return faults, again
}

// selectApps keeps the apps that the event asks for, and returns those that there are none of.
func (r *run) selectApps() (faults []string) {
	byID := make(map[int64]chat.App, len(r.config.apps))
	for _, app := range r.config.apps {
		r.configured = append(r.configured, app.ID)
		byID[app.ID] = app
	}
	if r.event.apps == nil {
		return nil
	}
	r.config.apps = nil
	for _, id := range r.event.apps {
		if app, ok := byID[id]; ok {
			r.config.apps = append(r.config.apps, app)
		} else {
			faults = append(faults, fmt.Sprintf("the event asks for app %d, which CHATLAKE_APPS does not have", id))
		}
	}
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
	r.log.Error(e.Describe(), "run_id", r.summary.RunID, "stage", e.Stage, "sdk_app_id", e.AppID, "code", e.Code)
}

// mostFaults bounds what a refused run says, so that its answer and its log line stay within their bounds.
const mostFaults = 50

// refuse ends a run before any call.
func (r *run) refuse(ctx context.Context, faults []string, again bool) (Summary, error) {
	text := strings.Join(faults[:min(len(faults), mostFaults)], "; ")
	if more := len(faults) - mostFaults; more > 0 {
		text += fmt.Sprintf("; and %d more faults", more)
	}
	why := "the configuration or the event is wrong"
	if again {
		why = "the apps could not be read"
	}
	summary, failure := r.end(ctx, RunError{Stage: stageConfig, Message: text, Retryable: again}, "nothing was pulled or written, since "+why+": "+text)
	failure.Refused = !again
	return summary, failure
}

// refuseHeld ends a run that did not get the lease.
func (r *run) refuseHeld(ctx context.Context, err error) (Summary, error) {
	return r.end(ctx, RunError{Stage: stageStore, Message: err.Error(), Retryable: retryable(err)},
		"nothing was pulled or written: "+err.Error())
}

func (r *run) end(ctx context.Context, e RunError, reason string) (Summary, *Failure) {
	r.fail(e)
	r.summary.Status = Failed
	r.summary.Apps.Failed = r.summary.Apps.Total
	r.alert(ctx)
	r.count()
	return r.summary, &Failure{Summary: r.summary, Reason: reason}
}

func (r *run) count() {
	r.summary.Requests.Chat, r.summary.Requests.ChatRetries = r.chat.Requests()
	r.summary.Requests.COS = r.cos.count.Load()
	r.summary.DurationMS = time.Since(r.started).Milliseconds()
}

// lock takes the writers' lease. From here on, nothing is written once it has ended.
func (r *run) lock(ctx context.Context) error {
	if r.event.dryRun {
		return nil
	}
	var err error
	r.lease, err = lease.Acquire(ctx, r.store, r.config.lake.Prefix, r.summary.RunID, r.budget.deadline, r.budget.lastStart())
	if err != nil {
		return err
	}
	r.lake = storage.NewLake(r.lease.Guard(r.store), r.config.lake.Prefix, false)
	if !r.lease.Honoured() {
		r.warn("the bucket ignores x-cos-forbid-overwrite, as one that ever had versioning does: two runs at once are kept apart by timing alone; set the function's concurrency to 1, which is what guards such a bucket")
	}
	return nil
}

// unlock gives the lease back, also when the run was told to stop. If it can't, the lease ends by itself.
func (r *run) unlock(ctx context.Context) {
	if r.lease == nil {
		return
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), r.budget.unlockEnd())
	defer cancel()
	if err := r.lease.Release(ctx); err != nil {
		r.log.Warn("the lease could not be released: it ends by itself", "run_id", r.summary.RunID, "error", err)
	}
}

// readLatest reads what the newest run left. Without it, what it said of the lake is rebuilt from the window.
func (r *run) readLatest(ctx context.Context) {
	text, err := r.lake.LatestRun(ctx)
	r.unknown = err != nil && !errors.Is(err, storage.ErrNotExist)
	if err == nil {
		err = json.Unmarshal(text, &r.previous)
	}
	if err != nil && !errors.Is(err, storage.ErrNotExist) {
		r.previous = Latest{}
		r.warn(fmt.Sprintf("the newest run's summary cannot be read (%v): this run does not know what it knew of gaps before %s", err, r.holdings.window.From))
	}
}

// finish tells of trouble, fixes the summary and stores it.
func (r *run) finish(ctx context.Context, coverage []Coverage) (Summary, error) {
	r.summary.finish(r.config.failOn, true)
	told := r.alert(ctx)
	r.count()
	err := r.summary.finish(r.config.failOn, true)
	if storeErr := r.lake.PutRun(ctx, r.day(), r.summary.RunID, r.summary.JSON()); storeErr != nil {
		r.fail(RunError{Stage: stageStore, Message: "the run's summary could not be stored: " + storeErr.Error(), Retryable: retryable(storeErr)})
		err = r.summary.finish(r.config.failOn, false)
		if !told {
			r.alert(ctx)
		}
		return r.summary, err
	}
	if r.unknown {
		return r.summary, err
	}
	newest, jsonErr := json.Marshal(Latest{r.summary, coverage})
	if jsonErr != nil {
		panic(jsonErr) // neither has anything that JSON can't hold
	}
	if storeErr := r.lake.PutLatestRun(ctx, newest); storeErr != nil {
		r.fail(RunError{Stage: stageStore, Message: "the summary could not be stored as the newest one: " + storeErr.Error(), Retryable: retryable(storeErr)})
		err = r.summary.finish(r.config.failOn, true)
		// The one that is stored says what the answer says.
		if storeErr := r.lake.PutRun(ctx, r.day(), r.summary.RunID, r.summary.JSON()); storeErr != nil {
			r.log.Error("the summary could not be stored again", "run_id", r.summary.RunID, "error", storeErr)
		}
	}
	return r.summary, err
}

// retryable reports whether what failed in the lake may succeed later, with nothing changed.
func retryable(err error) bool {
	var answer *storage.COSError
	var damaged *storage.DamagedError
	return !errors.As(err, &damaged) && (!errors.As(err, &answer) || answer.Retryable())
}

// day is the day of the run's clock, UTC, by which its objects beside the table are filed.
func (r *run) day() stats.Day { return stats.DayIn(r.event.clock, time.UTC) }

func newRunID(clock time.Time) string {
	var unique [4]byte
	rand.Read(unique[:])
	return clock.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(unique[:])
}

func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 64
	t.MaxResponseHeaderBytes = 64 << 10 // by default 10 MB, in each of the calls in flight
	return t
}
