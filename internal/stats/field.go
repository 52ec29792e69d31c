// Package stats is the vocabulary of the lake: the one table of the fields that the API serves and the
// columns that the lake keeps, the day, and the row.
//
// Everything that knows the fields by name derives from [Columns]: the parsing of an answer, the Parquet
// schema, the DDL and the documents.
package stats

import (
	"maps"
	"slices"
)

// Kind is what a column holds, and by that its type in Parquet and in every engine's DDL.
type Kind uint8

const (
	AppID     Kind = iota // the row's app: INT64, required
	Date                  // the row's day: DATE, required
	Text                  // STRING
	Counter               // INT64, never negative
	Extra                 // MAP<STRING,STRING>
	Timestamp             // TIMESTAMP in milliseconds, UTC
	Revision              // INT32
)

// Field is one column of the lake's table.
type Field struct {
	Name        string // the API's name; empty for a column of the lake's own
	Column      string // the name in snake case, word by word
	Kind        Kind
	Description string // what it counts, after the API's page
}

// Columns are the table's columns in their order: the key, the texts, the counters in the order of the
// API's page, then the lake's own. A new column goes behind the last counter of the API in this table,
// and in a file behind all that older files have.
//
// Source of the names and of what they mean: "Pulling Operations Data",
// https://www.tencentcloud.com/document/product/1047/34886 and
// https://cloud.tencent.com/document/product/269/4193.
func Columns() []Field { return table[:] }

// The row's arrays take their sizes from the table, which therefore keeps this order of kinds:
// keys, texts, counters, the lake's own.
const (
	numKeys     = 2
	numTexts    = 2
	numOwn      = 4
	numCounters = len(table) - numKeys - numTexts - numOwn
)

var table = [...]Field{
	{"AppId", "sdk_app_id", AppID, "SDKAppID of the app"},
	{"Date", "stat_date", Date, "the day that the row counts, a calendar day in Beijing (UTC+8)"},
	{"AppName", "app_name", Text, "name of the app"},
	{"Company", "company", Text, "name of the customer that owns the app"},
	{"ActiveUserNum", "active_user_num", Counter, "active users"},
	{"RegistUserNumOneDay", "regist_user_num_one_day", Counter, "users registered on the day"},
	{"RegistUserNumTotal", "regist_user_num_total", Counter, "users registered in all, to the day's end"},
	{"LoginTimes", "login_times", Counter, "logins"},
	{"LoginUserNum", "login_user_num", Counter, "users who logged in"},
	{"UpMsgNum", "up_msg_num", Counter, "messages sent (upstream), one-to-one and group"},
	{"DownMsgNum", "down_msg_num", Counter, "messages delivered (downstream), one-to-one and group"},
	{"SendMsgUserNum", "send_msg_user_num", Counter, "users who sent a message"},
	{"APNSMsgNum", "apns_msg_num", Counter, "pushes through APNs"},
	{"C2CUpMsgNum", "c2c_up_msg_num", Counter, "one-to-one messages sent (upstream)"},
	{"C2CDownMsgNum", "c2c_down_msg_num", Counter, "one-to-one messages delivered (downstream)"},
	{"C2CSendMsgUserNum", "c2c_send_msg_user_num", Counter, "users who sent a one-to-one message"},
	{"C2CAPNSMsgNum", "c2c_apns_msg_num", Counter, "pushes through APNs for one-to-one messages"},
	{"MaxOnlineNum", "max_online_num", Counter, "most users online at once"},
	{"ChainIncrease", "chain_increase", Counter, "relationship chains (pairs of contacts) added"},
	{"ChainDecrease", "chain_decrease", Counter, "relationship chains (pairs of contacts) deleted"},
	{"GroupUpMsgNum", "group_up_msg_num", Counter, "group messages sent (upstream)"},
	{"GroupDownMsgNum", "group_down_msg_num", Counter, "group messages delivered (downstream)"},
	{"GroupSendMsgUserNum", "group_send_msg_user_num", Counter, "users who sent a group message"},
	{"GroupAPNSMsgNum", "group_apns_msg_num", Counter, "pushes through APNs for group messages"},
	{"GroupSendMsgGroupNum", "group_send_msg_group_num", Counter, "groups in which a message was sent"},
	{"GroupJoinGroupTimes", "group_join_group_times", Counter, "times that a user joined a group"},
	{"GroupQuitGroupTimes", "group_quit_group_times", Counter, "times that a user left a group"},
	{"GroupNewGroupNum", "group_new_group_num", Counter, "groups created"},
	{"GroupAllGroupNum", "group_all_group_num", Counter, "groups in all"},
	{"GroupDestroyGroupNum", "group_destroy_group_num", Counter, "groups disbanded"},
	{"CallBackReq", "call_back_req", Counter, "callback requests to the app's own server"},
	{"CallBackRsp", "call_back_rsp", Counter, "callback responses from the app's own server"},
	{"", "extra", Extra, "fields that the API had and this schema has not, as received"},
	{"", "first_pulled_at", Timestamp, "clock of the run that first stored the row (UTC)"},
	{"", "updated_at", Timestamp, "clock of the run that last changed a value of the row (UTC)"},
	{"", "revision", Revision, "1 at first, one more each time that a value of the row changed"},
}

// place says where a row keeps the field of an API name: the kind's array and the index in it.
type place struct {
	kind  Kind
	index int
}

var places = func() map[string]place {
	m := make(map[string]place, len(table))
	next := map[Kind]int{}
	for _, f := range table {
		if f.Name != "" {
			m[f.Name] = place{f.Kind, next[f.Kind]}
			next[f.Kind]++
		}
	}
	return m
}()

// IsField reports whether the API has a field of that name that the lake has a column for.
func IsField(name string) bool {
	_, ok := places[name]
	return ok
}

// FieldNames returns the API's names of all fields, sorted.
func FieldNames() []string {
	return slices.Sorted(maps.Keys(places))
}
