package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/handler"
	"chatlake/internal/cloud/cloudtest"
	"chatlake/internal/stats"
)

const (
	id    = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
	key   = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
	token = "t0ken/of+the=role"
)

var environ = []string{
	"TENCENTCLOUD_SECRETID=" + id, "TENCENTCLOUD_SECRETKEY=" + key, "TENCENTCLOUD_SESSIONTOKEN=" + token, "TENCENTCLOUD_REGION=ap-singapore",
}

// scf is an emulator with the function chatlake, which ends as it is told.
func scf(o cloudtest.Outcome) *cloudtest.Server { return scfWith(nil, nil, o) }

func scfWith(allowed []string, fault func(cloudtest.Call) *cloudtest.Fault, o cloudtest.Outcome) *cloudtest.Server {
	return cloudtest.New(cloudtest.Options{
		ID: id, Key: key, Token: token, Region: "ap-singapore", Allowed: allowed, Fault: fault,
		Functions: map[string]cloudtest.Function{"chatlake": func(cloudtest.Invocation) cloudtest.Outcome { return o }},
	})
}

// command runs the command against an emulator.
func command(t *testing.T, server *cloudtest.Server, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, environ, &out, &errs, server)
	for _, text := range []string{out.String(), errs.String()} {
		for _, secret := range []string{id, key, token, "t0ken%2Fof"} {
			if strings.Contains(text, secret) {
				t.Errorf("%v: %q is in %s", args, secret, text)
			}
		}
	}
	return code, out.String(), errs.String()
}

func summary(change func(*handler.Summary)) string {
	s := handler.Summary{
		RunID: "20261125T033000Z-7f3a9c21", Status: handler.OK, Trigger: "manual", Source: "api",
		Apps: handler.AppCounts{Total: 3, OK: 3}, Rows: handler.RowCounts{Pulled: 60, Inserted: 2, Updated: 1, Unchanged: 57},
	}
	s.Window.From, s.Window.To = day("2026-10-26"), day("2026-11-24")
	s.Partitions.Written, s.Partitions.Unchanged = []stats.Day{day("2026-11-24")}, 29
	if change != nil {
		change(&s)
	}
	return string(s.JSON())
}

func day(text string) stats.Day {
	d, err := stats.ParseDay(text)
	if err != nil {
		panic(err)
	}
	return d
}

func fails(s *handler.Summary) {
	s.Status, s.Apps = handler.Failed, handler.AppCounts{Total: 3, Failed: 3}
	s.Errors = []handler.RunError{{AppID: 1400000003, Stage: "pull", Code: 70003, Message: "the UserSig can't be verified: check secret_key"}}
	s.Gaps = []handler.Gap{{AppID: 1400000003, From: day("2026-11-20"), To: day("2026-11-24"), LostAfter: day("2026-12-19")}}
}

func TestOutcomes(t *testing.T) {
	failure := summary(fails) + "\nrun 20261125T033000Z-7f3a9c21 failed: 3 of 3 apps and 0 days failed"
	wrapped, _ := json.Marshal(map[string]any{"errorCode": -1, "errorMessage": failure, "statusCode": 430})
	for _, test := range []struct {
		name    string
		outcome cloudtest.Outcome
		code    int
		want    []string // on stdout
		say     []string // on stderr
	}{
		{
			"ok",
			cloudtest.Outcome{Returned: summary(nil), DurationMS: 1830.4, Memory: 45 << 20},
			0,
			[]string{
				"run         20261125T033000Z-7f3a9c21  OK in ", "invocation  " + cloudtest.FunctionRequestID + ": 1830 ms, 45 MB\n",
				"window      2026-10-26 to 2026-11-24\n", "apps        3 ok, 0 failed\n",
				"rows        60 pulled: 2 inserted, 1 updated, 57 unchanged, 0 refused\n", "partitions  1 written, 29 unchanged, 0 failed\n",
			},
			[]string{"waiting for chatlake in ap-singapore, for 300 s at most"},
		},
		{
			"a dry run",
			cloudtest.Outcome{Returned: summary(func(s *handler.Summary) { s.DryRun = true })},
			0,
			[]string{"(dry run: nothing was written)\n"},
			nil,
		},
		{
			"cut",
			cloudtest.Outcome{Returned: summary(func(s *handler.Summary) { s.Truncated = true })},
			0,
			[]string{"truncated   the lists were cut"},
			nil,
		},
		{
			"partial, but no failure by CHATLAKE_FAIL_ON",
			cloudtest.Outcome{Returned: summary(func(s *handler.Summary) { fails(s); s.Status = handler.Partial })},
			0,
			[]string{"PARTIAL in ", "error       app 1400000003, pull: the UserSig"},
			nil,
		},
		{
			"failed, by ErrMsg",
			cloudtest.Outcome{Error: failure, Code: -1},
			1,
			[]string{
				"FAILED in ", "apps        0 ok, 3 failed\n", "error       app 1400000003, pull: the UserSig can't be verified: check secret_key\n",
				"gap         app 1400000003 lacks 2026-11-20 to 2026-11-24, which the API has until 2026-12-19\n",
			},
			[]string{"invoke: run 20261125T033000Z-7f3a9c21 failed: 3 of 3 apps"},
		},
		{"failed, by an object in RetMsg", cloudtest.Outcome{Returned: string(wrapped)}, 1, []string{"FAILED in "}, []string{"failed: 3 of 3 apps"}},
		{"failed, by an object in ErrMsg", cloudtest.Outcome{Error: string(wrapped)}, 1, []string{"FAILED in "}, []string{"failed: 3 of 3 apps"}},
		{"failed, and returned all the same", cloudtest.Outcome{Returned: summary(fails)}, 1, []string{"FAILED in "}, []string{"run 20261125T033000Z-7f3a9c21 failed\n"}},
		{
			"a function error without summary",
			cloudtest.Outcome{Error: "runtime error: index out of range", Log: "panic: in main.go\n"},
			1, nil,
			[]string{"The end of the function's log:\npanic: in main.go\n", "failed without a summary (request " + cloudtest.FunctionRequestID + "): runtime error: index out of range: the log says more"},
		},
		{
			"the function's own timeout",
			cloudtest.Outcome{Returned: `{"errorCode":-1,"errorMessage":"Invoking task timed out after 60 seconds","requestId":"x","statusCode":433}`},
			1, nil,
			[]string{"Invoking task timed out after 60 seconds: that is the function's own timeout: raise it in serverless.yml (900 s at most)"},
		},
		{
			"out of memory",
			cloudtest.Outcome{Returned: `{"errorCode":-1,"errorMessage":"user code exception caught","stackTrace":"Memory limit reached","statusCode":434}`},
			1, nil,
			[]string{"user code exception caught\nMemory limit reached: raise memorySize"},
		},
		{"another function", cloudtest.Outcome{Returned: `"hello from scf"`}, 1, nil, []string{`was answered without a summary: "hello from scf": see whether -function`}},
		{"asynchronous execution", cloudtest.Outcome{}, 1, nil, []string{"was answered without a summary: nothing", "asynchronous execution"}},
		{"a summary that was cut", cloudtest.Outcome{Error: failure[:100]}, 1, nil, []string{`failed without a summary`, `{"run_id":"20261125`}},
		{
			"checks",
			cloudtest.Outcome{Error: `{"check":true,"status":"failed","checks":[{"name":"lake write","status":"failed","message":"COS answered 403"},{"name":"clock","status":"ok","message":"fine"}]}` + "\nthe checks that failed say what to do"},
			1,
			[]string{"failed   lake write     COS answered 403\n", "ok       clock          fine\n"},
			[]string{"something is wrong"},
		},
		{"checks that are well", cloudtest.Outcome{Returned: `{"check":true,"status":"warning","checks":[{"name":"clock","status":"warning","message":"a little off"}]}`}, 0, []string{"warning  clock"}, nil},
		{"keys in the answer", cloudtest.Outcome{Returned: summary(func(s *handler.Summary) { s.Warnings = []string{"the token is " + token} })}, 0, []string{"warning     the token is REDACTED\n"}, nil},
		{"keys in the error", cloudtest.Outcome{Error: "no: " + key + " t0ken%2Fof%2Bthe%3Drole", Log: id}, 1, nil, []string{"no: REDACTED REDACTED", "log:\nREDACTED\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, out, errs := command(t, scf(test.outcome))
			if code != test.code || test.want == nil && out != "" {
				t.Errorf("exit code %d, want %d; stdout %s, stderr %s", code, test.code, out, errs)
			}
			for _, want := range test.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			for _, say := range test.say {
				if !strings.Contains(errs, say) {
					t.Errorf("stderr is %q, want %q", errs, say)
				}
			}
		})
	}
}

func TestJSON(t *testing.T) {
	want := summary(fails)
	if code, out, _ := command(t, scf(cloudtest.Outcome{Error: want + "\nfailed"}), "-json"); code != 1 || out != want+"\n" {
		t.Errorf("exit code %d, %s", code, out)
	}
	report := `{"check":true,"status":"ok","checks":[]}`
	if code, out, _ := command(t, scf(cloudtest.Outcome{Returned: report}), "-json", "-check"); code != 0 || out != report+"\n" {
		t.Errorf("exit code %d, %s", code, out)
	}
}

// TestEvent: what the flags ask for is what the function gets.
func TestEvent(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, `{}`},
		{[]string{"-dry-run"}, `{"dry_run":true}`},
		{
			[]string{"--apps", "1400000001,1400000002", "--from=2026-11-01", "--to", "2026-11-07", "--fields", "UpMsgNum,DownMsgNum"},
			`{"from":"2026-11-01","to":"2026-11-07","apps":[1400000001,1400000002],"fields":["UpMsgNum","DownMsgNum"]}`,
		},
		{[]string{"-source", "raw", "-from", "2026-05-01", "-to", "2026-05-31"}, `{"from":"2026-05-01","to":"2026-05-31","source":"raw"}`},
		{[]string{"-check", "-apps", "1400000001"}, `{"apps":[1400000001],"check":true}`},
		{[]string{"-event", `{"from": "2026-11-01"}`}, `{"from": "2026-11-01"}`},
	} {
		var got []cloudtest.Invocation
		server := cloudtest.New(cloudtest.Options{ID: id, Key: key, Token: token, Functions: map[string]cloudtest.Function{
			"lake": func(in cloudtest.Invocation) cloudtest.Outcome {
				got = append(got, in)
				return cloudtest.Outcome{Returned: summary(nil)}
			},
		}})
		code, _, errs := command(t, server, append([]string{"-function", "lake", "-region", "na-siliconvalley"}, test.args...)...)
		if code != 0 || len(got) != 1 || string(got[0].Event) != test.want || got[0].Type != "RequestResponse" {
			t.Errorf("%v: exit code %d, %+v, %s", test.args, code, got, errs)
		}
		if calls := server.Calls(); calls[0].Region != "na-siliconvalley" || calls[0].Version != "2018-04-16" {
			t.Errorf("called %+v", calls[0])
		}
	}
}

func TestAsync(t *testing.T) {
	var got []cloudtest.Invocation
	server := cloudtest.New(cloudtest.Options{ID: id, Key: key, Token: token, Functions: map[string]cloudtest.Function{
		"chatlake": func(in cloudtest.Invocation) cloudtest.Outcome {
			got = append(got, in)
			return cloudtest.Outcome{Error: "nobody sees this"}
		},
	}})
	code, out, errs := command(t, server, "-async", "-source", "raw")
	if code != 0 || errs != "" || len(got) != 1 || got[0].Type != "Event" || string(got[0].Event) != `{"source":"raw"}` {
		t.Errorf("exit code %d, %+v, %s", code, got, errs)
	}
	for _, want := range []string{"request " + cloudtest.FunctionRequestID, "_runs/latest.json", "chatlake status", `SCF_RequestId:"` + cloudtest.FunctionRequestID + `" AND msg:"run summary"`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code, out, _ := command(t, server, "-async", "-json"); code != 0 || out != `{"request_id":"`+cloudtest.FunctionRequestID+`"}`+"\n" {
		t.Errorf("-json: exit code %d, %s", code, out)
	}
}

// TestLimitOfSynchronousInvocations: whatever ends a call after 300 s, the user hears of the limit and of -async, and the
// function is not started again.
func TestLimitOfSynchronousInvocations(t *testing.T) {
	const long = 300 * time.Second
	for name, fault := range map[string]cloudtest.Fault{
		"an API error":     {Delay: long, Code: "InternalError", Message: "timeout"},
		"a gateway's":      {Delay: long, Status: 504},
		"a dropped call":   {Delay: long, Drop: true},
		"no answer at all": {Hang: true},
		"a result":         {Delay: long},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := scfWith(nil, func(cloudtest.Call) *cloudtest.Fault { return &fault },
				cloudtest.Outcome{Returned: `{"errorCode":-1,"errorMessage":"Invoking task timed out after 300 seconds","statusCode":433}`})
			code, out, errs := command(t, server)
			if code != 1 || out != "" || len(server.Calls()) != 1 || !strings.Contains(errs, "ends after 300 s") || !strings.Contains(errs, "use -async") || !strings.Contains(errs, "chatlake status") {
				t.Errorf("%s: exit code %d, %d calls, %s", name, code, len(server.Calls()), errs)
			}
		})
	}
}

func TestAnswerAfterFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := scfWith(nil, func(cloudtest.Call) *cloudtest.Fault { return &cloudtest.Fault{Delay: 299 * time.Second} }, cloudtest.Outcome{Returned: summary(nil)})
		if code, out, errs := command(t, server); code != 0 || !strings.Contains(out, "OK in ") {
			t.Errorf("exit code %d, %s%s", code, out, errs)
		}
	})
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		server *cloudtest.Server
		args   []string
		want   string
	}{
		{"no right", scfWith([]string{"scf:GetFunction"}, nil, cloudtest.Outcome{}), nil, "UnauthorizedOperation \"you are not authorized to perform operation (scf:InvokeFunction)\" (request ed93f3cb-f35e-473f-b9f3-0d451b8b79c6): allow the keys' user scf:InvokeFunction, on the resource \"*\""},
		{"no function", scf(cloudtest.Outcome{}), []string{"-function", "chatlak"}, "there is no function chatlak in namespace default of ap-singapore: check -function"},
		{"no namespace", scf(cloudtest.Outcome{}), []string{"-namespace", "prod"}, "ap-singapore has no namespace prod: check -namespace"},
		{"no such region", scf(cloudtest.Outcome{}), []string{"-region", "ap-singapur"}, "SCF is not in ap-singapur: check -region"},
		{"a region that is not allowed", fault(cloudtest.Fault{Code: "UnauthorizedOperation.Region"}), nil, "check -region"},
		{"being deployed", fault(cloudtest.Fault{Code: "FailedOperation.FunctionStatusError"}), nil, "the function is being deployed"},
		{"no money", fault(cloudtest.Fault{Code: "FailedOperation.InsufficientBalance"}), nil, "account's balance"},
		{"too often", fault(cloudtest.Fault{Code: "RequestLimitExceeded"}), nil, "try again in a minute"},
		{"a wrong clock", fault(cloudtest.Fault{Code: "AuthFailure.SignatureExpire"}), nil, "check this machine's clock"},
		{"a wrong key", fault(cloudtest.Fault{Code: "AuthFailure.SignatureFailure"}), nil, "check TENCENTCLOUD_SECRETID and TENCENTCLOUD_SECRETKEY"},
		{"another code", fault(cloudtest.Fault{Code: "FailedOperation.InvokeFunction", Message: key}), nil, "Whether the function was started is not known: see by chatlake status"},
		{"no network", fault(cloudtest.Fault{Drop: true}), nil, "unexpected EOF. Whether the function was started is not known"},
		{"another server", fault(cloudtest.Fault{Body: []byte("<html>" + id)}), nil, "the answer is not one of the API"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, out, errs := command(t, test.server, test.args...)
			if code != 1 || out != "" || !strings.Contains(errs, test.want) || len(test.server.Calls()) != 1 {
				t.Errorf("exit code %d, %d calls, stdout %s, stderr %s", code, len(test.server.Calls()), out, errs)
			}
		})
	}
}

func fault(f cloudtest.Fault) *cloudtest.Server {
	return scfWith(nil, func(cloudtest.Call) *cloudtest.Fault { return &f }, cloudtest.Outcome{})
}

func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		var out, errs bytes.Buffer
		code := run(ctx, nil, environ, &out, &errs, fault(cloudtest.Fault{Hang: true}))
		if code != 1 || !strings.Contains(errs.String(), "stopped waiting. The function may go on: see by chatlake status") {
			t.Errorf("exit code %d, %s", code, errs.String())
		}
	})
}

// TestCalledWrongly: nothing is sent.
func TestCalledWrongly(t *testing.T) {
	for _, test := range []struct {
		environ []string
		args    []string
		want    string
	}{
		{environ[:3], nil, "Give -region, such as ap-singapore, or set TENCENTCLOUD_REGION"},
		{environ, []string{"-region", "Singapore"}, `-region "Singapore"`},
		{environ[3:], nil, "Set TENCENTCLOUD_SECRETID and TENCENTCLOUD_SECRETKEY"},
		{environ, []string{"-from", "2026-11-31"}, `-from "2026-11-31" is no day`},
		{append(environ[:len(environ):len(environ)], "CHATLAKE_API_ENDPOINT=ftp://x"), nil, "CHATLAKE_API_ENDPOINT"},
		{environ, []string{"-from", "2026-11-07", "-to", "2026-11-01"}, "-from 2026-11-07 is after -to 2026-11-01"},
		{environ, []string{"-apps", "1400000001,x"}, `"x" is no sdk_app_id`},
		{environ, []string{"-fields", "UpMsgNumb"}, `-fields has "UpMsgNumb", which the API has not: it has APNSMsgNum, `},
		{environ, []string{"-source", "cos"}, "api or raw"},
		{environ, []string{"-source", "raw", "-fields", "UpMsgNum"}, "takes no -fields"},
		{environ, []string{"-check", "-dry-run"}, "-check takes -apps"},
		{environ, []string{"-async", "-dry-run"}, "-async has no answer"},
		{environ, []string{"-event", "[1]"}, "-event is not a JSON object"},
		{environ, []string{"-event", "null"}, "-event is not a JSON object"},
		{environ, []string{"-event", "{}", "-dry-run"}, "leave out the flags that make one"},
		{environ, []string{"-async", "-event", `{"x":"` + strings.Repeat("x", 128<<10) + `"}`}, "SCF takes 131072 at most"},
		{environ, []string{"-function", ""}, "-function is empty"},
		{environ, []string{"-namespace", ""}, "-namespace is empty"},
		{environ, []string{"now"}, `what is "now" for?`},
		{environ, []string{"-form", "x"}, "not defined: -form"},
	} {
		server := scf(cloudtest.Outcome{Returned: summary(nil)})
		var out, errs bytes.Buffer
		code := run(t.Context(), test.args, test.environ, &out, &errs, server)
		if code != 2 || out.Len() > 0 || len(server.Calls()) > 0 || !strings.Contains(errs.String(), test.want) || !strings.Contains(errs.String(), "-help") {
			t.Errorf("%.80q: exit code %d, stdout %s, stderr %s", test.args, code, out.String(), errs.String())
		}
	}
}

func TestHelp(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"--help"}, nil, &out, &errs, nil)
	for _, want := range []string{"Examples:", "Exit codes:", "scf:InvokeFunction", "300 s", "-async", "-dry-run"} {
		if code != 0 || errs.Len() > 0 || !strings.Contains(out.String(), want) {
			t.Errorf("exit code %d, no %q in %s%s", code, want, out.String(), errs.String())
		}
	}
}
