package cli_test

import (
	"os"
	"strings"
	"testing"
)

// TestDotEnvAndTheEnvironment: what the environment has counts, and keys of two principals are never mixed.
func TestDotEnvAndTheEnvironment(t *testing.T) {
	_, reading, running := bucketLake(t)
	if code, _, errs := run(t, running, "run"); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	t.Chdir(t.TempDir())
	whole := "# the lake\nCHATLAKE_LAKE='" + strings.TrimPrefix(reading[0], "CHATLAKE_LAKE=") + "'\nexport TENCENTCLOUD_SECRETID=" + role.SecretID + "\nTENCENTCLOUD_SECRETKEY=\"" + role.SecretKey +
		"\"\nTENCENTCLOUD_SESSIONTOKEN=" + role.SessionToken + " # of the role\r\n"
	stale := strings.NewReplacer(role.SecretID, "stale", role.SecretKey, "stale-key", role.SessionToken, "stale-token").Replace(whole)
	for name, test := range map[string]struct {
		file    string
		mode    os.FileMode
		environ []string
		code    int
		says    string
		not     string
	}{
		"all from the file":            {whole, 0o600, nil, 0, "All is well.", "chmod"},
		"a file that others can read":  {whole, 0o640, nil, 0, "chmod 600 .env", ""},
		"the environment's own win":    {stale, 0o600, reading, 0, "All is well.", ""},
		"empty in the environment":     {whole, 0o600, []string{"CHATLAKE_LAKE="}, 2, "CHATLAKE_LAKE is required", ""},
		"the other spelling, outside":  {stale, 0o600, []string{"TENCENTCLOUD_SECRET_ID=" + role.SecretID, "TENCENTCLOUD_SECRET_KEY=" + role.SecretKey, "TENCENTCLOUD_TOKEN=" + role.SessionToken}, 0, "All is well.", ""},
		"a line that can't be read":    {"A=1\n\nB='" + role.SecretKey + "\nC=2\n", 0o600, reading, 2, ".env, line 3: ", ""},
		"a name that can't be read":    {"A=1\n" + role.SecretKey + "\n", 0o600, reading, 2, ".env, line 2: ", ""},
		"a file that is there, and no": {"", 0o600, reading, 0, "All is well.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			os.Remove(".env")
			if err := os.WriteFile(".env", []byte(test.file), test.mode); err != nil {
				t.Fatal(err)
			}
			code, out, errs := run(t, test.environ, "status")
			if code != test.code || !strings.Contains(out+errs, test.says) || test.not != "" && strings.Contains(errs, test.not) {
				t.Errorf("exit code %d, want %d and %q:\n%s%s", code, test.code, test.says, out, errs)
			}
			dir, _ := os.Getwd()
			if !strings.Contains(errs, "read from "+dir+"/.env\n") {
				t.Errorf("it does not say which file was read: %s", errs)
			}
			for _, secret := range []string{role.SecretKey, role.SessionToken, "stale-key"} {
				if strings.Contains(out+errs, secret) {
					t.Errorf("it prints %q:\n%s%s", secret, out, errs)
				}
			}
		})
	}
}

// TestDotEnvIsNothingToSome: help and version need no variable.
func TestDotEnvIsNothingToSome(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(".env", []byte("not a variable\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {"--help"}, {"help", "run"}, {"status", "--help"}, {"version"}} {
		if code, out, errs := run(t, nil, args...); code != 0 || out == "" || errs != "" {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
}
