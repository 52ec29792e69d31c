package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	tcerr "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
)

const maxText = 500 // characters of a text from outside in an error

// Error is a call that failed: an error that the API answered
// (https://www.tencentcloud.com/document/product/1078/38658), or no API answer at all.
type Error struct {
	Service, Action string // such as ssm, GetSecretValue
	Status          int    // the HTTP status; the API's own errors come with 200; 0: no answer
	Code            string // such as ResourceNotFound.SecretNotExist; "": not an API error
	Message         string // the service's, or what happened
	RequestID       string // what Tencent's support asks for
	Retryable       bool   // the same call may succeed later
	Attempts        int
}

func (e *Error) Error() string {
	text := fmt.Sprintf("failed to call %s %s: %s", e.Service, e.Action, e.Message)
	if e.Code != "" {
		text = fmt.Sprintf("%s %s answered %s %q", e.Service, e.Action, e.Code, e.Message)
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	if advice := e.Advice(); advice != "" {
		text += ": " + advice
	}
	return text
}

// HasCode reports whether the API answered the code or one below it: ResourceNotFound has ResourceNotFound.SecretNotExist.
func (e *Error) HasCode(code string) bool {
	return e.Code == code || strings.HasPrefix(e.Code, code+".")
}

// Advice says what to do about the error; "" where nothing general can be said.
func (e *Error) Advice() string {
	switch {
	case e.Code == "AuthFailure.SignatureExpire":
		return "check this machine's clock, which must be within five minutes of the service's"
	case e.Code == "AuthFailure.TokenFailure":
		return "check TENCENTCLOUD_SESSIONTOKEN's age, and that it belongs to the other two keys"
	case e.HasCode("UnauthorizedOperation"), e.Code == "AuthFailure.UnauthorizedOperation":
		return fmt.Sprintf("allow the execution role %s:%s", e.Service, e.Action)
	case e.HasCode("AuthFailure"):
		return "check TENCENTCLOUD_SECRETID and TENCENTCLOUD_SECRETKEY"
	case e.HasCode("ResourceNotFound"), e.HasCode("UnsupportedRegion"):
		return "check the name, and that it is in the function's region"
	case e.HasCode("ResourceUnavailable"):
		return "check its state and the account's balance in the console"
	case e.HasCode("RequestLimitExceeded"):
		return "it was called too often, here or by others of the account; try again later"
	case e.Code == "" && e.Status >= 300 && e.Status < 500, e.Code == "" && e.Status == http.StatusOK:
		return "check CHATLAKE_API_ENDPOINT and any proxy in between"
	}
	return ""
}

// again are the codes after which the same call may succeed at once; of the rest, none promises it.
var again = []string{"RequestLimitExceeded", "InternalError", "ServiceUnavailable"}

// classify makes of the SDK's error one that is safe to print. The SDK's own may hold a whole body.
func (c *Client) classify(err error) *Error {
	var odd *oddAnswer
	if errors.As(err, &odd) {
		return c.classifyOdd(odd)
	}
	var answered *tcerr.TencentCloudSDKError
	if errors.As(err, &answered) {
		cause := answered.Unwrap()
		switch {
		case !strings.HasPrefix(answered.Code, "ClientError"):
			return c.refused(http.StatusOK, answered.Code, answered.Message, answered.RequestId)
		case cause == nil:
			return unreadable(http.StatusOK)
		}
		return &Error{Message: c.Clean(transportMessage(cause)), Retryable: true}
	}
	return &Error{Message: c.Clean(err.Error())}
}

func (c *Client) refused(status int, code, message, requestID string) *Error {
	e := &Error{Status: status, Code: c.Clean(code), Message: c.Clean(message), RequestID: c.Clean(requestID)}
	for _, code := range again {
		e.Retryable = e.Retryable || e.HasCode(code)
	}
	e.Retryable = e.Retryable || busy(status)
	return e
}

func (c *Client) classifyOdd(odd *oddAnswer) *Error {
	var body struct {
		Response struct {
			Error     struct{ Code, Message string }
			RequestID string `json:"RequestId"`
		}
	}
	if json.Unmarshal(odd.body, &body) == nil && body.Response.Error.Code != "" {
		return c.refused(odd.status, body.Response.Error.Code, body.Response.Error.Message, body.Response.RequestID)
	}
	if odd.status == http.StatusOK {
		return unreadable(odd.status)
	}
	return &Error{
		Status: odd.status, Retryable: busy(odd.status),
		Message: strings.TrimSpace(fmt.Sprintf("the answer is HTTP %d %s", odd.status, http.StatusText(odd.status))),
	}
}

// unreadable is an answer that no page describes; its text may hold a secret, so none of it is quoted.
func unreadable(status int) *Error {
	return &Error{Status: status, Message: "the answer is not one of the API", Retryable: true}
}

func busy(status int) bool { return status >= 500 || status == http.StatusTooManyRequests }

func transportMessage(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no whole answer within the attempt's time"
	}
	return err.Error()
}
