package handler_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"chatlake/handler"
)

// progressOf runs a job and returns the newest word of each stage, in their order.
func (w *world) progressOf(payload string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	var stages []string
	var before handler.Progress
	handler.Run(ctx, handler.Job{
		Env: w.env, Payload: []byte(payload), Transport: w,
		Logger: func(slog.Level) *slog.Logger { return slog.New(slog.DiscardHandler) },
		Progress: func(p handler.Progress) {
			if p.Stage == before.Stage && p.Done <= before.Done {
				w.t.Errorf("%+v after %+v", p, before)
			}
			if p.Stage != before.Stage {
				stages = append(stages, "")
			}
			before = p
			stages[len(stages)-1] = fmt.Sprintf("%s: %d of %d, %d failed", p.Stage, p.Done, p.Total, p.Failed)
		},
	})
	return strings.Join(stages, "; ")
}

func TestProgress(t *testing.T) {
	inWorld(t, func(w *world) {
		w.failApp(1400000003)
		w.bucket.Put(partitionKey("2026-11-01"), []byte("damaged"))
		for _, test := range []struct{ payload, want string }{
			{`{"dry_run":true}`, "pulling apps: 3 of 3, 1 failed; merging days: 30 of 30, 1 failed"},
			{`{}`, "pulling apps: 3 of 3, 1 failed; merging days: 30 of 30, 1 failed"},
			// The archive may have days from a window before its first run to the day after its last.
			{`{"source":"raw"}`, "rebuilding days: 33 of 33, 1 failed"},
			{`{"source":"raw","from":"2026-08-01","to":"2026-11-24"}`, "rebuilding days: 31 of 31, 0 failed"}, // which repairs the file
			{`{"source":"raw","from":"2026-11-01","to":"2026-11-01","apps":[1400000001]}`, "rebuilding days: 1 of 1, 0 failed"},
		} {
			if got := w.progressOf(test.payload); got != test.want {
				t.Errorf("%s: %s, want %s", test.payload, got, test.want)
			}
		}
	})
}
