package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"chatlake/internal/secret"
)

// An alert is one message to a webhook in the format of WeCom's group robots
// (https://developer.work.weixin.qq.com/document/path/91770): a POST of a small JSON, answered by an errcode. The URL holds
// the robot's key, so it is a secret.

const (
	mostAlertText = 2000 // bytes; a robot takes 2,048 of plain text
)

// LateAfter is how long after the one before it a daily run has surely come.
const LateAfter = 36 * time.Hour

// trouble is what an operator is to be told of, worst first; nothing, of a run that is as it should be.
func (r *run) trouble() (lines []string) {
	s := &r.summary
	if s.Status != OK {
		lines = append(lines, fmt.Sprintf("%s: %d of %d apps and %d days failed, %d rows were refused", s.Status, s.Apps.Failed, s.Apps.Total, len(s.Partitions.Failed), s.Rows.Rejected))
	}
	today := r.holdings.window.To + 1
	for _, g := range s.Gaps {
		if g.Urgent(today) {
			lines = append(lines, g.Describe(today))
		}
	}
	if before, err := time.Parse(time.RFC3339, r.previous.StartedAt); err == nil {
		if pause := r.started.Sub(before); pause > LateAfter {
			lines = append(lines, fmt.Sprintf("this run came %d hours after the one before it: see whether the timer is on", int(pause.Hours())))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	for _, e := range s.Errors {
		lines = append(lines, e.Describe())
	}
	return lines
}

// alert tells the webhook of trouble, and reports whether there was any to tell of. A dry run tells nobody.
func (r *run) alert(ctx context.Context) bool {
	if r.config.alertURL.IsZero() || r.event.dryRun {
		return false
	}
	lines := r.trouble()
	if lines == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, r.budget.alerting())
	defer cancel()
	text := fmt.Sprintf("chatlake run %s\n%s", r.summary.RunID, strings.Join(lines, "\n"))
	if err := postAlert(ctx, r.job.Transport, r.config.alertURL, text); err != nil {
		r.fail(RunError{Stage: stageAlert, Retryable: true, Message: fmt.Sprintf("the alert could not be sent: %v: check CHATLAKE_ALERT_URL", err)})
	}
	return true
}

// postAlert sends one message. Its error holds nothing of the URL.
func postAlert(ctx context.Context, transport http.RoundTripper, hook secret.String, text string) error {
	if len(text) > mostAlertText {
		text = strings.ToValidUTF8(text[:mostAlertText], "") + "…"
	}
	message := map[string]any{"msgtype": "text", "text": map[string]string{"content": text}}
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.Reveal(), bytes.NewReader(body))
	if err != nil {
		return errors.New("its URL is wrong")
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return errors.New(secret.Scrub(err.Error(), hook))
	}
	defer resp.Body.Close()
	const enough = 4 << 10
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, enough))
	var robot struct {
		Code int    `json:"errcode"`
		Text string `json:"errmsg"`
	}
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return fmt.Errorf("the webhook answered HTTP status %d", resp.StatusCode)
	case json.Unmarshal(answer, &robot) == nil && robot.Code != 0:
		return fmt.Errorf("the webhook answered %d %q", robot.Code, secret.Scrub(robot.Text, hook))
	}
	return nil
}
