package chattest_test

import (
	"net/http"
	"strings"
	"testing"

	"chatlake/internal/chat/chattest"
)

func TestRefusesRequests(t *testing.T) {
	set := func(name string, values ...string) func(*call) {
		return func(c *call) { c.query[name] = values }
	}
	tests := map[string]struct {
		code   int
		change func(*call)
	}{
		"path":                  {60009, func(c *call) { c.path = "/v4/openconfigsvr/getappinfos" }},
		"path with a slash":     {60009, func(c *call) { c.path += "/" }},
		"path escaped":          {60009, func(c *call) { c.path = "/v4/openconfigsvr/%67etappinfo" }},
		"GET":                   {60002, func(c *call) { c.method = http.MethodGet }},
		"PUT":                   {60002, func(c *call) { c.method = http.MethodPut }},
		"form with parts":       {60002, func(c *call) { c.contentType = "multipart/form-data; boundary=x" }},
		"another charset":       {60002, func(c *call) { c.contentType = "application/json; charset=gbk" }},
		"Content-Type broken":   {60002, func(c *call) { c.contentType = "application/json; charset" }},
		"query malformed":       {60002, func(c *call) { c.rawQuery = c.query.Encode() + "%zz" }},
		"parameter unknown":     {60002, set("apn", "1")},
		"parameter's case":      {60002, func(c *call) { c.rawQuery = strings.Replace(c.query.Encode(), "sdkappid", "SdkAppId", 1) }},
		"parameter twice":       {60002, set("random", "1", "2")},
		"no sdkappid":           {60012, set("sdkappid")},
		"sdkappid empty":        {60012, set("sdkappid", "")},
		"sdkappid no number":    {60006, set("sdkappid", "14x")},
		"sdkappid signed":       {60006, set("sdkappid", "+1400000002")},
		"sdkappid zero":         {60006, set("sdkappid", "0")},
		"sdkappid too large":    {60006, set("sdkappid", "9223372036854775808")},
		"sdkappid unknown":      {70020, set("sdkappid", "1400000004")},
		"sdkappid unknown, odd": {70016, set("sdkappid", "1400000005")},
		"no identifier":         {60004, set("identifier")},
		"no usersig":            {60005, set("usersig")},
		"no random":             {60002, set("random")},
		"random too large":      {60002, set("random", "4294967296")},
		"random negative":       {60002, set("random", "-1")},
		"random a fraction":     {60002, set("random", "1.5")},
		"no contenttype":        {60002, set("contenttype")},
		"contenttype xml":       {60002, set("contenttype", "xml")},
		"body empty":            {60003, func(c *call) { c.body = "" }},
		"body null":             {60003, func(c *call) { c.body = "null" }},
		"body an array":         {60003, func(c *call) { c.body = "[]" }},
		"body cut":              {60003, func(c *call) { c.body = "{" }},
		"body twice":            {60003, func(c *call) { c.body = "{}{}" }},
		"body too long":         {60003, func(c *call) { c.body = "{" + strings.Repeat(" ", 1<<20) + "}" }},
		"member unknown":        {70402, func(c *call) { c.body = `{"requestfield":["UpMsgNum"]}` }},
		"field unknown":         {70402, func(c *call) { c.body = `{"RequestField":["UpMsgNum","UpMsgNums"]}` }},
		"field's case":          {70402, func(c *call) { c.body = `{"RequestField":["upMsgNum"]}` }},
		"fields a string":       {70402, func(c *call) { c.body = `{"RequestField":"UpMsgNum"}` }},
		"fields null":           {70402, func(c *call) { c.body = `{"RequestField":null}` }},
		"fields empty":          {70402, func(c *call) { c.body = `{"RequestField":[]}` }},
		"field a number":        {70402, func(c *call) { c.body = `{"RequestField":[1]}` }},
	}
	s := chattest.New(chattest.Options{Apps: []chattest.App{even}, Now: fixed(now)})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := good(t, even)
			test.change(c)
			for name, values := range c.query {
				if len(values) == 0 {
					delete(c.query, name)
				}
			}
			c.do(t, s).refuse(t, test.code)
		})
	}
}

func TestTakesWhatClientsSend(t *testing.T) {
	tests := map[string]func(*call){
		"as the page":     func(*call) {},
		"no Content-Type": func(c *call) { c.contentType = "" },
		"charset":         func(c *call) { c.contentType = "application/json; charset=UTF-8" },
		"curl's form":     func(c *call) { c.contentType = "application/x-www-form-urlencoded" },
		"plain text":      func(c *call) { c.contentType = "text/plain" },
		"white space":     func(c *call) { c.body = " {\n} " },
		"random zero":     func(c *call) { c.query.Set("random", "0") },
		"another order": func(c *call) {
			c.rawQuery = "contenttype=json&" + strings.Replace(c.query.Encode(), "contenttype=json&", "", 1)
		},
		"the page's fields": func(c *call) { c.body = `{"RequestField":["ChainIncrease","ChainDecrease"]}` },
	}
	s := chattest.New(chattest.Options{Apps: []chattest.App{even}, Now: fixed(now)})
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			c := good(t, even)
			change(c)
			c.do(t, s).serve(t, 30)
		})
	}
}
