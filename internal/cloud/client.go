// Package cloud calls Tencent Cloud's API 3.0, of which the project needs a few services: Secrets Manager (see [Secret]),
// Data Lake Compute (see package dlc) and, to invoke a deployed function, SCF (see scripts/invoke).
//
// Failure model: a call is made again, with jittered exponential backoff, after a transport error, a timeout of one
// attempt, an HTTP error of the server's side, an answer that is no API answer, and the API's codes for overload and
// inner errors; every other code ends it at once. Every call but [Client.Once] may therefore reach the service more than
// once: only idempotent ones belong here. A failed call is an [*Error] without keys, signatures or bodies, since a body can hold
// a secret. A redirect is never followed, since the session token would go with it. The context ends a call at any
// point. Not handled: a limit on the rate of calls, since a run makes few.
package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"

	"chatlake/internal/endpoint"
	"chatlake/internal/secret"
)

const (
	attemptTimeout = 15 * time.Second
	maxAttempts    = 5
)

// Client calls the API with one principal's keys in one region. It is safe for concurrent use.
type Client struct {
	api     *common.Client
	secrets []secret.String
	sent    *signatures
}

// New returns a client. The region is one of the API, such as ap-singapore. The base URL stands in for every service's
// SERVICE.tencentcloudapi.com, as [endpoint.Parse] takes it; "" is the public ones. The transport decides about proxies,
// TLS and connections; nil is [http.DefaultTransport].
func New(keys secret.Keys, region, base string, transport http.RoundTripper) (*Client, error) {
	if transport == nil {
		transport = http.DefaultTransport
	}
	p := profile.NewClientProfile()
	p.HttpProfile.ReqTimeout = 0 // each attempt has its own, which hears a cancellation
	p.Language = "en-US"
	p.DisableRegionBreaker = true // it would send requests to a host that nobody configured
	if base != "" {
		u, err := endpoint.Parse(base)
		if err != nil {
			return nil, err
		}
		p.HttpProfile.Scheme = u.Scheme
		p.HttpProfile.Endpoint = u.Host + u.EscapedPath()
	}
	sent := &signatures{}
	api := common.NewCommonClient(credential{keys}, region, p).WithHttpTransport(guard{transport, sent})
	return &Client{api, []secret.String{keys.Key, keys.Token, keys.ID}, sent}, nil
}

// Call makes a call such as service ssm, version 2019-09-23, action GetSecretValue, and reads the answer's Response
// into out by encoding/json; nil drops it. params is what becomes the JSON body; nil is an empty object.
func (c *Client) Call(ctx context.Context, service, version, action string, params map[string]any, out any) error {
	if params == nil {
		params = map[string]any{}
	}
	var last *Error
	attempts := 0
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		attempts++
		if last = c.attempt(ctx, attemptTimeout, service, version, action, params, out); last == nil {
			return struct{}{}, nil
		}
		last.Attempts = attempts
		if !last.Retryable {
			return struct{}{}, backoff.Permanent(last)
		}
		return struct{}{}, last
	}, backoff.WithMaxTries(maxAttempts), backoff.WithMaxElapsedTime(0), backoff.WithBackOff(&backoff.ExponentialBackOff{
		InitialInterval: 300 * time.Millisecond, Multiplier: 2, RandomizationFactor: 0.5, MaxInterval: 5 * time.Second,
	}))
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("failed to call %s %s in time (%w): %w", service, action, ctx.Err(), last)
	}
	return last
}

// Once makes a call as [Client.Call] does, but one attempt of it, which has the time that it is given: for what takes longer
// than other calls, or is not to be done twice.
func (c *Client) Once(ctx context.Context, timeout time.Duration, service, version, action string, params map[string]any, out any) error {
	failed := c.attempt(ctx, timeout, service, version, action, params, out)
	switch {
	case failed == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("failed to call %s %s in time (%w): %w", service, action, ctx.Err(), failed)
	}
	failed.Attempts = 1
	return failed
}

func (c *Client) attempt(ctx context.Context, timeout time.Duration, service, version, action string, params map[string]any, out any) (failed *Error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer func() {
		if failed != nil {
			failed.Service, failed.Action = service, action
		}
	}()
	request := tchttp.NewCommonRequest(service, version, action)
	if err := request.SetActionParameters(params); err != nil {
		return c.classify(err)
	}
	request.SetContext(ctx)
	var a answer
	if err := c.api.Send(request, &a); err != nil {
		return c.classify(err)
	}
	var envelope struct{ Response json.RawMessage }
	if err := json.Unmarshal(a.body, &envelope); err != nil || len(envelope.Response) == 0 || envelope.Response[0] != '{' {
		return unreadable(http.StatusOK)
	}
	if out == nil {
		return nil
	}
	if json.Unmarshal(envelope.Response, out) != nil { // its error may quote what it could not read
		return unreadable(http.StatusOK)
	}
	return nil
}

// Clean makes a text that came from outside fit to print: without the client's keys and its calls' signatures, and of a
// bounded length.
func (c *Client) Clean(text string) string {
	text = secret.Scrub(text, slices.Concat(c.secrets, c.sent.all())...)
	if r := []rune(text); len(r) > maxText {
		return string(r[:maxText]) + "…"
	}
	return text
}

// credential hands the keys to the SDK without a struct of plain strings that a %+v would show.
type credential struct{ keys secret.Keys }

var _ common.CredentialIface = credential{}

//lint:ignore ST1003 the SDK's interface spells it so
func (c credential) GetSecretId() string  { return c.keys.ID.Reveal() }
func (c credential) GetSecretKey() string { return c.keys.Key.Reveal() }
func (c credential) GetToken() string     { return c.keys.Token.Reveal() }
func (c credential) GetCredential() (id, key, token string) {
	return c.GetSecretId(), c.GetSecretKey(), c.GetToken()
}
