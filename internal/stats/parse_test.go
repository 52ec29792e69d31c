package stats_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

const app = 1104620500

// sampleCounters are those of the API's page, https://www.tencentcloud.com/document/product/1047/34886.
var sampleCounters = map[string]int64{
	"ActiveUserNum": 2014, "RegistUserNumOneDay": 1052, "RegistUserNumTotal": 53091, "LoginTimes": 13708, "LoginUserNum": 2094,
	"UpMsgNum": 60642, "DownMsgNum": 11869, "SendMsgUserNum": 19, "APNSMsgNum": 84,
	"C2CUpMsgNum": 52209, "C2CDownMsgNum": 11040, "C2CSendMsgUserNum": 9, "C2CAPNSMsgNum": 84,
	"MaxOnlineNum": 62, "ChainIncrease": 18, "ChainDecrease": 16,
	"GroupUpMsgNum": 8433, "GroupDownMsgNum": 829, "GroupSendMsgUserNum": 12, "GroupAPNSMsgNum": 0, "GroupSendMsgGroupNum": 5189,
	"GroupJoinGroupTimes": 121438, "GroupQuitGroupTimes": 108292, "GroupNewGroupNum": 35904, "GroupAllGroupNum": 41913, "GroupDestroyGroupNum": 35019,
	"CallBackReq": 73069, "CallBackRsp": 72902,
}

func TestParseReadsThePagesSample(t *testing.T) {
	var answer struct{ Result []json.RawMessage }
	// The page has a comma behind the last field; reading over it is the client's job.
	if err := json.Unmarshal([]byte(strings.Replace(string(chattest.Sample()), `,}`, `}`, 1)), &answer); err != nil {
		t.Fatal(err)
	}
	row, err := stats.Parse(app, answer.Result[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := counters(row); !maps.Equal(got, sampleCounters) {
		t.Errorf("counters %v, want %v", got, sampleCounters)
	}
	wantTexts := map[string]string{"AppName": "Real-Time Communication Scenario Developer edition", "Company": "Linye"}
	if got := texts(row); !maps.Equal(got, wantTexts) {
		t.Errorf("texts %q, want %q", got, wantTexts)
	}
	if row.AppID != app || row.Day.String() != "2016-06-07" || row.Extra != nil || row.Revision != 0 ||
		!row.FirstPulledAt.IsZero() || !row.UpdatedAt.IsZero() {
		t.Errorf("read %+v", row)
	}
}

// with is an entry that is good but for what is added.
func with(members string) json.RawMessage {
	return json.RawMessage(`{"Date":"20160607",` + members + `}`)
}

func TestParseValues(t *testing.T) {
	const most = 1<<63 - 1
	type row struct {
		counters map[string]int64
		texts    map[string]string
		extra    map[string]string
	}
	counter := func(n int64) row { return row{counters: map[string]int64{"UpMsgNum": n}} }
	text := func(s string) row { return row{texts: map[string]string{"AppName": s}} }
	extra := func(s string) row { return row{extra: map[string]string{"QQ": s}} }
	for members, want := range map[string]row{
		`"UpMsgNum":"0"`:                   counter(0),
		`"UpMsgNum":0`:                     counter(0),
		`"UpMsgNum":"60642"`:               counter(60642),
		`"UpMsgNum":60642`:                 counter(60642),
		`"UpMsgNum" : 60642 `:              counter(60642),
		`"UpMsgNum":"007"`:                 counter(7),
		`"UpMsgNum":"\u0037"`:              counter(7),
		`"UpMsgNum":"9223372036854775807"`: counter(most),
		`"UpMsgNum":9223372036854775807`:   counter(most),
		`"UpMsgNum":2,"UpMsgNum":2`:        counter(2),
		`"QQ":"a:b","Q":{"Q":1,"QQ":"\""}`: {extra: map[string]string{"QQ": "a:b", "Q": `{"Q":1,"QQ":"\""}`}},
		`"UpMsgNum":null`:                  {},
		`"UpMsgNum":""`:                    {},
		`"AppName":"青鸟"`:                   text("青鸟"),
		`"AppName":" a\n\"b\" "`:           text(" a\n\"b\" "),
		`"AppName":12.50`:                  text("12.50"),
		`"AppName":true`:                   text("true"),
		`"AppName":{ "a": [1, 2] }`:        text(`{"a":[1,2]}`),
		`"AppName":null`:                   {},
		`"AppName":""`:                     {},
		`"QQ":"12.0"`:                      extra("12.0"),
		`"QQ":" x "`:                       extra(" x "),
		`"QQ":1e3`:                         extra("1e3"),
		`"QQ":-0.50`:                       extra("-0.50"),
		`"QQ":false`:                       extra("false"),
		`"QQ":[ 1 , "a b" , null ]`:        extra(`[1,"a b",null]`),
		"\"QQ\":{\n \"k\" : { } }":         extra(`{"k":{}}`),
		`"QQ":"[ 1 ]"`:                     extra("[ 1 ]"),
		`"QQ":"<&>"`:                       extra("<&>"),
		`"QQ":["<&>"]`:                     extra(`["<&>"]`),
		`"QQ":null`:                        {},
		`"QQ":""`:                          {},
		`"upmsgnum":"x"`:                   {extra: map[string]string{"upmsgnum": "x"}},
		`"AppId":1104620500`:               {},
		`"AppId":"1104620500"`:             {},
		`"AppId":null`:                     {},
		`"AppId":""`:                       {},
	} {
		got, err := stats.Parse(app, with(members))
		if err != nil {
			t.Errorf("%s: %v", members, err)
			continue
		}
		if !maps.Equal(counters(got), want.counters) || !maps.Equal(texts(got), want.texts) || !maps.Equal(got.Extra, want.extra) {
			t.Errorf("%s gives %v, %q, %q; want %v", members, counters(got), texts(got), got.Extra, want)
		}
		if got.AppID != app || got.Day.String() != "2016-06-07" {
			t.Errorf("%s gives app %d on %s", members, got.AppID, got.Day)
		}
	}
}

// What nests deeper than encoding/json goes is refused, and what does not is kept.
func TestParseDeepFields(t *testing.T) {
	deep := func(n int) json.RawMessage { return with(`"QQ":` + strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if row, err := stats.Parse(app, deep(9000)); err != nil || len(row.Extra["QQ"]) != 18000 {
		t.Errorf("%d bytes, %v", len(row.Extra["QQ"]), err)
	}
	for _, entry := range []json.RawMessage{deep(100_000), with(`"QQ":` + strings.Repeat(`{"a":`, 100_000))} {
		if _, err := stats.Parse(app, entry); err == nil {
			t.Error("accepted what is too deep")
		}
	}
}

func TestParseDateAsNumber(t *testing.T) {
	row, err := stats.Parse(app, json.RawMessage(`{"Date":20240229}`))
	if err != nil || row.Day.String() != "2024-02-29" {
		t.Errorf("read %v, %v", row.Day, err)
	}
}

// A lake of strings that are no UTF-8 can't be read by every engine.
func TestParseKeepsTextsUTF8(t *testing.T) {
	for _, members := range []string{
		"\"AppName\":\"a\xffb\"", "\"QQ\":\"a\xffb\"", "\"QQ\":[\"a\xffb\"]", "\"AppName\":[\"a\xffb\"]", "\"Q\xffQ\":\"1\"", `"QQ":"\ud800"`,
	} {
		row, err := stats.Parse(app, with(members))
		if err != nil {
			continue // a refusal is an answer, too
		}
		all := strings.Join(row.Texts[:], "")
		for k, v := range row.Extra {
			all += k + v
		}
		if strings.ToValidUTF8(all, "") != all {
			t.Errorf("%q gives %q", members, all)
		}
	}
}
