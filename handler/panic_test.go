package handler_test

import (
	"net/http"
	"strings"
	"testing"

	"chatlake/handler"
)

// TestPanics lets the transport panic inside the goroutines of one app and of one day.
func TestPanics(t *testing.T) {
	inWorld(t, func(w *world) {
		chat, bucket := w.routes["console.tim.qq.com"], w.routes[bucketHost]
		w.routes["console.tim.qq.com"] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("of an app") })
		w.routes[bucketHost] = http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
			if strings.Contains(req.URL.Path, "dt=2026-11-20/part-0") {
				panic("of a day")
			}
			bucket.ServeHTTP(rw, req)
		})
		w.panics = true
		s, err := w.run(w.timer())
		if err == nil || s.Status != handler.Partial || s.Apps.OK != 2 || len(s.Partitions.Written) != 29 || len(s.Errors) != 2 {
			t.Fatalf("%v %s", err, s.JSON())
		}
		for i, want := range []string{"of an app", "of a day"} {
			if got := s.Errors[i].Message; !strings.Contains(got, want) || !strings.Contains(got, "_test.go:") || !strings.Contains(got, "bug") {
				t.Errorf("error %q", got)
			}
		}
		w.routes["console.tim.qq.com"], w.routes[bucketHost] = chat, bucket
		w.panics = false
		if s := w.mustRun(w.timer()); s.Rows.Inserted != 90-2*29 {
			t.Errorf("afterwards: %s", s.JSON())
		}
	})
}
