package handler_test

import (
	"errors"
	"testing"

	"chatlake/handler"
	"chatlake/storage/costest"
)

// TestRefused: a run that was configured or called wrongly is told apart from one that failed, which may do better later.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		payload string
		prepare func(*world)
		want    bool
	}{
		"configuration":     {`{}`, func(w *world) { w.env["CHATLAKE_QPS"] = "0" }, true},
		"event":             {`{"form":"2026-11-01"}`, func(*world) {}, true},
		"app":               {`{"apps":[1400000009]}`, func(*world) {}, true},
		"an app that fails": {`{}`, func(w *world) { w.failApp(1400000001) }, false},
		"a list of apps that can't be read now": {`{}`, func(w *world) {
			w.env["CHATLAKE_APPS"] = "cos:apps.json"
			w.bucket.SetFault(func(costest.Request) costest.Fault { return costest.Fault{Status: 503, Code: "SlowDown"} })
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				test.prepare(w)
				_, err := w.run(test.payload)
				var failure *handler.Failure
				if !errors.As(err, &failure) || failure.Refused != test.want {
					t.Errorf("%+v, want refused %t", err, test.want)
				}
			})
		})
	}
}
