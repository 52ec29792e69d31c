package chat_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

func answering(body string) http.Handler {
	return emulator(always(chattest.Fault{Body: []byte(body)}))
}

func TestAnswersThatAreRead(t *testing.T) {
	const one = `{"Date":"20160607","UpMsgNum":"1"}`
	for name, test := range map[string]struct {
		body    string
		entries int
	}{
		"the page's sample":       {string(chattest.Sample()), 1},
		"more commas":             {`{"ErrorCode":0,"Result":[{"Date":"20160607", } , ` + one + ` , ],}`, 2},
		"commas in texts":         {`{"ErrorCode":0,"Result":[{"Date":"20160607","AppName":",}\",]",}],}`, 1},
		"a BOM":                   {"\xef\xbb\xbf" + `{"ErrorCode":0,"Result":[` + one + `]}`, 1},
		"a BOM and a comma":       {"\xef\xbb\xbf" + `{"ErrorCode":0,"Result":[` + one + `],}`, 1},
		"white space":             {"\r\n {\"ErrorCode\" : 0 ,\n\"Result\" : [ " + one + " ]\t}\n\n", 1},
		"ErrorCode as a string":   {`{"ErrorCode":"0","ErrorInfo":"OK","Result":[` + one + `]}`, 1},
		"ActionStatus":            {`{"ActionStatus":"OK","ErrorCode":0,"Result":[` + one + `]}`, 1},
		"unknown members":         {`{"ErrorCode":0,"New":{"Result":1},"Result":[` + one + `]}`, 1},
		"no ErrorInfo":            {`{"ErrorCode":0,"Result":[` + one + `]}`, 1},
		"ErrorInfo of any type":   {`{"ErrorCode":0,"ErrorInfo":{"a":1},"Result":[` + one + `]}`, 1},
		"entries that are no row": {`{"ErrorCode":0,"Result":[null,1,` + one + `]}`, 3},
		"Result null":             {`{"ErrorCode":0,"ErrorInfo":"OK","Result":null}`, 0},
		"Result absent":           {`{"ErrorCode":0,"ErrorInfo":"OK"}`, 0},
		"Result empty":            {`{"ErrorCode":0,"ErrorInfo":"OK","Result":[]}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := pullFrom(t, answering(test.body), client(even))
			if n := p.ok(t, 1); n != test.entries {
				t.Errorf("%d entries, want %d", n, test.entries)
			}
			if string(p.body()) != test.body {
				t.Errorf("the body is not as received: %q", p.body())
			}
			for _, entry := range p.answer.Entries {
				if !json.Valid(entry) {
					t.Errorf("an entry is no JSON: %s", entry)
				}
			}
		})
	}
}

// An app without rows: no page says how the answer looks, so the emulator gives all three forms.
func TestNoDataYet(t *testing.T) {
	for id := int64(1400000001); id <= 1400000003; id++ {
		s := chattest.New(chattest.Options{
			Apps: []chattest.App{{ID: id, Key: key, Since: stats.DayIn(now(), stats.Beijing)}}, Now: now,
		})
		p := pullFrom(t, s, client(chattest.App{ID: id, Key: key}))
		if n := p.ok(t, 1); n != 0 {
			t.Errorf("%d entries of %s", n, p.body())
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, test := range map[string]struct{ body, says string }{
		"HTML":                  {"<!DOCTYPE html>\n<title>Sign in</title>", "Sign in"},
		"empty":                 {"", "not the JSON object"},
		"null":                  {"null", "null"},
		"an array":              {`[{"ErrorCode":0}]`, "not the JSON object"},
		"cut":                   {string(chattest.Sample()[:500]), "not the JSON object"},
		"more behind it":        {`{"ErrorCode":0}{"ErrorCode":0}`, "not the JSON object"},
		"no ErrorCode":          {`{"ErrorInfo":"OK","Result":[]}`, "no ErrorCode"},
		"ErrorCode null":        {`{"ErrorCode":null,"Result":[]}`, "ErrorCode"},
		"ErrorCode empty":       {`{"ErrorCode":"","Result":[]}`, "ErrorCode"},
		"ErrorCode no number":   {`{"ErrorCode":"OK","Result":[]}`, "ErrorCode"},
		"ErrorCode a fraction":  {`{"ErrorCode":0.0,"Result":[]}`, "ErrorCode"},
		"ErrorCode in an array": {`{"ErrorCode":[0],"Result":[]}`, "ErrorCode"},
		"ErrorCode's case":      {`{"errorcode":0,"Result":[]}`, "no ErrorCode"},
		"Result an object":      {`{"ErrorCode":0,"Result":{"Date":"20160607"}}`, "Result"},
		"Result a text":         {`{"ErrorCode":0,"Result":""}`, "Result"},
		"a missing value":       {`{"ErrorCode":0,"Result":[1,,2]}`, "not the JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			p := pullFrom(t, answering(test.body), client(even))
			p.failed(t, 4, true, test.says, "endpoint")
			if !p.failure.Parse || p.failure.Code != 0 {
				t.Errorf("Parse is %t, Code %d", p.failure.Parse, p.failure.Code)
			}
		})
	}
}

// An answer that is no JSON passes by itself where the fault was in between.
func TestAnswerOverTheLimit(t *testing.T) {
	const limit = 16 << 20
	head, tail := `{"ErrorCode":0,"Pad":"`, `"}`
	fits := head + strings.Repeat("x", limit-len(head)-len(tail)) + tail
	pullFrom(t, answering(fits), client(even)).ok(t, 1)
	p := pullFrom(t, answering(fits+" "), client(even))
	p.failed(t, 1, false, strconv.Itoa(limit), "endpoint")
	if !p.failure.Parse {
		t.Error("Parse is not set")
	}
}
