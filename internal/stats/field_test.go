package stats_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"chatlake/internal/stats"
)

// The words of the API's names: the two acronyms, or a capital with the small letters behind it.
var word = regexp.MustCompile(`C2C|APNS|[A-Z][a-z]+`)

func snake(t *testing.T, name string) string {
	t.Helper()
	words := word.FindAllString(name, -1)
	if strings.Join(words, "") != name {
		t.Fatalf("%s is not made of words: %q", name, words)
	}
	return strings.ToLower(strings.Join(words, "_"))
}

func TestColumnsAreTheAPIsNamesInSnakeCase(t *testing.T) {
	for name, want := range map[string]string{
		"APNSMsgNum": "apns_msg_num", "C2CAPNSMsgNum": "c2c_apns_msg_num", "CallBackReq": "call_back_req",
		"RegistUserNumOneDay": "regist_user_num_one_day",
	} {
		if got := snake(t, name); got != want {
			t.Fatalf("this test's own rule makes %s of %s", got, name)
		}
	}
	for _, f := range stats.Columns() {
		switch f.Name {
		case "":
		case "AppId":
			if f.Column != "sdk_app_id" {
				t.Errorf("AppId is in %s", f.Column)
			}
		case "Date":
			if f.Column != "stat_date" {
				t.Errorf("Date is in %s", f.Column)
			}
		default:
			if want := snake(t, f.Name); f.Column != want {
				t.Errorf("%s is in %s, want %s", f.Name, f.Column, want)
			}
		}
	}
}

// Row's arrays are as long as the table has columns of their kind only while the kinds come in this order.
func TestColumnsAreInTheOrderThatRowAssumes(t *testing.T) {
	var want []stats.Kind
	for _, run := range []struct {
		kind stats.Kind
		n    int
	}{
		{stats.AppID, 1},
		{stats.Date, 1},
		{stats.Text, len(stats.Row{}.Texts)},
		{stats.Counter, len(stats.Row{}.Counters)},
		{stats.Extra, 1},
		{stats.Timestamp, 2},
		{stats.Revision, 1},
	} {
		want = append(want, slices.Repeat([]stats.Kind{run.kind}, run.n)...)
	}
	var got []stats.Kind
	for _, f := range stats.Columns() {
		got = append(got, f.Kind)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the kinds are %v, want %v", got, want)
	}
	if texts, counters := len(stats.Row{}.Texts), len(stats.Row{}.Counters); texts != 2 || counters != 28 {
		t.Errorf("a row has %d texts and %d counters, want 2 and 28", texts, counters)
	}
}

func TestColumnsAreUnique(t *testing.T) {
	var names, columns, descriptions []string
	for _, f := range stats.Columns() {
		if f.Name != "" {
			names = append(names, f.Name)
		}
		if f.Description == "" {
			t.Errorf("%s has no description", f.Column)
		}
		columns = append(columns, f.Column)
		descriptions = append(descriptions, f.Description)
	}
	if len(names) != 32 || len(columns) != 36 {
		t.Errorf("%d fields of the API in %d columns, want 32 in 36", len(names), len(columns))
	}
	for _, list := range [][]string{names, columns, descriptions} {
		slices.Sort(list)
		if distinct := slices.Compact(slices.Clone(list)); len(distinct) != len(list) {
			t.Errorf("not unique: %q", list)
		}
	}
	if got := stats.FieldNames(); !slices.Equal(got, names) {
		t.Errorf("FieldNames() = %q, want %q", got, names)
	}
}

func TestIsField(t *testing.T) {
	for _, name := range stats.FieldNames() {
		if !stats.IsField(name) {
			t.Errorf("%s is no field", name)
		}
		if lower := strings.ToLower(name); stats.IsField(lower) {
			t.Errorf("%s is a field", lower)
		}
	}
	for _, name := range []string{"", "Extra", "extra", "QQ", "sdk_app_id", "first_pulled_at", "Date "} {
		if stats.IsField(name) {
			t.Errorf("%q is a field", name)
		}
	}
}

// counters and texts give what a row has by the API's names: the order of Columns says where a row keeps them.
func counters(r stats.Row) map[string]int64 {
	values := map[string]int64{}
	i := 0
	for _, f := range stats.Columns() {
		if f.Kind == stats.Counter {
			if v := r.Counters[i]; v != stats.Null {
				values[f.Name] = v
			}
			i++
		}
	}
	return values
}

func texts(r stats.Row) map[string]string {
	values := map[string]string{}
	i := 0
	for _, f := range stats.Columns() {
		if f.Kind == stats.Text {
			if v := r.Texts[i]; v != "" {
				values[f.Name] = v
			}
			i++
		}
	}
	return values
}
