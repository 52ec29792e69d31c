package stats_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"chatlake/internal/stats"
)

func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("9", 5000)
	for _, test := range []struct {
		entry string
		names []string // what the reason has to name
	}{
		{``, []string{"JSON object"}},
		{`null`, []string{"JSON object"}},
		{`[]`, []string{"JSON object"}},
		{`"x"`, []string{"JSON object"}},
		{`{"Date":"20160607"`, []string{"JSON object"}},
		{`{"Date":"20160607"} x`, []string{"JSON object"}},

		{`{}`, []string{"Date", "missing"}},
		{`{"date":"20160607"}`, []string{"Date", "missing"}},
		{`{"Date":null}`, []string{"Date", "missing"}},
		{`{"Date":""}`, []string{"Date", "missing"}},
		{`{"Date":"20160631"}`, []string{"Date", "20160631"}},
		{`{"Date":"20230229"}`, []string{"Date", "20230229"}},
		{`{"Date":"20161301"}`, []string{"Date", "20161301"}},
		{`{"Date":"20160600"}`, []string{"Date", "20160600"}},
		{`{"Date":"00000101"}`, []string{"Date", "00000101"}},
		{`{"Date":"2016-06-07"}`, []string{"Date", "2016-06-07"}},
		{`{"Date":"201667"}`, []string{"Date", "201667"}},
		{`{"Date":"201606070"}`, []string{"Date", "201606070"}},
		{`{"Date":" 20160607"}`, []string{"Date", " 20160607"}},
		{`{"Date":"20160607 "}`, []string{"Date", "20160607 "}},
		{`{"Date":2016060}`, []string{"Date", "2016060"}},
		{`{"Date":20160607.0}`, []string{"Date", "20160607.0"}},
		{`{"Date":2.0160607e7}`, []string{"Date", "2.0160607e7"}},
		{`{"Date":-20160607}`, []string{"Date", "-20160607"}},
		{`{"Date":["20160607"]}`, []string{"Date", `["20160607"]`}},
		{`{"Date":true}`, []string{"Date", "true"}},

		{`{"Date":"20160607","UpMsgNum":12.0}`, []string{"UpMsgNum", "12.0"}},
		{`{"Date":"20160607","UpMsgNum":"12.0"}`, []string{"UpMsgNum", "12.0"}},
		{`{"Date":"20160607","UpMsgNum":1e3}`, []string{"UpMsgNum", "1e3"}},
		{`{"Date":"20160607","UpMsgNum":"1e3"}`, []string{"UpMsgNum", "1e3"}},
		{`{"Date":"20160607","UpMsgNum":-1}`, []string{"UpMsgNum", "-1"}},
		{`{"Date":"20160607","UpMsgNum":"-1"}`, []string{"UpMsgNum", "-1"}},
		{`{"Date":"20160607","UpMsgNum":-0}`, []string{"UpMsgNum", "-0"}},
		{`{"Date":"20160607","UpMsgNum":"+5"}`, []string{"UpMsgNum", "+5"}},
		{`{"Date":"20160607","UpMsgNum":" 5"}`, []string{"UpMsgNum", " 5"}},
		{`{"Date":"20160607","UpMsgNum":"5 "}`, []string{"UpMsgNum", "5 "}},
		{`{"Date":"20160607","UpMsgNum":" "}`, []string{"UpMsgNum"}},
		{`{"Date":"20160607","UpMsgNum":"1,000"}`, []string{"UpMsgNum", "1,000"}},
		{`{"Date":"20160607","UpMsgNum":"1_000"}`, []string{"UpMsgNum", "1_000"}},
		{`{"Date":"20160607","UpMsgNum":"0x10"}`, []string{"UpMsgNum", "0x10"}},
		{`{"Date":"20160607","UpMsgNum":"null"}`, []string{"UpMsgNum", "null"}},
		{`{"Date":"20160607","UpMsgNum":"٣"}`, []string{"UpMsgNum", "٣"}},
		{`{"Date":"20160607","UpMsgNum":"9223372036854775808"}`, []string{"UpMsgNum", "9223372036854775808", "64 bits"}},
		{`{"Date":"20160607","UpMsgNum":9223372036854775808}`, []string{"UpMsgNum", "9223372036854775808", "64 bits"}},
		{`{"Date":"20160607","UpMsgNum":"` + long + `"}`, []string{"UpMsgNum", "9999", "…", "64 bits"}},
		{`{"Date":"20160607","UpMsgNum":true}`, []string{"UpMsgNum", "true"}},
		{`{"Date":"20160607","UpMsgNum":{}}`, []string{"UpMsgNum", "{}"}},
		{`{"Date":"20160607","UpMsgNum":["` + long + `"]}`, []string{"UpMsgNum", "…"}},

		{`{"Date":"20160607","UpMsgNum":1,"UpMsgNum":2}`, []string{"UpMsgNum", "twice"}},
		{`{"Date":"20160607","UpMsgNum":1,"UpMsgNum":2,"UpMsgNum":1}`, []string{"UpMsgNum", "twice"}},
		{`{"Date":"20160607","UpMsgNum":1,"UpMsgNu\u006d":null}`, []string{"UpMsgNum", "twice"}},
		{`{"Date":"20160607","Date":"20160608"}`, []string{"Date", "twice"}},
		{`{"Date":"20160607","Date":null}`, []string{"Date", "twice"}},
		{`{"Date":"20160607","AppId":1104620500,"AppId":"7"}`, []string{"AppId", "twice"}},
		{`{"Date":"20160607","AppName":"a","AppName":"b"}`, []string{"AppName", "twice"}},
		{`{"Date":"20160607","QQ":[1],"QQ":{"QQ":"\":"}}`, []string{"QQ", "twice"}},
		{`{"Date":"20160607","":1,"":2}`, []string{"twice"}},

		{`{"Date":"20160607","AppId":"x"}`, []string{"AppId", "x"}},
		{`{"Date":"20160607","AppId":1104620500.0}`, []string{"AppId", "1104620500.0"}},
		{`{"Date":"20160607","AppId":-1104620500}`, []string{"AppId", "-1104620500"}},
		{`{"Date":"20160607","AppId":[1104620500]}`, []string{"AppId", "[1104620500]"}},

		{
			`{"Date":"20160631","AppId":"7","UpMsgNum":-1,"DownMsgNum":"1.5","LoginTimes":[],"CallBackReq":"1"}`,
			[]string{"Date", "20160631", "AppId", "another app", "UpMsgNum", "-1", "DownMsgNum", "1.5", "LoginTimes", "[]"},
		},
	} {
		row, err := stats.Parse(app, json.RawMessage(test.entry))
		if err == nil {
			t.Errorf("%.80s: accepted as %+v", test.entry, row)
			continue
		}
		for _, name := range test.names {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%.80s: %q does not name %s", test.entry, err, name)
			}
		}
		if strings.Contains(err.Error(), "CallBackReq") {
			t.Errorf("%.80s: %q names a field that is right", test.entry, err)
		}
		if len(err.Error()) > 400 {
			t.Errorf("%.80s: the reason has %d bytes", test.entry, len(err.Error()))
		}
	}
}

func TestParseRefusesAnotherApp(t *testing.T) {
	for _, id := range []string{"1104620501", `"1104620501"`, "0", `"0"`} {
		row, err := stats.Parse(app, with(`"UpMsgNum":"1","AppId":`+id))
		if !errors.Is(err, stats.ErrOtherApp) {
			t.Errorf("AppId %s: %v", id, err)
			continue
		}
		if !strings.Contains(err.Error(), strings.Trim(id, `"`)) {
			t.Errorf("AppId %s: %q does not name it", id, err)
		}
		if row.Day.String() != "2016-06-07" {
			t.Errorf("AppId %s: the refused row is of day %s", id, row.Day)
		}
	}
	if _, err := stats.Parse(app, with(`"AppId":"x"`)); errors.Is(err, stats.ErrOtherApp) {
		t.Errorf("what is no ID is no other app's: %v", err)
	}
}

func TestParseRefusedRowHasItsDay(t *testing.T) {
	if row, err := stats.Parse(app, with(`"UpMsgNum":"x"`)); err == nil || row.Day.String() != "2016-06-07" {
		t.Errorf("a row with a bad counter is of %s, %v", row.Day, err)
	}
	for _, entry := range []string{`{"Date":"20160631"}`, `{"Date":"20160607","Date":"20160608"}`} {
		if row, err := stats.Parse(app, json.RawMessage(entry)); err == nil || row.Day != 0 {
			t.Errorf("a row without a day is of %s, %v", row.Day, err)
		}
	}
}

// A long value is cut between characters, so that the reason stays text.
func TestParseClipsBetweenCharacters(t *testing.T) {
	for pad := range 4 {
		value := strings.Repeat("x", pad) + strings.Repeat("青", 500)
		for _, entry := range []json.RawMessage{with(`"UpMsgNum":"` + value + `"`), with(`"UpMsgNum":["` + value + `"]`)} {
			_, err := stats.Parse(app, entry)
			if err == nil || !utf8.ValidString(err.Error()) || strings.ContainsRune(err.Error(), utf8.RuneError) || len(err.Error()) > 200 {
				t.Errorf("the reason is %q", err)
			}
		}
	}
}

func TestParseCounter(t *testing.T) {
	for _, s := range []string{"", "-", "+1", "-1", "1.0", "1e3", " 1", "1 ", "9223372036854775808"} {
		if n, err := stats.ParseCounter(s); err == nil {
			t.Errorf("ParseCounter(%q) = %d", s, n)
		}
	}
	if n, err := stats.ParseCounter("9223372036854775807"); err != nil || n != 1<<63-1 {
		t.Errorf("the largest counter is read as %d, %v", n, err)
	}
}
