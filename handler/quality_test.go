package handler_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

// oddities are the warnings that name an app on a day.
func oddities(s handler.Summary) (found []string) {
	for _, text := range s.Warnings {
		if strings.HasPrefix(text, "app ") && strings.Contains(text, " on 2026-") || strings.Contains(text, "don't fit together") {
			found = append(found, text)
		}
	}
	return found
}

func TestDataQuality(t *testing.T) {
	zeros := map[string]any{"ActiveUserNum": "0", "LoginTimes": "0", "LoginUserNum": "0", "UpMsgNum": "0", "DownMsgNum": "0", "MaxOnlineNum": "0", "C2CUpMsgNum": "0", "GroupUpMsgNum": "0", "C2CDownMsgNum": "0", "GroupDownMsgNum": "0"}
	for name, c := range map[string]struct {
		values map[string]any
		want   []string
	}{
		"what the API serves":        {nil, nil},
		"messages up":                {map[string]any{"UpMsgNum": "9", "C2CUpMsgNum": "4", "GroupUpMsgNum": "4"}, []string{"app 1400000001 on 2026-11-20: C2CUpMsgNum 4 and GroupUpMsgNum 4 are not UpMsgNum 9"}},
		"messages down":              {map[string]any{"DownMsgNum": "9", "C2CDownMsgNum": "4", "GroupDownMsgNum": "6"}, []string{"app 1400000001 on 2026-11-20: C2CDownMsgNum 4 and GroupDownMsgNum 6 are not DownMsgNum 9"}},
		"pushes":                     {map[string]any{"APNSMsgNum": "9", "C2CAPNSMsgNum": "0", "GroupAPNSMsgNum": "0"}, []string{"app 1400000001 on 2026-11-20: C2CAPNSMsgNum 0 and GroupAPNSMsgNum 0 are not APNSMsgNum 9"}},
		"a part is missing":          {map[string]any{"UpMsgNum": "9", "C2CUpMsgNum": "", "GroupUpMsgNum": "4"}, nil},
		"callbacks":                  {map[string]any{"CallBackReq": "9", "CallBackRsp": "10"}, []string{"app 1400000001 on 2026-11-20: CallBackRsp 10 is more than CallBackReq 9"}},
		"callbacks, all answered":    {map[string]any{"CallBackReq": "9", "CallBackRsp": "9"}, nil},
		"a total that falls":         {map[string]any{"RegistUserNumTotal": "1"}, []string{"app 1400000001 on 2026-11-20: RegistUserNumTotal fell from "}},
		"a day of zeros":             {zeros, []string{"app 1400000001 on 2026-11-20: all counters of activity are 0, after "}},
		"a day of zeros but for one": {map[string]any{"ActiveUserNum": "0", "LoginTimes": "0"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.revise(1400000001, day("2026-11-20"), c.values)
				s := w.mustRun(w.timer())
				got := oddities(s)
				if len(got) != len(c.want) {
					t.Errorf("warnings %q, want %q", got, c.want)
				}
				for i := range min(len(got), len(c.want)) {
					if !strings.HasPrefix(got[i], c.want[i]) {
						t.Errorf("warning %q, want %q", got[i], c.want[i])
					}
				}
				if s.Rows.Inserted != 90 || s.Rows.Rejected != 0 {
					t.Errorf("a row was refused: %s", s.JSON())
				}
				// It is told once.
				if s := w.mustRun(w.timer()); len(oddities(s)) != 0 {
					t.Errorf("told again: %q", s.Warnings)
				}
			})
		})
	}
}

func TestManyOddRows(t *testing.T) {
	inWorld(t, func(w *world) {
		w.chat.SetData(func(a chattest.App, d stats.Day, asOf time.Time) map[string]any {
			row := chattest.Values(a, d, asOf)
			if row != nil {
				row["CallBackReq"], row["CallBackRsp"] = "1", "2"
			}
			return row
		})
		s := w.mustRun(w.timer())
		got := oddities(s)
		if len(got) != 11 || !strings.HasPrefix(got[0], "app 1400000001 on 2026-11-24: ") || got[10] != fmt.Sprintf("%d more rows of this run have values that don't fit together, 90 in all; the newest are named", 80) {
			t.Errorf("warnings %q", got)
		}
	})
}
