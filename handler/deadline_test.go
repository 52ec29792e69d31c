package handler_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
)

// late makes each request to the bucket take some time.
func (w *world) late(by time.Duration) {
	bucket := w.routes[bucketHost]
	w.routes[bucketHost] = http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		select {
		case <-time.After(by):
		case <-req.Context().Done():
			return
		}
		bucket.ServeHTTP(rw, req)
	})
}

// TestEveryTimeout holds that whatever the function's timeout is, an app that hangs costs only itself: the run ends before it
// would be killed, with the other apps' rows and the summary stored, as far as there was time for them at all.
func TestEveryTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{1, 2, 3, 5, 10, 20, 60, 300, 900} {
		for _, latency := range []time.Duration{1, 20, 100, 500} {
			timeout, latency := timeout*time.Second, latency*time.Millisecond
			t.Run(fmt.Sprintf("%v, COS takes %v", timeout, latency), func(t *testing.T) {
				inWorld(t, func(w *world) {
					w.late(latency)
					w.chat.SetFault(func(c chattest.Call) *chattest.Fault {
						if c.App == 1400000002 {
							return &chattest.Fault{Hang: true}
						}
						return nil
					})
					began := time.Now()
					s, err := w.runFor(timeout, w.timer())
					if took := time.Since(began); took >= timeout {
						t.Fatalf("the run returned after %v: SCF would have killed it", took)
					}
					// The lease takes nine requests one after another; the pull and each file at least one.
					if timeout < 40*latency {
						return
					}
					if s.Status != handler.Partial || s.Apps != (handler.AppCounts{Total: 3, OK: 2, Failed: 1}) || len(s.Partitions.Written) != 30 || len(s.Partitions.Failed) != 0 {
						t.Errorf("%s, %v", s.JSON(), err)
					}
					stored, ok := w.bucket.Get(prefix + "_runs/dt=2026-11-25/" + s.RunID + ".json")
					if !ok || string(stored) != string(s.JSON()) {
						t.Errorf("stored is %s", stored)
					}
				})
			})
		}
	}
}

// TestPullEndsInTimeForMuchToWrite holds that a run of many days and a slow bucket stops pulling early enough to write what it has,
// and says which apps it did not reach.
func TestPullEndsInTimeForMuchToWrite(t *testing.T) {
	inWorld(t, func(w *world) {
		w.apps = nil
		for i := range int64(400) {
			w.apps = append(w.apps, chattest.App{ID: 1400000001 + i, Key: "secret-of-app", Region: "singapore"})
		}
		w.chat = chattest.New(chattest.Options{Apps: w.apps})
		w.routes["adminapisgp.im.qcloud.com"] = w.chat.Handler("singapore")
		w.env["CHATLAKE_APPS"], w.env["CHATLAKE_QPS"] = w.appList(), "10"
		w.late(400 * time.Millisecond)
		s, err := w.runFor(30*time.Second, w.timer())
		if err == nil || s.Status != handler.Partial || s.Apps.OK < 100 || s.Apps.OK == 400 || len(s.Partitions.Failed) != 0 {
			t.Fatalf("%s, %v", s.Line(2000), err)
		}
		if rows := w.rows("2026-11-10"); len(rows) != s.Apps.OK {
			t.Errorf("%d rows of %d apps", len(rows), s.Apps.OK)
		}
		if len(s.Errors) != s.Apps.Failed {
			t.Errorf("%d errors of %d apps", len(s.Errors), s.Apps.Failed)
		}
		for _, e := range s.Errors {
			if e.AppID == 0 || !e.Retryable || !strings.Contains(e.Message, "time for pulling ended") {
				t.Errorf("error %+v", e)
			}
		}
	})
}
