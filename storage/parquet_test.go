package storage_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"chatlake/internal/stats"
)

// schemaText is the table as README promises it, in the words of the Parquet format.
const schemaText = `message app_daily_stats {
	required int64 sdk_app_id (INT(64,true));
	required int32 stat_date (DATE);
	optional binary app_name (STRING);
	optional binary company (STRING);
	optional int64 active_user_num (INT(64,true));
	optional int64 regist_user_num_one_day (INT(64,true));
	optional int64 regist_user_num_total (INT(64,true));
	optional int64 login_times (INT(64,true));
	optional int64 login_user_num (INT(64,true));
	optional int64 up_msg_num (INT(64,true));
	optional int64 down_msg_num (INT(64,true));
	optional int64 send_msg_user_num (INT(64,true));
	optional int64 apns_msg_num (INT(64,true));
	optional int64 c2c_up_msg_num (INT(64,true));
	optional int64 c2c_down_msg_num (INT(64,true));
	optional int64 c2c_send_msg_user_num (INT(64,true));
	optional int64 c2c_apns_msg_num (INT(64,true));
	optional int64 max_online_num (INT(64,true));
	optional int64 chain_increase (INT(64,true));
	optional int64 chain_decrease (INT(64,true));
	optional int64 group_up_msg_num (INT(64,true));
	optional int64 group_down_msg_num (INT(64,true));
	optional int64 group_send_msg_user_num (INT(64,true));
	optional int64 group_apns_msg_num (INT(64,true));
	optional int64 group_send_msg_group_num (INT(64,true));
	optional int64 group_join_group_times (INT(64,true));
	optional int64 group_quit_group_times (INT(64,true));
	optional int64 group_new_group_num (INT(64,true));
	optional int64 group_all_group_num (INT(64,true));
	optional int64 group_destroy_group_num (INT(64,true));
	optional int64 call_back_req (INT(64,true));
	optional int64 call_back_rsp (INT(64,true));
	optional group extra (MAP) {
		repeated group key_value {
			required binary key (STRING);
			optional binary value (STRING);
		}
	}
	optional int64 first_pulled_at (TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS));
	optional int64 updated_at (TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS));
	optional int32 revision (INT(32,true));
}`

// apiNames are the API's counters in the order of their columns, from active_user_num on.
var apiNames = strings.Fields(`ActiveUserNum RegistUserNumOneDay RegistUserNumTotal LoginTimes LoginUserNum UpMsgNum DownMsgNum
	SendMsgUserNum APNSMsgNum C2CUpMsgNum C2CDownMsgNum C2CSendMsgUserNum C2CAPNSMsgNum MaxOnlineNum ChainIncrease
	ChainDecrease GroupUpMsgNum GroupDownMsgNum GroupSendMsgUserNum GroupAPNSMsgNum GroupSendMsgGroupNum
	GroupJoinGroupTimes GroupQuitGroupTimes GroupNewGroupNum GroupAllGroupNum GroupDestroyGroupNum CallBackReq CallBackRsp`)

// columnOf returns the column of one of apiNames.
func columnOf(name string) string {
	line := strings.Split(schemaText, "\n")[5+slices.Index(apiNames, name)]
	return strings.Fields(line)[2]
}

func open(t testing.TB, file []byte) *parquet.File {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fullRow has a value for every column of the API.
func fullRow(t testing.TB, app int64) stats.Row {
	fields := []string{`"AppName":"名字 ` + fmt.Sprint(app) + `"`, `"Company":"公司"`, `"Later":"x"`}
	for i, name := range apiNames {
		fields = append(fields, fmt.Sprintf(`%q:"%d"`, name, int64(i)*1_000_003+app))
	}
	return entry(t, app, strings.Join(fields, ","))
}

func TestFileFormat(t *testing.T) {
	m := &memory{}
	merge(t, m, at(1), fullRow(t, appC), fullRow(t, appA))
	check := func(t *testing.T) {
		f := open(t, m.objects[dayKey])
		if got := f.Schema().String(); got != schemaText {
			t.Errorf("the schema is\n%s\nwant\n%s", got, schemaText)
		}
		footer := f.Metadata()
		if got := footer.CreatedBy; !strings.HasPrefix(got, "chatlake version 1") || strings.Contains(got, "parquet-go") {
			t.Errorf("created by %q", got)
		}
		for _, group := range footer.RowGroups {
			for _, chunk := range group.Columns {
				checkChunk(t, chunk.MetaData)
			}
		}
	}
	t.Run("new", check)
	merge(t, m, at(2), fullRow(t, appB), entry(t, appC, `"LoginTimes":"0"`))
	t.Run("rewritten", check)
}

// checkChunk allows what the oldest readers know.
func checkChunk(t *testing.T, chunk format.ColumnMetaData) {
	name := strings.Join(chunk.PathInSchema, ".")
	if chunk.Codec != format.Snappy {
		t.Errorf("%s is compressed with %v", name, chunk.Codec)
	}
	for _, encoding := range chunk.Encoding {
		if encoding != format.Plain && encoding != format.RLE {
			t.Errorf("%s is encoded with %v", name, encoding)
		}
	}
	if len(chunk.EncodingStats) == 0 {
		t.Errorf("%s does not tell its pages", name)
	}
	for _, pages := range chunk.EncodingStats {
		if pages.PageType != format.DataPage || pages.Encoding != format.Plain {
			t.Errorf("%s has pages of %v, %v", name, pages.PageType, pages.Encoding)
		}
	}
}

func TestRowsAreSorted(t *testing.T) {
	m := &memory{}
	for hours, apps := range [][]int64{{9, 3, 300}, {10, 1, math.MaxInt64}, {5, 4}} {
		var rows []stats.Row
		for _, app := range apps {
			rows = append(rows, entry(t, app, ``))
		}
		merge(t, m, at(hours), rows...)
	}
	var got []int64
	for _, row := range stored(t, m) {
		got = append(got, row["sdk_app_id"].(int64))
	}
	if want := []int64{1, 3, 4, 5, 9, 10, 300, math.MaxInt64}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestManyRows(t *testing.T) {
	const apps = 3000 // more than one batch of a reader
	m := &memory{}
	for hours, stepSize := range []int{2, 3} {
		var rows []stats.Row
		for app := stepSize; app <= apps; app += stepSize {
			rows = append(rows, entry(t, int64(app), fmt.Sprintf(`"LoginTimes":"%d","K%d":"v","AppName":"应用%d"`, app, app%7, app)))
		}
		merge(t, m, at(hours+1), rows...)
	}
	rows := stored(t, m)
	if len(rows) != apps/2+apps/3-apps/6 {
		t.Fatalf("got %d rows", len(rows))
	}
	for _, row := range rows {
		app := row["sdk_app_id"].(int64)
		first := int64(hourOne)
		if app%2 != 0 {
			first = hourTwo
		}
		wantRows(t, []map[string]any{row}, []map[string]any{with(app, first, first, 1, map[string]any{
			"login_times": app, "app_name": fmt.Sprintf("应用%d", app), "extra": map[string]any{fmt.Sprintf("K%d", app%7): "v"},
		})})
	}
}

func TestEveryColumnAloneAndMissing(t *testing.T) {
	values := make(map[string]any)
	given := make(map[string]string)
	for i, name := range apiNames {
		values[columnOf(name)], given[columnOf(name)] = int64(i), fmt.Sprintf(`%q:"%d"`, name, i)
	}
	values["call_back_req"], given["call_back_req"] = int64(math.MaxInt64), fmt.Sprintf(`"CallBackReq":"%d"`, int64(math.MaxInt64))
	values["app_name"], given["app_name"] = "聊天应用 №1", `"AppName":"聊天应用 №1"`
	values["company"], given["company"] = "深圳市某某科技有限公司", `"Company":"深圳市某某科技有限公司"`
	values["extra"], given["extra"] = map[string]any{"新字段": "值"}, `"新字段":"值"`

	var rows []stats.Row
	var want []map[string]any
	add := func(columns func(name string) bool) {
		app := int64(len(rows) + 1)
		var fields []string
		row := with(app, hourOne, hourOne, 1, nil)
		for column, value := range values {
			if columns(column) {
				row[column] = value
				fields = append(fields, given[column])
			}
		}
		rows, want = append(rows, entry(t, app, strings.Join(fields, ","))), append(want, row)
	}
	add(func(string) bool { return true })
	add(func(string) bool { return false })
	for one := range values {
		add(func(name string) bool { return name == one })
		add(func(name string) bool { return name != one })
	}
	m := &memory{}
	merge(t, m, at(1), rows...)
	wantRows(t, stored(t, m), want)
	// Written again from what was read.
	last := int64(len(rows) + 1)
	merge(t, m, at(2), entry(t, last, ``))
	wantRows(t, stored(t, m), append(want, with(last, hourTwo, hourTwo, 1, nil)))
}

func TestExtraKeepsOddTexts(t *testing.T) {
	odd := map[string]string{
		"": "no name", "empty": "", "nul": "a\x00b", "lines": "a\r\nb\tc", "quotes": `"'\`, "json": `{"a":[1,null]}`, "=": "=&%+",
		"表情🙂": "🙂🏳️‍🌈", "rtl": "שלום", "long": strings.Repeat("长", 50_000), "number": "00012.50", strings.Repeat("k", 3000): "v", "null": "null",
	}
	row := entry(t, appA, ``)
	row.Extra = odd
	one, none := entry(t, appB, `"x":"y"`), entry(t, appC, ``)
	m := &memory{}
	merge(t, m, at(1), none, row, one)
	merge(t, m, at(2), entry(t, 1, ``))
	extra := make(map[string]any)
	for k, v := range odd {
		extra[k] = v
	}
	wantRows(t, stored(t, m), []map[string]any{
		with(1, hourTwo, hourTwo, 1, nil),
		with(appA, hourOne, hourOne, 1, map[string]any{"extra": extra}),
		with(appB, hourOne, hourOne, 1, map[string]any{"extra": map[string]any{"x": "y"}}),
		with(appC, hourOne, hourOne, 1, nil),
	})
}

func TestSameRowsGiveTheSameBytes(t *testing.T) {
	var files [][]byte
	for range 5 {
		a, b := fullRow(t, appA), fullRow(t, appB)
		a.Extra = map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}
		m := &memory{}
		if len(files)%2 == 0 {
			a, b = b, a
		}
		merge(t, m, at(1), a, b)
		merge(t, m, at(2), entry(t, appC, `"y":"1","x":"2"`))
		files = append(files, m.objects[dayKey])
	}
	for i, file := range files {
		if !bytes.Equal(file, files[0]) {
			t.Errorf("file %d differs from the first one", i)
		}
	}
}
