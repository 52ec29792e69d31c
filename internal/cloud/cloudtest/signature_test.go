package cloudtest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"chatlake/internal/cloud/cloudtest"
)

// The document's own example: https://www.tencentcloud.com/document/product/1084/39391.
const (
	exampleID   = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
	exampleKey  = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
	exampleBody = `{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`
	exampleTime = 1551113065
	signedAlone = "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
	scope       = "TC3-HMAC-SHA256 Credential=" + exampleID + "/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, Signature="
)

func TestSignature(t *testing.T) {
	const verified = "NoSuchProduct" // cvm is none of the emulator's, which it says after the signature only
	for _, test := range []struct {
		name   string
		change func(*http.Request)
		body   string
		after  time.Duration // the server's clock, after the request's
		want   string
	}{
		{name: "the example", want: verified},
		{name: "late", after: 5 * time.Minute, want: verified},
		{name: "too late", after: 5*time.Minute + time.Second, want: "AuthFailure.SignatureExpire"},
		{name: "too early", after: -5*time.Minute - time.Second, want: "AuthFailure.SignatureExpire"},
		{name: "header in capitals", change: set("Content-Type", " Application/JSON; charset=utf-8"), want: verified},
		{name: "other body", body: strings.Replace(exampleBody, "1", "2", 1), want: "AuthFailure.SignatureFailure"},
		{name: "other type", change: set("Content-Type", "application/json"), want: "AuthFailure.SignatureFailure"},
		{name: "other host", change: func(r *http.Request) { r.Host = "ssm.tencentcloudapi.com" }, want: "AuthFailure.SignatureFailure"},
		{name: "other time", change: set("X-TC-Timestamp", "1551113066"), want: "AuthFailure.SignatureFailure"},
		{name: "other day", change: set("Authorization", strings.Replace(scope, "02-25", "02-26", 1)+signedAlone), want: "AuthFailure.SignatureFailure"},
		{name: "other service", change: set("Authorization", strings.Replace(scope, "cvm", "ssm", 1)+signedAlone), want: "AuthFailure.SignatureFailure"},
		{name: "fewer headers", change: set("Authorization", strings.Replace(scope, "content-type;", "", 1)+signedAlone), want: "AuthFailure.SignatureFailure"},
		{name: "no signature", change: set("Authorization", scope), want: "AuthFailure.InvalidAuthorization"},
		{name: "no authorization", change: func(r *http.Request) { r.Header.Del("Authorization") }, want: "AuthFailure.InvalidAuthorization"},
		{name: "skipped", change: set("Authorization", "SKIP"), want: "AuthFailure.InvalidAuthorization"},
		{name: "a token", change: set("X-TC-Token", "t"), want: "AuthFailure.TokenFailure"},
		{name: "no time", change: func(r *http.Request) { r.Header.Del("X-TC-Timestamp") }, want: "InvalidParameter"},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := exampleBody
			if test.body != "" {
				body = test.body
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://cvm.tencentcloudapi.com/", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{
				"Authorization": {scope + signedAlone}, "Content-Type": {"application/json; charset=utf-8"}, "X-Tc-Timestamp": {"1551113065"},
				"X-Tc-Action": {"DescribeInstances"}, "X-Tc-Version": {"2017-03-12"}, "X-Tc-Region": {"ap-guangzhou"},
			}
			if test.change != nil {
				test.change(r)
			}
			server := cloudtest.New(cloudtest.Options{ID: exampleID, Key: exampleKey, Now: func() time.Time {
				return time.Unix(exampleTime, 0).Add(test.after)
			}})
			resp, err := server.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(resp.Body)
			if err != nil || !strings.Contains(string(answer), `"Error":{"Code":"`+test.want+`"`) || resp.StatusCode != http.StatusOK {
				t.Errorf("got %s, %v; want %s", answer, err, test.want)
			}
		})
	}
}

func set(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}
