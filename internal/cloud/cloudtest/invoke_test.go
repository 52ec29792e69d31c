package cloudtest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"chatlake/internal/cloud"
	"chatlake/internal/cloud/cloudtest"
	"chatlake/internal/secret"
)

func TestInvoke(t *testing.T) {
	var ran []cloudtest.Invocation
	server := cloudtest.New(cloudtest.Options{
		ID: exampleID, Key: exampleKey, Region: "ap-singapore", Allowed: []string{"scf:InvokeFunction"},
		Functions: map[string]cloudtest.Function{"lake": func(in cloudtest.Invocation) cloudtest.Outcome {
			ran = append(ran, in)
			return cloudtest.Outcome{Returned: "returned", Error: "error", Code: -1, Log: "log", DurationMS: 1.5, Memory: 3}
		}},
	})
	client, err := cloud.New(secret.Keys{ID: secret.New(exampleID), Key: secret.New(exampleKey)}, "ap-singapore", "", server)
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		RetMsg, ErrMsg, Log, FunctionRequestID string
		InvokeResult, BillDuration, MemUsage   int64
		Duration                               float64
	}
	whole := answer{"returned", "error", "log", cloudtest.FunctionRequestID, -1, 1, 3, 1.5}
	silent := whole
	silent.Log = ""
	large := strings.Repeat("1", 128<<10)
	for _, test := range []struct {
		name   string
		params map[string]any
		code   string // of the refusal
		want   answer
		event  string // what the function got
	}{
		{"by default", map[string]any{"FunctionName": "lake"}, "", silent, "RequestResponse {}"},
		{
			"with all that it takes",
			map[string]any{"FunctionName": "lake", "InvocationType": "RequestResponse", "ClientContext": "[1]", "LogType": "Tail", "Namespace": "default", "Qualifier": "$LATEST"},
			"", whole, "RequestResponse [1]",
		},
		{"a large event", map[string]any{"FunctionName": "lake", "ClientContext": large + "1"}, "", silent, "RequestResponse " + large + "1"},
		{"asynchronously", map[string]any{"FunctionName": "lake", "InvocationType": "Event", "ClientContext": large, "LogType": "Tail"}, "", answer{FunctionRequestID: cloudtest.FunctionRequestID}, "Event " + large},
		{"a large event, asynchronously", map[string]any{"FunctionName": "lake", "InvocationType": "Event", "ClientContext": large + "1"}, "InvalidParameter.Payload", answer{}, ""},
		{"no name", nil, "MissingParameter", answer{}, ""},
		{"another name", map[string]any{"FunctionName": "pond"}, "ResourceNotFound.FunctionName", answer{}, ""},
		{"another namespace", map[string]any{"FunctionName": "lake", "Namespace": "prod"}, "ResourceNotFound.Namespace", answer{}, ""},
		{"another version", map[string]any{"FunctionName": "lake", "Qualifier": "2"}, "ResourceNotFound.FunctionVersion", answer{}, ""},
		{"another type", map[string]any{"FunctionName": "lake", "InvocationType": "Sync"}, "InvalidParameterValue.InvokeType", answer{}, ""},
		{"another log type", map[string]any{"FunctionName": "lake", "LogType": "Head"}, "InvalidParameterValue", answer{}, ""},
		{"no JSON", map[string]any{"FunctionName": "lake", "ClientContext": "{from:1}"}, "InvalidParameterValue.Param", answer{}, ""},
		{"an unknown parameter", map[string]any{"FunctionName": "lake", "Event": "{}"}, "UnknownParameter", answer{}, ""},
	} {
		ran = nil
		var out struct{ Result answer }
		err := client.Once(t.Context(), time.Minute, "scf", "2018-04-16", "Invoke", test.params, &out)
		var refused *cloud.Error
		switch {
		case test.code != "" && (!errors.As(err, &refused) || refused.Code != test.code || len(ran) > 0):
			t.Errorf("%s: %.200v, ran %d times", test.name, err, len(ran))
		case test.code == "" && (err != nil || out.Result != test.want || len(ran) != 1 || ran[0].Type+" "+string(ran[0].Event) != test.event):
			t.Errorf("%s: %.200v, %+v, ran %d times", test.name, err, out.Result, len(ran))
		}
	}
}
