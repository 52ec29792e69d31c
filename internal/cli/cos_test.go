package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"chatlake/internal/chat/chattest"
	"chatlake/storage/costest"
)

var role = costest.Credentials{SecretID: "id-of-the-role", SecretKey: "key-of-the-role", SessionToken: "token-of-the-role"}

// bucketLake is a lake of one app in a bucket, and the environment of commands that only read.
func bucketLake(t *testing.T) (bucket *costest.Server, reading, running []string) {
	t.Helper()
	bucket, url, stop, err := costest.Start(costest.Options{Credentials: []costest.Credentials{role}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	api := httptest.NewServer(chattest.New(chattest.Options{Apps: []chattest.App{{ID: 1400000001, Key: "secret-of-app-1"}}}))
	t.Cleanup(api.Close)
	reading = []string{
		"CHATLAKE_LAKE=" + url + "/im",
		"TENCENTCLOUD_SECRETID=" + role.SecretID, "TENCENTCLOUD_SECRETKEY=" + role.SecretKey, "TENCENTCLOUD_SESSIONTOKEN=" + role.SessionToken,
	}
	running = append(reading[:len(reading):len(reading)], fmt.Sprintf(`CHATLAKE_APPS=[{"sdk_app_id":1400000001,"secret_key":"secret-of-app-1","endpoint":%q}]`, api.URL))
	return bucket, reading, running
}

// TestLakeInCOS goes once through the commands with a bucket. None may print a secret, also where it fails.
func TestLakeInCOS(t *testing.T) {
	bucket, reading, running := bucketLake(t)
	wrong := append(reading[:len(reading):len(reading)], "TENCENTCLOUD_SECRETKEY=another-key")
	for _, test := range []struct {
		environ []string
		args    string
		code    int
		says    string
	}{
		{running, "run --dry-run", 0, "(dry run: nothing was written)"},
		{reading, "status", 1, "no run was ever stored here"},
		{reading, "verify", 1, "The table is empty"},
		{running, "run", 0, "30 inserted"},
		{running, "run --apps 1400000001 --fields UpMsgNum", 0, "30 unchanged"},
		{running, "run --source raw", 0, "60 pulled: 0 inserted"},
		{reading, "status", 0, "All is well."},
		{reading, "verify --raw", 0, "The table is whole."},
		{reading, "ddl duckdb --lake " + "https://lake-1250000000.cos.ap-singapore.myqcloud.com/im", 0, "CREATE"},
		{reading, "run", 2, "CHATLAKE_APPS is required and not set"},
		{running, "run --apps 1400000009", 2, "which CHATLAKE_APPS does not have"},
		{running, "run --from 2026-11-31", 2, "bad from"},
		{wrong, "status", 1, "SignatureDoesNotMatch"},
		{wrong, "verify --json", 1, "SignatureDoesNotMatch"},
		{reading[:1], "status", 2, "TENCENTCLOUD_SECRETID is required"},
		{reading[1:], "verify", 2, "CHATLAKE_LAKE is required"},
	} {
		code, out, errs := run(t, test.environ, strings.Fields(test.args)...)
		if code != test.code || !strings.Contains(out+errs, test.says) || code == 2 && out != "" {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s%s", test.args, code, test.code, test.says, out, errs)
		}
		for _, secret := range []string{role.SecretID, role.SecretKey, role.SessionToken, "secret-of-app-1", "another-key", "usersig=", "q-signature"} {
			if strings.Contains(out+errs, secret) {
				t.Errorf("%s prints %q:\n%s%s", test.args, secret, out, errs)
			}
		}
	}
	writes := 0
	for _, r := range bucket.Requests() {
		if r.Method == "DELETE" {
			t.Errorf("deleted %s", r.Key)
		}
		if r.Method == "PUT" {
			writes++
		}
	}
	run(t, reading, "verify", "--raw")
	run(t, reading, "status", "--all")
	for _, r := range bucket.Requests() {
		if r.Method == "PUT" {
			writes--
		}
	}
	if writes != 0 {
		t.Error("commands that only read have written")
	}
}

// TestJSON: with --json, stdout is one document, whatever happens.
func TestJSON(t *testing.T) {
	_, reading, running := bucketLake(t)
	for _, args := range []string{"run --json", "status --json", "status --json --all", "verify --json", "verify --json --raw", "version --json"} {
		environ := reading
		if strings.HasPrefix(args, "run") {
			environ = running
		}
		code, out, errs := run(t, environ, strings.Fields(args)...)
		var document map[string]any
		if err := json.Unmarshal([]byte(out), &document); err != nil || code != 0 || len(document) == 0 {
			t.Errorf("%s: exit code %d, %v: %s%s", args, code, err, out, errs)
		}
	}
	if code, out, _ := run(t, reading, "run", "--json"); code != 2 || !strings.HasPrefix(out, `{"run_id":`) || strings.Count(out, "\n") != 1 {
		t.Errorf("a run that is refused: exit code %d: %s", code, out)
	}
}
