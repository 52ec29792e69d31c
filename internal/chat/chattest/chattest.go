// Package chattest emulates one call of the Tencent Chat server API, POST /v4/openconfigsvr/getappinfo, for tests
// and for local runs: what a request must be, which error code refuses it, what the answer looks like, and data
// that behaves as operations data does.
//
// It is stricter than the service where the documents leave room (a parameter or a member of the body that no
// page knows is refused), so that a client's mistake shows here first, and it verifies each UserSig with code of
// its own. Failures are made to order: [Options] Fault can turn any call into an API error, an HTTP error, a
// broken answer, a dropped connection or silence. What it does not emulate: TLS, the account system beyond the
// one admin of each app, and the wording of ErrorInfo.
//
// The request and the answer follow https://www.tencentcloud.com/document/product/1047/34886, UserSig
// https://www.tencentcloud.com/document/product/1047/34385, the error codes
// https://cloud.tencent.com/document/product/679/131708.
package chattest

import (
	"net/http"
	"time"

	"chatlake/internal/stats"
)

// Path is the call's path, after the domain.
const Path = "/v4/openconfigsvr/getappinfo"

// Days is how many complete days the service remembers.
const Days = 30

// App is one Chat app that the emulator serves.
type App struct {
	ID            int64     // SDKAppID
	Key           string    // the secret key that UserSigs are made with
	Region        string    // the only region whose domain serves it (see [Server.Handler]); "": every one
	Identifier    string    // the app's admin account; "": administrator
	Name, Company string    // "": one that is chosen by ID
	Since         stats.Day // the first day that the app has data for; zero: it always had
	Size          int64     // about its daily active users in early 2026; 0: chosen by ID
}

// Options are what an emulator is made of. The functions may be called from several goroutines at once.
type Options struct {
	Apps []App
	// Now is the data's clock: the service has the last [Days] complete Beijing days before it. Nil: time.Now.
	Now func() time.Time
	// Wall is the clock that a UserSig's expiry is held against. Nil: time.Now.
	Wall func() time.Time
	// Today adds a row for the Beijing day that Now is in, which counts what has happened so far.
	Today bool
	// QPS is how many calls, refused ones too, may arrive within any one second; the others get 60007 or 60011,
	// by the app's ID. 0: no limit.
	QPS int
	// Fault is asked about each call before it is served, also about a call that would be refused. Nil: no faults.
	Fault func(Call) *Fault
	// Data makes the row of a day. Nil: [Values]. A nil map: no row for that day. A row without Date is
	// given the day's.
	Data func(app App, day stats.Day, asOf time.Time) map[string]any
}

// Call is one call that arrived, whether it was served or refused.
type Call struct {
	App    int64     // the request's SDKAppID; 0 where it could not be read
	N      int       // 1 for the first of all calls
	NApp   int       // 1 for the first of this app's calls
	Region string    // the region whose domain was called; "" through the Server itself
	Fields []string  // RequestField as sent; nil without it
	At     time.Time // when it arrived, by the system's clock
}

// Fault is how a call goes wrong. Delay comes first, then the first of Drop, Hang, Body, Code and Status that is
// set answers the call; with none of them the call is served as usual, and Rows may change its rows.
type Fault struct {
	Status int           // the HTTP status; 0: 200
	Code   int           // an API error: {"ActionStatus":"FAIL","ErrorCode":Code,"ErrorInfo":Info}
	Info   string        // the API error's text
	Body   []byte        // an answer as it stands; empty but not nil: an empty answer
	Header http.Header   // more header fields; with a Content-Length beyond Body, the answer breaks off
	Drop   bool          // close the connection without an answer; without a connection, panic(http.ErrAbortHandler)
	Hang   bool          // no answer until the client goes away, then as Drop
	Delay  time.Duration // wait before all else, or until the client goes away

	// Rows changes the rows of an answer that is otherwise good. It owns the slice and its maps. Nil gives
	// "Result": null.
	Rows func([]map[string]any) []map[string]any
}
