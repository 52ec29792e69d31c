package handler

import (
	"encoding/json"
	"fmt"
	"sort"

	"chatlake/internal/stats"
)

// Summary is what a run did. It is returned, logged and stored under the lake's _runs.
type Summary struct {
	RunID      string      `json:"run_id"`
	Status     Status      `json:"status"`
	Trigger    string      `json:"trigger"`
	Source     string      `json:"source"`
	DryRun     bool        `json:"dry_run"`
	StartedAt  string      `json:"started_at"` // wall clock, UTC
	DurationMS int64       `json:"duration_ms"`
	Window     window      `json:"window"`
	Apps       AppCounts   `json:"apps"`
	Rows       RowCounts   `json:"rows"`
	Partitions Partitions  `json:"partitions"`
	Gaps       []Gap       `json:"gaps"`
	Warnings   []string    `json:"warnings"`
	Errors     []RunError  `json:"errors"`
	Requests   RequestsSum `json:"requests"`
	Truncated  bool        `json:"truncated,omitempty"` // lists were cut to keep the text short
}

// Status is ok where nothing failed, partial where some apps, days or rows did, or what comes beside them, and failed where all did or nothing
// could be written.
type Status string

const (
	OK      Status = "ok"
	Partial Status = "partial"
	Failed  Status = "failed"
)

// AppCounts counts the apps asked for.
type AppCounts struct {
	Total  int `json:"total"`
	OK     int `json:"ok"`
	Failed int `json:"failed"`
}

// RowCounts counts the rows of the days asked for. Pulled are all that the API gave of them, the refused ones too.
type RowCounts struct {
	Pulled    int `json:"pulled"`
	Inserted  int `json:"inserted"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Rejected  int `json:"rejected"`
}

// Partitions are the days for which there were rows.
type Partitions struct {
	Written   []stats.Day `json:"written"`
	Unchanged int         `json:"unchanged"`
	Failed    []stats.Day `json:"failed"`
}

// RequestsSum counts HTTP requests, each attempt on its own.
type RequestsSum struct {
	Chat        int64 `json:"chat"`
	ChatRetries int64 `json:"chat_retries"`
	COS         int64 `json:"cos"`
}

// Stages of a run.
const (
	stageConfig  = "config"
	stagePull    = "pull"
	stageParse   = "parse"
	stageArchive = "archive"
	stageStore   = "store"
	stageCatalog = "catalog"
	stageAlert   = "alert"
)

// RunError is what kept an app's or a day's rows out of the lake.
type RunError struct {
	AppID     int64      `json:"sdk_app_id,omitempty"`
	Day       *stats.Day `json:"day,omitempty"`
	Stage     string     `json:"stage"`
	Code      int        `json:"code,omitempty"` // the API's
	Message   string     `json:"message"`        // what happened and what to do
	Retryable bool       `json:"retryable"`
	Attempts  int        `json:"attempts,omitempty"`
}

// Failure is a run that failed the invocation. Its text begins with the summary as one line of JSON, since SCF drops the
// result of an invocation that returns an error.
type Failure struct {
	Summary Summary
	Reason  string
	Refused bool // the configuration or the event was wrong, and nothing was done
}

func (f *Failure) Error() string {
	return string(f.Summary.Line(maxAnswer-len(f.Reason))) + "\n" + f.Reason
}

const (
	maxAnswer  = 1 << 20  // bytes of an answer
	maxLogLine = 64 << 10 // bytes of a log line
)

// JSON returns the whole summary as one line.
func (s Summary) JSON() []byte {
	line, err := json.Marshal(s)
	if err != nil {
		panic(err) // a Summary has nothing that JSON can't hold
	}
	return line
}

// Line returns the summary as one line of JSON, its lists cut where it would be longer than most bytes.
func (s Summary) Line(most int) []byte {
	if whole := s.JSON(); len(whole) <= most {
		return whole
	}
	// The longest lists that fit: a list is cut at the same length as every other.
	longest := max(len(s.Partitions.Written), len(s.Partitions.Failed), len(s.Gaps), len(s.Warnings), len(s.Errors))
	short := func(n int) []byte {
		c := s
		c.Truncated = true
		c.Partitions.Written = cut(s.Partitions.Written, n)
		c.Partitions.Failed = cut(s.Partitions.Failed, n)
		c.Gaps = cut(s.Gaps, n)
		c.Warnings = cut(s.Warnings, n)
		c.Errors = cut(s.Errors, n)
		return c.JSON()
	}
	n := sort.Search(longest, func(n int) bool { return len(short(n)) > most })
	return short(max(n-1, 0))
}

func cut[T any](list []T, n int) []T { return list[:min(n, len(list))] }

// finish derives the status, and returns the error that fails the invocation, if its failures are of that kind.
func (s *Summary) finish(failOn string, stored bool) error {
	days := len(s.Partitions.Written) + s.Partitions.Unchanged + len(s.Partitions.Failed)
	switch {
	case s.Apps.Failed == s.Apps.Total,
		days > 0 && len(s.Partitions.Failed) == days,
		!stored && len(s.Partitions.Written) == 0:
		s.Status = Failed
	case s.Rows.Rejected > 0, len(s.Errors) > 0:
		s.Status = Partial
	default:
		s.Status = OK
	}
	if s.Status == Failed || failOn == "any" && s.Apps.Failed+len(s.Partitions.Failed) > 0 {
		return &Failure{Summary: *s, Reason: s.reason()}
	}
	return nil
}

func (s *Summary) reason() string {
	reason := fmt.Sprintf("run %s %s: %d of %d apps and %d days failed", s.RunID, s.Status, s.Apps.Failed, s.Apps.Total, len(s.Partitions.Failed))
	if len(s.Errors) > 0 {
		reason += "; first: " + s.Errors[0].Describe()
	}
	return reason
}

// Describe names the app or the day, the stage and what happened.
func (e *RunError) Describe() string {
	switch {
	case e.AppID != 0:
		return fmt.Sprintf("app %d, %s: %s", e.AppID, e.Stage, e.Message)
	case e.Day != nil:
		return fmt.Sprintf("day %s, %s: %s", *e.Day, e.Stage, e.Message)
	}
	return e.Stage + ": " + e.Message
}
