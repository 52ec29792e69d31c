package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"chatlake/internal/cloud/dlc"
	"chatlake/internal/stats"
	"chatlake/storage"
)

// Report is what the operator's checks saw.
type Report struct {
	Check     bool      `json:"check"`  // true, which tells it from a Summary
	Status    Status    `json:"status"` // the worst of the checks': ok, warning or failed
	Checks    []Checked `json:"checks"`
	Truncated bool      `json:"truncated,omitempty"` // the last checks were cut off to keep the text short
}

// Checked is one check. A check that could not be made, since one before it failed, is left out. The names, in their order, of
// which some may come more than once:
//
//	configuration  the environment, and the list of apps: each fault and each warning
//	lake read      the right to read
//	clock          this machine's clock beside that of COS
//	lake list      the right to list, which replays need
//	lake write     the right to write, by taking and giving back the lease
//	lease          whether another run holds it, and whether the bucket honours it
//	newest run     its age and how it ended
//	files          whether those of the API's days can be read
//	gaps           days that the lake lacks
//	coverage       configured apps without rows, and apps with new rows that left the configuration
//	secrets        keys in Secrets Manager
//	catalog        Data Lake Compute
//	alert          the webhook
//	limits         the run's time and memory beside the number of apps
//	apps           how many apps the API answered for
//	app 1400000001 one app: all of a few, else those that are not ok
type Checked struct {
	Name    string `json:"name"`
	Status  Status `json:"status"`
	Message string `json:"message"` // what was seen, and what to do
}

// Warning is what needs no haste, or what nobody can tell.
const Warning Status = "warning"

const (
	stepTime    = 30 * time.Second // for one of the steps that wait for the lake or for Tencent Cloud's API
	mostMessage = 2000             // bytes
	mostNamed   = 5                // of a list in a message
)

// Check does the operator's checks: before the first deployment, and when something is wrong. It makes one call for each app,
// reads the lake, and takes and gives back the writers' lease; else it writes nothing. It is an error if the event does not ask
// for checks.
func Check(ctx context.Context, job Job) (Report, error) {
	event, faults := parseEvent(job.Payload, time.Now())
	if !event.check && len(faults) == 0 {
		faults = []string{"the event does not ask for check"}
	}
	if len(faults) > 0 {
		return Report{}, fmt.Errorf("nothing was checked: %s", strings.Join(faults, "; "))
	}
	job.Logger = func(slog.Level) *slog.Logger { return slog.New(slog.DiscardHandler) } // the report says it all
	ctx, r, end := begin(ctx, job)
	defer end()
	return (&checker{run: r}).check(ctx), nil
}

// checker is the state of the checks: a run that is prepared as any other and goes no further.
type checker struct {
	*run
	asked []int64   // apps to check
	due   stats.Day // the last that runs should have stored by now
	sound bool      // the configuration: else there is neither a call to the Chat API nor a write
	lines []Checked
}

func (c *checker) check(ctx context.Context) Report {
	faults, _ := c.prepare(ctx)
	c.due = c.holdings.window.To
	c.selectWhole()
	c.checkConfiguration(faults)
	c.sound = len(faults) == 0
	keys := c.checkSecrets(ctx)
	apps := c.askForApps(ctx)
	c.checkLake(ctx)
	c.lines = append(c.lines, keys...)
	c.checkCatalog(ctx)
	c.checkAlert()
	c.checkLimits()
	c.addApps(<-apps)
	return newReport(c.lines)
}

// add adds a check's line.
func (c *checker) add(name string, status Status, format string, args ...any) {
	c.lines = append(c.lines, checked(name, status, format, args...))
}

func checked(name string, status Status, format string, args ...any) Checked {
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ")
	if len(text) > mostMessage {
		text = strings.ToValidUTF8(text[:mostMessage], "") + "…"
	}
	return Checked{name, status, text}
}

func (c *checker) checkConfiguration(faults []string) {
	const name = "configuration"
	for _, fault := range faults[:min(len(faults), mostFaults)] {
		c.add(name, Failed, "%s", fault)
	}
	if more := len(faults) - mostFaults; more > 0 {
		c.add(name, Failed, "%d more faults: mend these first", more)
	}
	for _, text := range c.summary.Warnings {
		c.add(name, Warning, "%s", text)
	}
	if dir := c.config.lake.Dir; dir != "" {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			c.add(name, Warning, "CHATLAKE_LAKE names a directory that is not there, and is made now: right for a new lake")
		}
	}
	if len(c.lines) == 0 {
		c.add(name, OK, "%d apps, the lake is %s", len(c.configured), c.job.Env["CHATLAKE_LAKE"])
	}
}

// checkCatalog finds out whether Data Lake Compute answers to the role, by a task that it does not know: a statement would cost
// an engine's time. What became of the newest run's own registration tells the rest.
func (c *checker) checkCatalog(ctx context.Context) {
	const name = "catalog"
	if c.config.catalog == nil || c.config.cloud == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	if err := dlc.Reach(ctx, c.config.cloud); err != nil {
		c.add(name, Failed, "%v: check CHATLAKE_CATALOG", err)
		return
	}
	if e := c.previous.of(stageCatalog); e != nil {
		c.add(name, Failed, "%s: %s", c.previous.RunID, e.Message)
		return
	}
	c.add(name, OK, "Data Lake Compute answers; its engine and table are tried by runs only, whose summaries have an error of the stage catalog where that fails")
}

// checkAlert sends nothing to the people behind the webhook.
func (c *checker) checkAlert() {
	if c.config.alertURL.IsZero() {
		return
	}
	if e := c.previous.of(stageAlert); e != nil {
		c.add("alert", Failed, "%s: %s", c.previous.RunID, e.Message)
		return
	}
	c.add("alert", OK, "the webhook is set; it is tried by runs only, whose summaries have an error of the stage alert where that fails")
}

// of returns a run's first error of a stage.
func (s *Summary) of(stage string) *RunError {
	if i := slices.IndexFunc(s.Errors, func(e RunError) bool { return e.Stage == stage }); i >= 0 {
		return &s.Errors[i]
	}
	return nil
}

func (c *config) hasLake() bool { return c.lake != storage.Location{} }

func (c *config) hasKeys() bool { return !c.keys.ID.IsZero() && !c.keys.Key.IsZero() }

// reachesApps reports whether a remote list of apps can be asked for in spite of other faults.
func (c *config) reachesApps() bool {
	if strings.HasPrefix(c.appsFrom, ssmPrefix) {
		return c.hasKeys() && c.cloud != nil
	}
	return c.hasLake() && (c.hasKeys() || c.lake.Bucket == nil)
}

func newReport(lines []Checked) Report {
	r := Report{Check: true, Status: OK, Checks: lines}
	for _, l := range lines {
		if l.Status == Failed || r.Status == OK {
			r.Status = l.Status
		}
	}
	return r
}

// JSON returns the whole report as one line.
func (r Report) JSON() []byte {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err) // a Report has nothing that JSON can't hold
	}
	return line
}

// Line returns the report as one line of JSON, the last checks cut off where it would be longer than most bytes.
func (r Report) Line(most int) []byte {
	if whole := r.JSON(); len(whole) <= most {
		return whole
	}
	r.Truncated = true
	short := func(n int) []byte {
		c := r
		c.Checks = r.Checks[:n]
		return c.JSON()
	}
	n := sort.Search(len(r.Checks), func(n int) bool { return len(short(n)) > most })
	return short(max(n-1, 0))
}
