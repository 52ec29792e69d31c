package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"chatlake/internal/cloud"
)

const (
	lookFirst = "see by chatlake status, or in _runs/latest.json of the lake, what it did; a second run waits for the first"
	tooLong   = "a synchronous invocation ends after 300 s (https://www.tencentcloud.com/document/product/583/17243), and the run may go on: " +
		lookFirst + ". For a long run use -async, or ask for fewer days or apps at a time"
)

// atLimit reports whether an invocation took so long that SCF's limit ended it. No page says by which answer it does.
func atLimit(took time.Duration) bool { return took >= syncLimit-5*time.Second }

// adviceOnFailure says what to do about a function that ended without a summary
// (https://www.tencentcloud.com/document/product/583/35311).
func adviceOnFailure(message string, took time.Duration) string {
	lower := strings.ToLower(message)
	switch {
	case atLimit(took):
		return ": " + tooLong
	case strings.Contains(lower, "timed out"):
		return ": that is the function's own timeout: raise it in serverless.yml (900 s at most), or ask for fewer days or apps at a time. What was written is whole"
	case strings.Contains(lower, "memory"):
		return ": raise memorySize in serverless.yml, or ask for fewer days or apps at a time. What was written is whole"
	}
	return ": the log says more: search CLS for the request"
}

// refused makes an error for the user of one of the API's: what happened, and what to do.
func refused(err error, o options, took time.Duration) error {
	var e *cloud.Error
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("stopped waiting. The function may go on: %s", lookFirst)
	case !errors.As(err, &e):
		return err
	case !o.async && atLimit(took):
		return fmt.Errorf("no answer after %d s: %s: %s", int(took.Seconds()), answered(e), tooLong)
	case e.Code == "":
		advice := "check the network, any proxy in between, and CHATLAKE_API_ENDPOINT if it is set"
		return fmt.Errorf("%s. Whether the function was started is not known: %s; else %s", answered(e), lookFirst, advice)
	}
	return fmt.Errorf("%s: %s", answered(e), adviceOnCode(e, o))
}

func answered(e *cloud.Error) string {
	if e.Code == "" {
		return "SCF could not be asked: " + e.Message
	}
	text := fmt.Sprintf("SCF answered %s %q", e.Code, e.Message)
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// adviceOnCode says what to do about a code of https://www.tencentcloud.com/document/product/583/17243.
func adviceOnCode(e *cloud.Error, o options) string {
	has := func(codes ...string) bool {
		for _, code := range codes {
			if e.HasCode(code) {
				return true
			}
		}
		return false
	}
	switch {
	case has("UnsupportedRegion", "UnauthorizedOperation.Region", "InvalidParameterValue.Region"):
		return "SCF is not in " + o.region + ": check -region"
	case has("UnauthorizedOperation", "AuthFailure.UnauthorizedOperation"):
		return `allow the keys' user scf:InvokeFunction, on the resource "*" (https://www.tencentcloud.com/document/product/598/57149)`
	case has("ResourceNotFound.Namespace", "InvalidParameterValue.Namespace"):
		return fmt.Sprintf("%s has no namespace %s: check -namespace and -region", o.region, o.namespace)
	case has("ResourceNotFound", "InvalidParameterValue.FunctionName"):
		return fmt.Sprintf("there is no function %s in namespace %s of %s: check -function, -namespace and -region against serverless.yml", o.function, o.namespace, o.region)
	case has("FailedOperation.FunctionStatusError", "FailedOperation.FunctionNameStatusError", "FailedOperation.FunctionVersionStatusNotActive"):
		return "the function is being deployed, or its deployment failed: try again in a minute, and see its state in the console"
	case has("FailedOperation.InsufficientBalance", "ResourceUnavailable"):
		return "check the account's balance and the function's state in the console"
	case has("RequestLimitExceeded", "LimitExceeded", "ResourceInsufficient", "InternalError"):
		return "try again in a minute"
	case has("AuthFailure"):
		return e.Advice()
	}
	return "the codes are explained on https://www.tencentcloud.com/document/product/583/17243. Whether the function was started is not known: " + lookFirst
}
