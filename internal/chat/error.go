package chat

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/cenkalti/backoff/v5"
)

// Error is a pull of one app that failed for good, after what retries it was worth.
type Error struct {
	AppID     int64
	Code      int    // the API's ErrorCode; 0 where the API did not answer with one
	Parse     bool   // an answer came, but not one that the API's page describes
	Retryable bool   // the same call may succeed later, with nothing changed
	Attempts  int    // calls made
	Advice    string // what to do
	Err       error  // what happened
}

func (e *Error) Error() string {
	return fmt.Sprintf("app %d: pulling operations data failed: %s", e.AppID, e.Message())
}

// Message says what happened and what to do, without the app.
func (e *Error) Message() string {
	if e.Advice == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + ": " + e.Advice
}

func (e *Error) Unwrap() error { return e.Err }

// apiError is an ErrorCode other than 0.
type apiError struct {
	number  int
	info    string // ErrorInfo as it came
	meaning string // of a public code
}

func (e *apiError) Error() string {
	if e.meaning == "" {
		return fmt.Sprintf("the API answered %d %q", e.number, e.info)
	}
	return fmt.Sprintf("the API answered %d %q (%s)", e.number, e.info, e.meaning)
}

// fault records the newest attempt's error and returns it for the retry loop, permanent where another attempt can't
// cure it.
func (c *appCall) fault(class class, err error, advice string) error {
	e := &Error{AppID: c.app.ID, Err: c.scrub(err), Advice: advice, Attempts: c.attempts}
	var api *apiError
	if errors.As(err, &api) {
		e.Code = api.number
	}
	again := false
	switch class {
	case classUnknown:
		e.Retryable = true
		again = c.attempts < maxUnknown
	case className:
		again = c.attempts < maxUnknown
	case classThrottled:
		c.client.pace.throttled()
		e.Retryable, again = true, true
	case classRetry:
		e.Retryable, again = true, true
	}
	if again && c.attempts < maxTries && !c.client.pace.retry() {
		again = false
		e.Advice = "not tried again, since the API fails for too many apps of this run; " + laterRun
	}
	c.last = e
	if !again {
		return backoff.Permanent(e)
	}
	return e
}

func (c *appCall) parseFault(class class, err error) error {
	fault := c.fault(class, err, "check endpoint, and whether something between here and the API answers in its place")
	var e *Error
	if errors.As(fault, &e) {
		e.Parse = true
	}
	return fault
}

// transportFault classifies a call that got no whole answer. It passes by itself, most often; not so a name or a
// certificate that is not the API's.
func (c *appCall) transportFault(ctx context.Context, err error) error {
	const between = "or something between here and the API, such as a proxy that inspects TLS, answers in its place"
	var (
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		expired     x509.CertificateInvalidError
		otherHost   x509.HostnameError
		notTLS      tls.RecordHeaderError
	)
	err = withoutURL(err)
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("no whole answer within the call's time (%v at most)", callTimeout)
	case errors.As(err, &name) && name.IsNotFound:
		return c.fault(className, err, "check region or endpoint, and the DNS of the function's network: "+c.app.Endpoint+" has no address there")
	case errors.As(err, &certificate) && errors.As(err, &expired) && expired.Reason == x509.Expired:
		return c.fault(classConfig, err, "check the clock of the machine that runs chatlake; if it is right, check endpoint, "+between)
	case errors.As(err, &certificate) && errors.As(err, &otherHost):
		return c.fault(classConfig, err, "check region or endpoint: another host answers at "+c.app.Endpoint+", "+between)
	case errors.As(err, &certificate):
		return c.fault(classConfig, err, "check endpoint: this machine does not trust what answers at "+c.app.Endpoint+", "+between)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &notTLS):
		return c.fault(classConfig, err, "check endpoint: what answers at "+c.app.Endpoint+" does not speak TLS, "+between)
	}
	return c.fault(classRetry, err, "check that the function can reach "+c.app.Endpoint+"; if it can, a later run pulls the same days again")
}

func (c *appCall) statusFault(resp *http.Response) error {
	err := fmt.Errorf("HTTP status %s", resp.Status)
	switch s := resp.StatusCode; s {
	case http.StatusTooManyRequests:
		return c.fault(classThrottled, err, slowDown)
	case http.StatusRequestTimeout:
		return c.fault(classRetry, err, laterRun)
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return c.fault(classRequest, fmt.Errorf("%w: a redirect, which is not followed since the URL carries the UserSig", err), "check region or endpoint")
	case http.StatusProxyAuthRequired:
		return c.fault(classConfig, err, "a proxy between here and the API wants a login: check HTTPS_PROXY and endpoint")
	}
	if resp.StatusCode >= 500 {
		return c.fault(classRetry, err, laterRun)
	}
	return c.fault(classRequest, err, "check region or endpoint: the API itself answers with status 200")
}

// failure is the pull's error once no attempt follows.
func (c *appCall) failure(ctx context.Context) error {
	var e *Error
	c.timeUp = c.timeUp || ctx.Err() != nil
	switch {
	case errors.As(c.last, &e) && !(c.timeUp && e.Retryable):
		return e
	case errors.As(c.last, &e):
		e.Err = fmt.Errorf("the run's time for pulling ended after %d attempts: %w", c.attempts, e.Err)
		e.Retryable = true
		return e
	}
	return &Error{
		AppID: c.app.ID, Retryable: true, Attempts: c.attempts,
		Err:    errors.New("the run's time for pulling ended before this app's turn"),
		Advice: "raise the function's timeout; " + laterRun,
	}
}

// scrub removes the app's secrets from an error whose text came from outside, and cuts a long one.
func (c *appCall) scrub(err error) error {
	const most = 600
	text := err.Error()
	if clean := cut(c.clean(text), most); clean != text {
		return errors.New(clean)
	}
	return err
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// withoutURL drops the URL of a transport error: its query carries the UserSig.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
