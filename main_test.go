package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/cli"
	"chatlake/internal/scftest"
	"chatlake/storage/costest"
)

// binary builds the function once.
func binary(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "main")
	if err := scftest.Build(t.Context(), ".", out); err != nil {
		t.Fatal(err)
	}
	return out
}

// platform is a Chat API and a bucket on loopback.
type platform struct {
	chat   *chattest.Server
	bucket *costest.Server
	env    map[string]string
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	chat := chattest.New(chattest.Options{Apps: []chattest.App{{ID: 1400000001, Key: "secret-of-app-1"}, {ID: 1400000002, Key: "secret-of-app-2"}}})
	api := httptest.NewServer(chat)
	t.Cleanup(api.Close)
	bucket, url, stop, err := costest.Start(costest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &platform{chat, bucket, map[string]string{
		"CHATLAKE_LAKE": url + "/data",
		"CHATLAKE_APPS": fmt.Sprintf(`[{"sdk_app_id":1400000001,"secret_key":"secret-of-app-1","endpoint":%q},{"sdk_app_id":1400000002,"secret_key":"secret-of-app-2","endpoint":%q}]`, api.URL, api.URL),
	}}
}

// role gives the function temporary keys, the only ones that the bucket takes from now on.
func (p *platform) role(n int) {
	key := costest.Credentials{SecretID: fmt.Sprintf("id-%d", n), SecretKey: fmt.Sprintf("key-%d", n), SessionToken: fmt.Sprintf("token-%d", n)}
	p.bucket.SetCredentials(key)
	p.env["TENCENTCLOUD_SECRETID"], p.env["TENCENTCLOUD_SECRETKEY"], p.env["TENCENTCLOUD_SESSIONTOKEN"] = key.SecretID, key.SecretKey, key.SessionToken
}

// summaryLines returns the run summaries in a function's log, without what the log adds.
func summaryLines(t *testing.T, log []byte) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(string(log)) {
		var keys map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &keys); err != nil {
			t.Errorf("the log has a line that is no JSON object: %s", line)
		}
		if string(keys["msg"]) == `"run summary"` {
			delete(keys, "msg")
			delete(keys, "time")
			delete(keys, "level")
			text, _ := json.Marshal(keys)
			found = append(found, string(text))
		}
	}
	return found
}

// sorted returns a JSON object with its keys in order.
func sorted(t *testing.T, object []byte) string {
	t.Helper()
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(object, &keys); err != nil {
		t.Fatalf("%v: %s", err, object)
	}
	text, _ := json.Marshal(keys)
	return string(text)
}

func TestThroughTheDoorOfSCF(t *testing.T) {
	p := newPlatform(t)
	// Keys in the process's own environment must not be mixed with those of an invocation.
	function, err := scftest.Start(t.Context(), binary(t), map[string]string{"TENCENTCLOUD_TOKEN": "stale", "TENCENTCLOUD_SECRET_ID": "stale"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(function.Stop)

	var answers []string
	for n, in := range []scftest.Invocation{
		{Event: []byte(`{"Type":"Timer","TriggerName":"daily","Time":"` + time.Now().UTC().Format(time.RFC3339) + `","Message":""}`), Deadline: time.Now().Add(time.Minute)},
		{Event: nil, TimeLimit: time.Minute}, // no payload, and no deadline but a limit
		{Event: []byte("null"), Deadline: time.Now().Add(time.Minute)},
	} {
		p.role(n)
		in.Environment = p.env
		answer, err := function.Invoke(in)
		if err != nil {
			t.Fatalf("invocation %d: %v\n%s", n, err, function.Log())
		}
		var s handler.Summary
		if err := json.Unmarshal(answer, &s); err != nil || s.Status != handler.OK || s.Rows.Pulled != 60 {
			t.Errorf("invocation %d: %s, %v", n, answer, err)
		}
		stored, _ := p.bucket.Get("data/_runs/dt=" + s.RunID[:4] + "-" + s.RunID[4:6] + "-" + s.RunID[6:8] + "/" + s.RunID + ".json")
		if string(stored) != string(answer) {
			t.Errorf("answered %s\nstored   %s", answer, stored)
		}
		answers = append(answers, sorted(t, answer))
	}

	// A run that fails the invocation, and a variable that an earlier invocation had and this one has not.
	p.env["CHATLAKE_QPS"] = "0"
	_, err = function.Invoke(scftest.Invocation{Environment: p.env, TimeLimit: time.Minute})
	var failed *scftest.FunctionError
	if !errors.As(err, &failed) || failed.Type != "Failure" || !strings.Contains(failed.Message, "CHATLAKE_QPS") {
		t.Fatalf("a bad configuration: %v", err)
	}
	line, _, _ := strings.Cut(failed.Message, "\n")
	answers = append(answers, sorted(t, []byte(line)))
	delete(p.env, "CHATLAKE_QPS")
	answer, err := function.Invoke(scftest.Invocation{Environment: p.env, TimeLimit: time.Minute})
	if err != nil {
		t.Fatalf("after a bad configuration: %v", err)
	}
	answers = append(answers, sorted(t, answer))

	function.Stop() // the whole log is here only then
	if got := summaryLines(t, function.Log()); strings.Join(got, "\n") != strings.Join(answers, "\n") {
		t.Errorf("logged\n%s\nanswered\n%s", strings.Join(got, "\n"), strings.Join(answers, "\n"))
	}
}

func TestCommandLine(t *testing.T) {
	p := newPlatform(t)
	p.role(1)
	dir := t.TempDir()
	p.env["CHATLAKE_LAKE"] = "file://" + dir
	run := func(args ...string) (code int, stdout, stderr string) {
		var out, errs bytes.Buffer
		var environ []string
		for name, value := range p.env {
			environ = append(environ, name+"="+value)
		}
		code = cli.Run(context.Background(), args, environ, &out, &errs)
		return code, out.String(), errs.String()
	}

	code, out, errs := run("run", "--json", "--apps", "1400000002", "--fields", "UpMsgNum,DownMsgNum", "--from", time.Now().AddDate(0, 0, -5).Format(time.DateOnly))
	var s handler.Summary
	if err := json.Unmarshal([]byte(out), &s); code != 0 || err != nil || strings.Count(out, "\n") != 1 || s.Apps.Total != 1 || s.Rows.Inserted == 0 {
		t.Errorf("run: exit code %d, stdout %s, stderr %s", code, out, errs)
	}
	if calls := p.chat.Calls(); len(calls) != 1 || strings.Join(calls[0].Fields, ",") != "UpMsgNum,DownMsgNum" {
		t.Errorf("calls %+v", calls)
	}
	if !strings.Contains(errs, "run started") || strings.Contains(out, "run started") {
		t.Errorf("the log belongs on stderr: %s", errs)
	}
	before, _ := os.ReadDir(dir + "/_runs")
	if code, out, _ := run("run", "--dry-run"); code != 0 || !strings.Contains(out, "nothing was written") || !strings.Contains(out, "partitions  30 to write") {
		t.Errorf("dry run: exit code %d, %s", code, out)
	}
	if after, _ := os.ReadDir(dir + "/_runs"); len(after) != len(before) {
		t.Error("a dry run stored its summary")
	}
	p.env["CHATLAKE_FAIL_ON"] = "sometimes"
	if code, out, errs := run("run", "--json"); code != 2 || !strings.Contains(out, `"status":"failed"`) || !strings.Contains(errs, "CHATLAKE_FAIL_ON") {
		t.Errorf("bad configuration: exit code %d, stdout %s, stderr %s", code, out, errs)
	}
	for _, args := range [][]string{{"fly"}, {"run", "--form", "x"}, {"run", "extra"}, {"run", "--apps", "one"}} {
		if code, out, errs := run(args...); code != 2 || out != "" || !strings.Contains(errs, "--help") {
			t.Errorf("chatlake %v: exit code %d, stdout %q, stderr %q", args, code, out, errs)
		}
	}
	if code, out, _ := run("run", "--help"); code != 0 || !strings.Contains(out, "chatlake run --dry-run") || !strings.Contains(out, "Exit codes") {
		t.Errorf("help: exit code %d, %s", code, out)
	}
}
