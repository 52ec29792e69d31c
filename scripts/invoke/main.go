// Command invoke sends an event to a deployed function through SCF's Invoke API and prints the run's summary as a table.
//
//	go run ./scripts/invoke -region ap-singapore -dry-run
//
// The table, or with -json the summary itself, goes to stdout, all else to stderr. It exits 0 if the run did its job, 1 if it
// failed or could not be started, 2 if the command was called wrongly; go run makes 1 of both. No key is printed, whatever SCF
// answers.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"chatlake/handler"
	"chatlake/internal/cloud"
	"chatlake/internal/secret"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Limits of SCF's Invoke API (https://www.tencentcloud.com/document/product/583/17243).
const (
	syncLimit      = 300 * time.Second // of a synchronous invocation, whatever the function's own timeout
	mostEvent      = 6 << 20           // bytes
	mostAsyncEvent = 128 << 10
)

// How long an answer is waited for: a synchronous one comes after the limit at the latest.
const (
	syncWait  = syncLimit + 20*time.Second
	asyncWait = 30 * time.Second
)

const help = `Usage: go run ./scripts/invoke -region REGION [flags]

Send an event to a deployed chatlake function and print the run's summary.

The keys come from TENCENTCLOUD_SECRETID, TENCENTCLOUD_SECRETKEY and, for temporary ones,
TENCENTCLOUD_SESSIONTOKEN; their user needs the right scf:InvokeFunction.

A synchronous invocation ends after 300 s, whatever the function's timeout. For a longer
run ask for fewer days, or use -async, which returns at once: the summary is then in
_runs/latest.json of the lake, and "chatlake status" shows it.

Examples:
  # what would a run change? It writes nothing
  go run ./scripts/invoke -region ap-singapore -dry-run

  # one app, some days, some fields
  go run ./scripts/invoke -region ap-singapore -apps 1400000001 -from 2026-11-01 -to 2026-11-07 -fields UpMsgNum,DownMsgNum

  # a month that the API has forgotten, from the raw archive
  go run ./scripts/invoke -region ap-singapore -source raw -from 2026-05-01 -to 2026-05-31

  # an event as it stands
  go run ./scripts/invoke -region ap-singapore -event '{"check":true}'

Exit codes: 0 the run did its job, or an -async event was accepted; 1 it failed, or could
not be started; 2 the command was called wrongly. ("go run" itself ends with 1 for both.)

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr, nil))
}

// options are what the flags say.
type options struct {
	function, namespace, region string
	async, json                 bool
	event                       []byte
}

// run runs the command and returns the exit code. The transport is for tests; nil is the usual one.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer, transport http.RoundTripper) int {
	env := handler.ParseEnviron(environ)
	o, err := parse(args, env, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	var keys secret.Keys
	if err == nil {
		keys, err = readKeys(env)
	}
	var client *cloud.Client
	if err == nil {
		if client, err = cloud.New(keys, o.region, env["CHATLAKE_API_ENDPOINT"], transport); err != nil {
			err = fmt.Errorf("CHATLAKE_API_ENDPOINT %w", err)
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "invoke: %v\nSee 'go run ./scripts/invoke -help'.\n", err)
		return exitUsage
	}
	hide := []secret.String{keys.ID, keys.Key, keys.Token}
	stdout, stderr = scrubbed{stdout, hide}, scrubbed{stderr, hide}
	if !o.async {
		fmt.Fprintf(stderr, "waiting for %s in %s, for %d s at most …\n", o.function, o.region, int(syncLimit.Seconds()))
	}
	if err := invoke(ctx, client, o, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "invoke: %v\n", err)
		return exitFailed
	}
	return exitOK
}

func readKeys(env map[string]string) (secret.Keys, error) {
	keys, err := handler.ReadKeys(env)
	if keys.ID.IsZero() || keys.Key.IsZero() {
		return keys, errors.New("whose function is it? Set TENCENTCLOUD_SECRETID and TENCENTCLOUD_SECRETKEY, and of temporary keys TENCENTCLOUD_SESSIONTOKEN")
	}
	return keys, err
}

// invoke makes the call and shows what came of it; an error, if the run failed or may not have been started.
func invoke(ctx context.Context, client *cloud.Client, o options, stdout, stderr io.Writer) error {
	kind, wait := "RequestResponse", syncWait
	if o.async {
		kind, wait = "Event", asyncWait
	}
	params := map[string]any{
		"FunctionName": o.function, "Namespace": o.namespace, "InvocationType": kind, "ClientContext": string(o.event),
	}
	if !o.async {
		params["LogType"] = "Tail"
	}
	began := time.Now()
	var answer struct{ Result result }
	if err := client.Once(ctx, wait, "scf", "2018-04-16", "Invoke", params, &answer); err != nil {
		return refused(err, o, time.Since(began))
	}
	if o.async {
		return accepted(answer.Result, o, stdout)
	}
	return show(answer.Result, o, time.Since(began), stdout, stderr)
}

// accepted tells of an event that SCF has taken.
func accepted(r result, o options, stdout io.Writer) error {
	if o.json {
		return json.NewEncoder(stdout).Encode(map[string]string{"request_id": r.RequestID})
	}
	_, err := fmt.Fprintf(stdout, `SCF has taken the event, as request %s. Its run goes on by itself, and is tried again if it fails.
Its summary, as soon as it has ended, is in _runs/latest.json of the lake (chatlake status shows it),
and in the log: search CLS for SCF_RequestId:"%s" AND msg:"run summary".
`, r.RequestID, r.RequestID)
	return err
}

// scrubbed is a writer that shows no key, whatever SCF or the function answered. Each Write is a whole text.
type scrubbed struct {
	io.Writer
	keys []secret.String
}

func (w scrubbed) Write(text []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, secret.Scrub(string(text), w.keys...)); err != nil {
		return 0, err
	}
	return len(text), nil
}
