package cloud_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/cloud"
	"chatlake/internal/cloud/cloudtest"
)

// TestOnce: one attempt, whatever comes of it, and all the time that it was given.
func TestOnce(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault cloudtest.Fault
		want  string // in the error; "": none
	}{
		{"slow", cloudtest.Fault{Delay: 299 * time.Second}, ""},
		{"busy", cloudtest.Fault{Code: "InternalError", Message: "try again"}, `InternalError "try again"`},
		{"broken", cloudtest.Fault{Status: 502}, "HTTP 502"},
		{"dropped", cloudtest.Fault{Drop: true}, "unexpected EOF"},
		{"hung", cloudtest.Fault{Hang: true}, "no whole answer within the attempt's time"},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := emulator(firstly(1, test.fault))
			began := time.Now()
			var out struct{ SecretString string }
			err := client(t, server).Once(t.Context(), 300*time.Second, "ssm", "2019-09-23", "GetSecretValue",
				map[string]any{"SecretName": "apps", "VersionId": "v1"}, &out)
			var failed *cloud.Error
			switch {
			case len(server.Calls()) != 1:
				t.Errorf("%s: %d calls", test.name, len(server.Calls()))
			case test.want == "" && (err != nil || out.SecretString != value):
				t.Errorf("%s: %v", test.name, err)
			case test.want != "" && (!errors.As(err, &failed) || failed.Attempts != 1 || failed.Action != "GetSecretValue" || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%s: %v", test.name, err)
			case test.name == "hung" && time.Since(began) != 300*time.Second:
				t.Errorf("%s: after %v", test.name, time.Since(began))
			}
		})
	}
}
