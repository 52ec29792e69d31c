package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"chatlake/handler"
)

// result is what SCF tells of an invocation, https://www.tencentcloud.com/document/product/583/17243. InvokeResult is left
// out: it is no longer maintained.
type result struct {
	Returned   string  `json:"RetMsg"`
	Error      string  `json:"ErrMsg"`
	Log        string  // its last 4 KB
	RequestID  string  `json:"FunctionRequestId"`
	DurationMS float64 `json:"Duration"`
	Memory     int64   `json:"MemUsage"` // bytes
}

// failure returns the error of a function that failed: ErrMsg, or what is in an object that SCF makes of an error, such as
// {"errorCode":-1,"errorMessage":"Invoking task timed out after 3 seconds","statusCode":433}. No page says which of the two
// is where, so both are looked for in both.
func (r result) failure() (message string, failed bool) {
	for _, text := range []string{r.Error, r.Returned} {
		var object struct {
			Message *string `json:"errorMessage"`
			Trace   any     `json:"stackTrace"`
		}
		if json.Unmarshal([]byte(text), &object) != nil || object.Message == nil {
			continue
		}
		if trace, _ := object.Trace.(string); trace != "" {
			return *object.Message + "\n" + trace, true
		}
		return *object.Message, true
	}
	return strings.TrimSpace(r.Error), strings.TrimSpace(r.Error) != ""
}

// findSummary returns the first summary in a text, as JSON and read, and what follows it.
func findSummary(text string) (line []byte, s handler.Summary, rest string, ok bool) {
	const start = `{"run_id":`
	for at := 0; ; at++ {
		next := strings.Index(text[at:], start)
		if next < 0 {
			return nil, s, "", false
		}
		at += next
		var raw json.RawMessage
		d := json.NewDecoder(strings.NewReader(text[at:]))
		if d.Decode(&raw) == nil && json.Unmarshal(raw, &s) == nil {
			return raw, s, strings.TrimSpace(text[at+int(d.InputOffset()):]), true
		}
	}
}

// checks is the report that the function answers to {"check":true}.
type checks struct {
	Check  bool
	Status handler.Status
	Checks []struct{ Name, Status, Message string }
}

// findChecks returns the report that a text begins with, as JSON and read.
func findChecks(text string) (line string, report checks, ok bool) {
	var raw json.RawMessage
	if json.NewDecoder(strings.NewReader(text)).Decode(&raw) != nil || json.Unmarshal(raw, &report) != nil {
		return "", report, false
	}
	return string(raw), report, report.Check
}

// show prints what the function answered, and is an error if that is a failure.
func show(r result, o options, took time.Duration, stdout, stderr io.Writer) error {
	message, failed := r.failure()
	text := r.Returned
	if failed {
		text = message
	}
	if line, s, reason, ok := findSummary(text); ok {
		if err := printSummary(stdout, line, s, r, o.json); err != nil {
			return err
		}
		switch {
		case failed && reason != "":
			return errors.New(reason)
		case failed || s.Status == handler.Failed:
			return fmt.Errorf("run %s failed", s.RunID)
		}
		return nil
	}
	line, report, ok := findChecks(text)
	if ok {
		if err := printChecks(stdout, report, line, o.json); err != nil {
			return err
		}
		if report.Status == handler.Failed {
			return errors.New("something is wrong: see the failed checks")
		}
		return nil
	}
	if r.Log != "" {
		fmt.Fprintf(stderr, "The end of the function's log:\n%s\n", strings.TrimSpace(r.Log))
	}
	if !failed {
		return fmt.Errorf("request %s was answered without a summary: %s: see whether -function is chatlake, and whether its asynchronous execution, under which no call is answered by the result, is off", r.RequestID, short(r.Returned))
	}
	return fmt.Errorf("the function failed without a summary (request %s): %s%s", r.RequestID, short(message), adviceOnFailure(message, took))
}

// short bounds a text from outside.
func short(text string) string {
	const most = 2000
	if text == "" {
		return "nothing"
	}
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
