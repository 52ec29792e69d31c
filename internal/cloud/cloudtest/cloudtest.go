// Package cloudtest emulates Tencent Cloud's API 3.0 for tests and local runs, as far as the project uses it:
// Secrets Manager's ListSecretVersionIds and GetSecretValue, Data Lake Compute's CreateTask and DescribeTaskResult, and SCF's
// Invoke.
//
// It verifies each request's TC3-HMAC-SHA256 signature with code of its own, and is stricter than the service where
// the documents leave room (an unknown parameter is refused), so that a client's mistake shows here first. Failures
// are made to order: [Options] Fault can turn any call into an API error, an HTTP error, another body, a dropped
// connection, silence, or a DLC task that fails. Of CAM's policies it knows which actions are allowed, not on which
// resources. What it does not emulate: TLS, limits on the rate of calls, and what a statement does: SQL is recorded, not
// read.
//
// The protocol follows https://www.tencentcloud.com/document/product/1084/39391 (signature) and
// https://www.tencentcloud.com/document/product/1078/38658 (error codes).
package cloudtest

import (
	"encoding/json"
	"net/http"
	"time"
)

// Options are what an emulator is made of. The functions may be called from several goroutines at once.
type Options struct {
	ID, Key string // the only principal's keys
	Token   string // its session token; "": the keys are permanent, and no token may be sent
	Region  string // the only region; "": any
	// Allowed are the actions that the principal may call, such as ssm:GetSecretValue. Nil: all.
	Allowed []string
	// Secrets are Secrets Manager's, by name, each with its versions. One without versions is a secret that Tencent's
	// products keep: it has no list.
	Secrets map[string][]Version
	// Engines are DLC's by name, each "spark" or "presto". Nil: every name is a Spark engine.
	Engines map[string]string
	// Functions are SCF's, by name, in the namespace default.
	Functions map[string]Function
	// Polls is how many times DescribeTaskResult says that a task is under way before it says how it ended.
	Polls int
	// Now is the clock that a signature's time is held against. Nil: time.Now.
	Now func() time.Time
	// Fault is asked about each call before it is served, also about a call that would be refused. Nil: no faults.
	Fault func(Call) *Fault
}

// Version is one version of a secret. A Text that is "" is a binary secret.
type Version struct {
	ID      string
	Created time.Time // to the second
	Text    string
	Binary  []byte
}

// Function does what a function does for one invocation, also for one whose result nobody gets. It is called before the answer
// is given, so that a test sees what it did.
type Function func(Invocation) Outcome

// Invocation is one call of a function.
type Invocation struct {
	Type  string // RequestResponse or Event
	Event json.RawMessage
}

// Outcome is what SCF says of an invocation that ended. An error of the function's is told in Error, or as an object with an
// errorMessage in Returned, as the console shows it; no page says which the API gives, so that a client must take both.
type Outcome struct {
	Returned   string // RetMsg
	Error      string // ErrMsg
	Code       int    // InvokeResult, which is 0 for success, and no longer maintained
	Log        string // its last 4 KB
	DurationMS float64
	Memory     int64 // bytes
}

// Call is one call that arrived, whether it was served or refused, as its headers describe it.
type Call struct {
	N                                int // 1 for the first of all calls
	Service, Action, Version, Region string
	Header                           http.Header
	Body                             json.RawMessage
	At                               time.Time // by the system's clock
}

// Statement is one SQL statement that DLC was given.
type Statement struct {
	TaskID, Kind                 string // Kind is SparkSQLTask or SQLTask
	Engine, Datasource, Database string
	SQL                          string
}

// Fault is how a call goes wrong. Delay comes first, then the first of Drop, Hang, Body, Code and Status that is set
// answers the call; with none of them it is served as usual.
type Fault struct {
	Code, Message string        // an API error
	Status        int           // the HTTP status; 0: 200, which the API's own errors come with
	Body          []byte        // an answer as it stands; empty but not nil: an empty answer
	Header        http.Header   // more header fields
	Drop          bool          // close the connection without an answer; without a connection, panic(http.ErrAbortHandler)
	Hang          bool          // no answer until the client goes away, then as Drop
	Delay         time.Duration // wait before all else, or until the client goes away

	TaskFailure string // of CreateTask: the task is created and ends as failed, with this message
	TaskCancel  bool   // of CreateTask: the task is created and ends as canceled
	TaskUnknown bool   // of DescribeTaskResult: TaskInfo is null, as for a task that DLC does not know
}
