package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/storage/costest"
)

// service is a Chat API with two apps and a bucket on loopback, and the environment that names them.
func service(t *testing.T) (chat *chattest.Server, environ []string) {
	t.Helper()
	chat = chattest.New(chattest.Options{Apps: []chattest.App{{ID: 1400000001, Key: "secret-of-app-1"}, {ID: 1400000002, Key: "secret-of-app-2"}}})
	api := httptest.NewServer(chat)
	t.Cleanup(api.Close)
	_, url, stop, err := costest.Start(costest.Options{Credentials: []costest.Credentials{{SecretID: "id-of-the-user", SecretKey: "key-of-the-user"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return chat, []string{
		"CHATLAKE_LAKE=" + url + "/data", "TENCENTCLOUD_SECRETID=id-of-the-user", "TENCENTCLOUD_SECRETKEY=key-of-the-user",
		fmt.Sprintf(`CHATLAKE_APPS=[{"sdk_app_id":1400000001,"secret_key":"secret-of-app-1","endpoint":%q},{"sdk_app_id":1400000002,"secret_key":"secret-of-app-2","endpoint":%q}]`, api.URL, api.URL),
	}
}

func TestCheck(t *testing.T) {
	chat, environ := service(t)
	if code, _, errs := run(t, environ, "run"); code != 0 {
		t.Fatalf("run: exit code %d, %s", code, errs)
	}
	want := func(wantCode int, args []string, patterns ...string) {
		t.Helper()
		code, out, errs := run(t, environ, append([]string{"check"}, args...)...)
		if code != wantCode || errs != "" {
			t.Errorf("check %v: exit code %d, stderr %q", args, code, errs)
		}
		for _, pattern := range patterns {
			if !regexp.MustCompile("(?m)" + pattern).MatchString(out) {
				t.Errorf("check %v: no line %q in\n%s", args, pattern, out)
			}
		}
		for _, secret := range []string{"secret-of-app", "key-of-the-user", "id-of-the-user", "\x1b"} {
			if strings.Contains(out+errs, secret) {
				t.Errorf("check %v: prints %q", args, secret)
			}
		}
	}
	want(0, nil, `^✓ ok +configuration +2 apps`, `^✓ ok +gaps  `, `^✓ ok +app 1400000002  the API answers`, `^\d+ ok$`)
	environ = append(environ, "CHATLAKE_QSP=1")
	want(0, []string{"--apps", "1400000001"}, `^! warning  configuration   CHATLAKE_QSP`, `^✓ ok +apps +1 of 1`, `^1 warning, \d+ ok$`)
	chat.SetFault(func(c chattest.Call) *chattest.Fault {
		if c.App == 1400000002 {
			return &chattest.Fault{Code: 60020}
		}
		return nil
	})
	want(1, []string{"--apps", "1400000001,1400000002"}, `^✗ failed   app 1400000002  the API answered 60020 .*: renew the plan`, `^2 failed, 1 warning, \d+ ok$`)

	code, out, errs := run(t, environ, "check", "--json", "--timeout", "60s")
	var report handler.Report
	if err := json.Unmarshal([]byte(out), &report); code != 1 || err != nil || errs != "" || !report.Check || report.Status != handler.Failed || strings.Count(out, "\n") != 1 {
		t.Errorf("--json: exit code %d, %v, stdout %s, stderr %s", code, err, out, errs)
	}
}

func TestCheckOfNothing(t *testing.T) {
	code, out, errs := run(t, nil, "check")
	if code != 1 || errs != "" || !strings.Contains(out, "CHATLAKE_LAKE is required") || !strings.Contains(out, "CHATLAKE_APPS is required") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, out, errs)
	}
	for _, args := range [][]string{{"--apps", "one"}, {"--apps", "0"}, {"1400000001"}, {"--dry-run"}} {
		if code, out, errs := run(t, nil, append([]string{"check"}, args...)...); code != 2 || out != "" || !strings.Contains(errs, "'chatlake check --help'") {
			t.Errorf("check %v: exit code %d, stdout %q, stderr %q", args, code, out, errs)
		}
	}
	if code, out, _ := run(t, nil, "check", "--help"); code != 0 || !strings.Contains(out, "chatlake check --json") || !strings.Contains(out, "Exit codes") || !strings.Contains(out, "CHATLAKE_LAKE") {
		t.Errorf("help: exit code %d, %s", code, out)
	}
}
