// Package chat is a client of the one call of Tencent Chat's REST API that gives an app's operations data of the last
// 30 days, v4/openconfigsvr/getappinfo (https://www.tencentcloud.com/document/product/1047/34886).
//
// Failure model: what may pass by itself (transport errors, timeouts, HTTP 5xx, an answer that is no JSON or contradicts
// itself, the codes that the API marks so) is retried a few times with jittered exponential backoff; anything else fails
// at once, a certificate that is not the API's too. All calls of a [Client], retries included, go through one limiter, and
// the retries come out of one budget. A call that fails for good is an [*Error], which says what happened and what to do,
// and holds neither key nor UserSig. Redirects are not followed, since the URL of a call carries the UserSig.
package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"chatlake/internal/secret"
)

const (
	// MaxQPS is the API's documented call frequency. Whether it holds for an account or an app is not documented,
	// so a run holds it over all apps.
	MaxQPS = 200

	// slack is what the network may bring calls closer together than they were sent, without more than the allowed
	// number arriving within a second: 1% of the time between two calls.
	slack = 100

	path        = "/v4/openconfigsvr/getappinfo"
	callTimeout = 15 * time.Second
	maxTries    = 4
	maxUnknown  = 2              // tries of a code that no public page has
	maxBody     = 16 << 20       // 30 days are about 30 KB
	sigValidFor = 24 * time.Hour // the pages' advice: at least 24 hours, so that a skewed clock does no harm
)

// App is one app to pull.
type App struct {
	ID         int64
	Key        secret.String
	Region     string // empty where only the endpoint is known
	Endpoint   string // base URL, without a trailing slash
	Identifier string // an App admin account
}

// Endpoint returns the base URL of a region.
func Endpoint(region string) (url string, ok bool) {
	host, ok := regions[region]
	return "https://" + host, ok
}

// Regions returns the names of the regions, sorted.
func Regions() []string { return slices.Sorted(maps.Keys(regions)) }

// Answer is what the API answered for one app.
type Answer struct {
	Entries  []json.RawMessage // Result: one object a day, in no promised order; empty where there is no data yet
	Attempts int
}

// Exchange is one answer that came, good or bad.
type Exchange struct {
	App    App
	At     time.Time // when it had come whole, by the wall clock
	Status int       // of HTTP
	Good   bool      // it is what the API's page describes, with ErrorCode 0
	Body   []byte    // as received, but for a UserSig that an answer echoes
}

// Client calls the API within one run's limits. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	pace    *pace
	observe func(Exchange)
	calls   atomic.Int64
	retries atomic.Int64
}

// NewClient returns a client that makes at most qps calls a second, evenly spaced from the first one on. It shows each
// answer to observe, from many goroutines, before it returns it.
func NewClient(transport http.RoundTripper, qps int, observe func(Exchange)) *Client {
	return &Client{
		observe: observe,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		pace: newPace(qps),
	}
}

// Requests returns how many calls were made so far, and how many of them were retries.
func (c *Client) Requests() (calls, retries int64) { return c.calls.Load(), c.retries.Load() }

// AppInfo pulls the app's last 30 days; fields are the API's names of what to pull, none for all. The error is an
// [*Error].
func (c *Client) AppInfo(ctx context.Context, app App, fields []string) (Answer, error) {
	body, err := requestBody(fields)
	if err != nil {
		return Answer{}, &Error{AppID: app.ID, Err: err}
	}
	call := appCall{client: c, app: app, body: body}
	answer, err := backoff.Retry(ctx, func() (Answer, error) { return call.attempt(ctx) },
		backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(0), backoff.WithBackOff(&backoff.ExponentialBackOff{
			InitialInterval: 500 * time.Millisecond, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: 8 * time.Second,
		}))
	answer.Attempts = call.attempts
	if err != nil {
		return answer, call.failure(ctx)
	}
	return answer, nil
}

func requestBody(fields []string) ([]byte, error) {
	return json.Marshal(struct {
		RequestField []string `json:",omitempty"`
	}{fields})
}

// appCall is the state of one app's pull over its attempts.
type appCall struct {
	client   *Client
	app      App
	body     []byte
	sigs     []secret.String // UserSigs, the one in use last
	expired  bool            // the one in use
	attempts int
	timeUp   bool  // no attempt follows for lack of time
	last     error // of the newest attempt
}

// attempt makes one call. An error that another attempt can't cure comes as permanent.
func (c *appCall) attempt(ctx context.Context) (Answer, error) {
	if err := c.client.pace.wait(ctx); err != nil {
		c.timeUp = true
		return Answer{}, backoff.Permanent(err)
	}
	if len(c.sigs) == 0 || c.expired {
		sig, err := tencentyun.GenUserSig(int(c.app.ID), c.app.Key.Reveal(), c.app.Identifier, int(sigValidFor.Seconds())+len(c.sigs)) // another one within the same second too
		if err != nil {
			return Answer{}, c.fault(classConfig, fmt.Errorf("making a UserSig failed: %w", err), "check secret_key")
		}
		c.sigs, c.expired = append(c.sigs, secret.New(sig)), false
	}
	c.attempts++
	c.client.calls.Add(1)
	if c.attempts > 1 {
		c.client.retries.Add(1)
	} else {
		c.client.pace.started()
	}
	resp, body, err := c.post(ctx)
	if err != nil {
		return Answer{}, err
	}
	body = c.withoutSig(body)
	var entries []json.RawMessage
	if resp.StatusCode == http.StatusOK {
		entries, err = c.decode(body)
	} else {
		err = c.statusFault(resp)
	}
	if err == nil {
		c.client.pace.answered()
	}
	c.client.observe(Exchange{App: c.app, At: time.Now(), Status: resp.StatusCode, Good: err == nil, Body: body})
	return Answer{Entries: entries}, err
}

// withoutSig returns a body as it came, unless it echoes the UserSig: a row goes into the lake, a refused one under
// _rejects, and any answer into the archive. The key it cannot echo: that is never sent.
func (c *appCall) withoutSig(body []byte) []byte {
	text := string(body)
	if clean := secret.Scrub(text, c.sigs...); clean != text {
		return []byte(clean)
	}
	return body
}

// post sends the request and reads the whole answer.
func (c *appCall) post(ctx context.Context) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	query := url.Values{
		"sdkappid":    {strconv.FormatInt(c.app.ID, 10)},
		"identifier":  {c.app.Identifier},
		"usersig":     {c.sigs[len(c.sigs)-1].Reveal()},
		"random":      {strconv.FormatUint(uint64(rand.Uint32()), 10)},
		"contenttype": {"json"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.app.Endpoint+path+"?"+query.Encode(), bytes.NewReader(c.body))
	if err != nil {
		return nil, nil, c.fault(classConfig, withoutURL(err), "check endpoint")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.http.Do(req)
	if err != nil {
		return nil, nil, c.transportFault(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, nil, c.transportFault(ctx, err)
	case len(body) > maxBody:
		return nil, nil, c.parseFault(classRequest, fmt.Errorf("the answer is longer than %d bytes", maxBody))
	}
	return resp, body, nil
}

// decode reads the API's envelope.
func (c *appCall) decode(body []byte) ([]json.RawMessage, error) {
	env, err := parseEnvelope(body)
	if errors.Is(err, errTooManyRows) {
		return nil, c.parseFault(classRequest, err)
	}
	if err != nil {
		return nil, c.parseFault(classRetry, fmt.Errorf("%w; it begins with %q", err, c.head(body)))
	}
	if env.code == 0 {
		return env.result, nil
	}
	known, ok := codes[env.code]
	if !ok {
		known.advice = "look the code up among the API's error codes, and " + checkRegion + "; " + laterRun
	}
	err = &apiError{number: env.code, info: c.clean(env.info), meaning: known.meaning}
	if known.class == classExpired && len(c.sigs) == 1 {
		c.expired = true
		return nil, c.fault(classRetry, err, known.advice)
	}
	return nil, c.fault(known.class, err, known.advice)
}

// ParseAnswer reads the entries of a body that an [Exchange] showed as good.
func ParseAnswer(body []byte) ([]json.RawMessage, error) {
	env, err := parseEnvelope(body)
	if err == nil && env.code != 0 {
		err = &apiError{number: env.code, info: env.info, meaning: codes[env.code].meaning}
	}
	return env.result, err
}

// head is the beginning of an answer, for an error.
func (c *appCall) head(body []byte) string {
	const most, enough = 120, 4096
	return cut(c.clean(string(body[:min(len(body), enough)])), most)
}

// clean takes the app's secrets out of a text, which has to be done before it is cut or quoted.
func (c *appCall) clean(text string) string { return secret.Scrub(text, append(c.sigs, c.app.Key)...) }
