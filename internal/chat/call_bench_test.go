package chat_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"chatlake/internal/chat"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

// canned answers every call with the same body at once.
type canned []byte

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(c))}, nil
}

// monthAnswer is one of 30 days.
func monthAnswer(b *testing.B) []byte {
	b.Helper()
	var entries []map[string]any
	today := stats.DayIn(now(), stats.Beijing)
	for day := today - chattest.Days; day < today; day++ {
		entries = append(entries, chattest.Values(even, day, now()))
	}
	body, err := json.Marshal(map[string]any{"ErrorCode": 0, "ErrorInfo": "OK", "Result": entries})
	if err != nil {
		b.Fatal(err)
	}
	return body
}

// BenchmarkUserSig makes a UserSig with the official package, which is all that a call does for one, and makes a whole call without
// a network: UserSig, request, answer, entries.
func BenchmarkUserSig(b *testing.B) {
	b.Run("by=official", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tencentyun.GenUserSig(int(even.ID), key, "administrator", 86400); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by=whole-call", func(b *testing.B) {
		const noLimit = 1e8
		c := chat.NewClient(canned(monthAnswer(b)), noLimit, func(chat.Exchange) {})
		app := client(even)
		b.ReportAllocs()
		for b.Loop() {
			if got, err := c.AppInfo(b.Context(), app, nil); err != nil || len(got.Entries) != chattest.Days {
				b.Fatal(len(got.Entries), err)
			}
		}
	})
}

// plain is an answer as a program would declare it that takes what comes on trust: the yardstick of reading an answer.
type plain struct {
	ErrorCode int
	ErrorInfo string
	Result    []struct {
		AppID                                                                                                  string `json:"AppId"`
		Date, AppName, Company                                                                                 string
		ActiveUserNum, RegistUserNumOneDay, RegistUserNumTotal, LoginTimes, LoginUserNum, UpMsgNum, DownMsgNum int64 `json:",string"`
		SendMsgUserNum, APNSMsgNum, C2CUpMsgNum, C2CDownMsgNum, C2CSendMsgUserNum, C2CAPNSMsgNum, MaxOnlineNum int64 `json:",string"`
		ChainIncrease, ChainDecrease, GroupUpMsgNum, GroupDownMsgNum, GroupSendMsgUserNum, GroupAPNSMsgNum     int64 `json:",string"`
		GroupSendMsgGroupNum, GroupJoinGroupTimes, GroupQuitGroupTimes, GroupNewGroupNum, GroupAllGroupNum     int64 `json:",string"`
		GroupDestroyGroupNum, CallBackReq, CallBackRsp                                                         int64 `json:",string"`
	}
}

// BenchmarkRows makes rows of an answer of 30 days.
func BenchmarkRows(b *testing.B) {
	body := monthAnswer(b)
	run := func(b *testing.B, read func() (rows int, err error)) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if rows, err := read(); err != nil || rows != chattest.Days {
				b.Fatal(rows, err)
			}
		}
		b.ReportMetric(chattest.Days*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	}
	b.Run("by=chatlake", func(b *testing.B) {
		run(b, func() (rows int, err error) {
			entries, err := chat.ParseAnswer(body)
			for _, entry := range entries {
				if _, err = stats.Parse(even.ID, entry); err != nil {
					break
				}
				rows++
			}
			return rows, err
		})
	})
	b.Run("by=encoding-json", func(b *testing.B) {
		run(b, func() (int, error) {
			var p plain
			err := json.Unmarshal(body, &p)
			return len(p.Result), err
		})
	})
}
