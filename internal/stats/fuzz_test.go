package stats_test

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"chatlake/internal/stats"
)

// FuzzParse holds that Parse never panics, and that a row which it accepts is what an answer can say: its values as an
// answer's strings give the same row again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"Date":"20160607","AppId":"1104620500","UpMsgNum":"60642","DownMsgNum":11869,"AppName":"青鸟"}`,
		`{"Date":20160607,"QQ":[1, {"a":"b"}],"UpMsgNum":null,"Company":""}`,
		`{"Date":"20160631","AppId":"7","UpMsgNum":-1,"LoginTimes":[]}`,
		"{\"Date\":\"00010101\",\"Q\":[\"\xff\"],\"\":\"\\u0000\",\"AppName\":{\"a\":\"\\ud800\"}}",
		`null`, `{}`, `[`, `{"Date":"20160607","Date":null}`,
		`{"Date":"20160607","Q":[":",{"a":"\":"}],"Q":[":",{"a":"\":"}],"UpMsgNum":1,"UpMsgNum":"1"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		row, err := stats.Parse(app, entry)
		if err != nil {
			if row.AppID != app || err.Error() == "" {
				t.Fatalf("refused app %d: %v", row.AppID, err)
			}
			return
		}
		for i, v := range row.Counters {
			if v < 0 && v != stats.Null {
				t.Fatalf("counter %d is %d", i, v)
			}
		}
		values := map[string]string{
			"AppId": strconv.FormatInt(row.AppID, 10),
			"Date":  strings.ReplaceAll(row.Day.String(), "-", ""),
		}
		for name, v := range counters(row) {
			values[name] = strconv.FormatInt(v, 10)
		}
		maps.Copy(values, texts(row))
		for name, v := range row.Extra {
			if stats.IsField(name) || v == "" {
				t.Fatalf("extra has %q: %q", name, v)
			}
			values[name] = v
		}
		for name, v := range values {
			if !utf8.ValidString(name) || !utf8.ValidString(v) {
				t.Fatalf("%q: %q is no UTF-8", name, v)
			}
		}
		again, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		row2, err := stats.Parse(app, again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if row2.AppID != row.AppID || row2.Day != row.Day || !row2.SameValues(&row) {
			t.Fatalf("%s gives %+v, not %+v", again, row2, row)
		}
	})
}
