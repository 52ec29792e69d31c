package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/cloud/cloudtest"
	"chatlake/internal/scftest"
	"chatlake/storage/costest"
)

// TestDeployedFunction goes the whole way: the command, SCF's API, the built function over SCF's own protocol, the Chat API and
// COS, and back to the table.
func TestDeployedFunction(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "main")
	if err := scftest.Build(t.Context(), "../..", binary); err != nil {
		t.Fatal(err)
	}
	function, err := scftest.Start(t.Context(), binary, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer function.Stop()
	chat := httptest.NewServer(chattest.New(chattest.Options{Apps: []chattest.App{{ID: 1400000001, Key: "secret-of-app-1"}, {ID: 1400000002, Key: "secret-of-app-2"}}}))
	defer chat.Close()
	bucket, bucketURL, stop, err := costest.Start(costest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	role := costest.Credentials{SecretID: "role-id", SecretKey: "role-key", SessionToken: "role-token"}
	bucket.SetCredentials(role)
	secondKey := "secret-of-app-2"
	deployed := func(in cloudtest.Invocation) cloudtest.Outcome {
		answer, err := function.Invoke(scftest.Invocation{Event: in.Event, Deadline: time.Now().Add(time.Minute), Environment: map[string]string{
			"CHATLAKE_LAKE": bucketURL + "/data",
			"CHATLAKE_APPS": fmt.Sprintf(`[{"sdk_app_id":1400000001,"secret_key":"secret-of-app-1","endpoint":%q},{"sdk_app_id":1400000002,"secret_key":%q,"endpoint":%q}]`,
				chat.URL, secondKey, chat.URL),
			"TENCENTCLOUD_SECRETID": role.SecretID, "TENCENTCLOUD_SECRETKEY": role.SecretKey, "TENCENTCLOUD_SESSIONTOKEN": role.SessionToken,
		}})
		var failed *scftest.FunctionError
		switch {
		case err == nil:
			return cloudtest.Outcome{Returned: string(answer)}
		case !errors.As(err, &failed):
			t.Error(err)
		}
		// As the console shows an error, https://www.tencentcloud.com/document/product/583/35311.
		text, _ := json.Marshal(map[string]any{"errorCode": -1, "errorMessage": err.Error(), "statusCode": 430})
		return cloudtest.Outcome{Returned: string(text)}
	}
	api := httptest.NewServer(cloudtest.New(cloudtest.Options{ID: id, Key: key, Token: token, Functions: map[string]cloudtest.Function{"chatlake": deployed}}))
	defer api.Close()

	for _, step := range []struct {
		name      string
		secondKey string
		args      []string
		code      int
		want      []string
		stored    int // days in the lake afterwards
	}{
		{"a dry run", "secret-of-app-2", []string{"-dry-run"}, 0, []string{"nothing was written", "60 pulled: 60 inserted", "30 to write"}, 0},
		{"one app", "secret-of-app-2", []string{"-apps", "1400000001", "-fields", "UpMsgNum"}, 0, []string{"apps        1 ok, 0 failed", "30 written"}, 30},
		{"all of it, by itself", "secret-of-app-2", []string{"-async"}, 0, []string{"SCF has taken the event"}, 30},
		{"again", "secret-of-app-2", nil, 0, []string{"OK in ", "60 unchanged", "0 written, 30 unchanged"}, 30},
		{"a wrong key", "secret-of-another", nil, 1, []string{"PARTIAL in ", "apps        1 ok, 1 failed", "error       app 1400000002, pull: "}, 30},
		{"an event that the function refuses", "secret-of-app-2", []string{"-event", `{"form":"2026-11-01"}`}, 1, []string{"FAILED in ", "form"}, 30},
	} {
		secondKey = step.secondKey
		var out, errs bytes.Buffer
		code := run(t.Context(), step.args, append(environ[:len(environ):len(environ)], "CHATLAKE_API_ENDPOINT="+api.URL), &out, &errs, nil)
		if code != step.code {
			t.Errorf("%s: exit code %d\n%s%s", step.name, code, out.String(), errs.String())
		}
		for _, want := range step.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s%s", step.name, want, out.String(), errs.String())
			}
		}
		if stored := len(bucket.Keys("data/app_daily_stats/")); stored != step.stored {
			t.Errorf("%s: the lake has %d days, want %d", step.name, stored, step.stored)
		}
		for _, hidden := range []string{id, key, token, "secret-of", "role-key", "role-token"} {
			if strings.Contains(out.String()+errs.String(), hidden) {
				t.Errorf("%s: %q is in\n%s%s", step.name, hidden, out.String(), errs.String())
			}
		}
	}
}
