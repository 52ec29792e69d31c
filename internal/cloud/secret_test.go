package cloud_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"chatlake/internal/cloud"
	"chatlake/internal/cloud/cloudtest"
)

func TestSecret(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(1_730_270_000+seconds, 0) }
	server := func(fault func(cloudtest.Call) *cloudtest.Fault) *cloudtest.Server {
		return cloudtest.New(cloudtest.Options{
			ID: id, Key: key, Token: token, Region: region, Fault: fault,
			Secrets: map[string][]cloudtest.Version{
				"one":     {{ID: "v1", Text: value}},
				"default": {{ID: "SSM_Current", Text: "the first", Created: at(0)}, {ID: "v2", Text: "the second", Created: at(9)}},
				"rotated": {{ID: "b", Text: "new", Created: at(20)}, {ID: "c", Text: "old", Created: at(10)}, {ID: "a", Text: "older", Created: at(5)}},
				"at-once": {{ID: "b", Text: "new", Created: at(5)}, {ID: "a", Text: "old", Created: at(5)}},
				"binary":  {{ID: "v1", Binary: []byte("\x00\xffkey")}},
				"empty":   {{ID: "v1"}},
				"product": nil,
			},
		})
	}
	for name, want := range map[string]string{
		"one": value, "default": "the second", "rotated": "new", "at-once": "new", "binary": "\x00\xffkey", "product": cloudtest.ProductSecret,
	} {
		s := server(nil)
		if got, err := cloud.Secret(t.Context(), client(t, s), name); err != nil || got.Reveal() != want {
			t.Errorf("%s: %q, %v", name, got.Reveal(), err)
		}
		if n := len(s.Calls()); n != 2 {
			t.Errorf("%s: %d calls, want 2", name, n)
		}
	}
	for name, test := range map[string]struct {
		secret, code, text string
		fault              func(cloudtest.Call) *cloudtest.Fault
	}{
		"missing":        {secret: "nowhere", code: "ResourceNotFound.SecretNotExist", text: "region"},
		"empty":          {secret: "empty", text: "is empty"},
		"no base64":      {secret: "one", text: "base64", fault: on("GetSecretValue", cloudtest.Fault{Body: []byte(`{"Response":{"SecretBinary":"5bd2850fff3ecb11!"}}`)})},
		"may not list":   {secret: "one", code: "UnauthorizedOperation", text: "ssm:ListSecretVersionIds", fault: on("ListSecretVersionIds", cloudtest.Fault{Code: "UnauthorizedOperation"})},
		"may not fetch":  {secret: "one", code: "UnauthorizedOperation", text: "ssm:GetSecretValue", fault: on("GetSecretValue", cloudtest.Fault{Code: "UnauthorizedOperation"})},
		"long version":   {secret: "one", code: "ResourceNotFound", text: "failed to fetch secret one", fault: longVersion},
		"name of a path": {secret: "a/b", text: "not a secret's name"},
		"no name":        {secret: "", text: "not a secret's name"},
		"long name":      {secret: strings.Repeat("a", 129), text: "(129 characters, not printed since they may be a secret) is not a secret's name"},
	} {
		got, err := cloud.Secret(t.Context(), client(t, server(test.fault)), test.secret)
		if err == nil || !got.IsZero() || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var e *cloud.Error
		if errors.As(err, &e) != (test.code != "") || e != nil && e.Code != test.code {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), "5bd2850fff3ecb11") {
			t.Errorf("%s: the secret is in %v", name, err)
		}
		if len(err.Error()) > 3000 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}

// longVersion has a version whose id fills a log line by itself.
func longVersion(c cloudtest.Call) *cloudtest.Fault {
	if c.Action == "ListSecretVersionIds" {
		return &cloudtest.Fault{Body: []byte(`{"Response":{"Versions":[{"VersionId":"` + strings.Repeat("v", 1<<20) + `"}]}}`)}
	}
	return &cloudtest.Fault{Code: "ResourceNotFound"}
}

func on(action string, f cloudtest.Fault) func(cloudtest.Call) *cloudtest.Fault {
	return func(c cloudtest.Call) *cloudtest.Fault {
		if c.Action != action {
			return nil
		}
		return &f
	}
}
