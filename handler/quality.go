package handler

import (
	"cmp"
	"fmt"
	"slices"

	"chatlake/internal/stats"
)

// Data quality: what a row's values say against one another or against the days before. It refuses nothing, and is told once, by
// the run that stores or changes the row.

// finding is what is odd about a row.
type finding struct {
	app  int64
	day  stats.Day
	text string
}

// mostFindings is how many findings a summary names.
const mostFindings = 10

// sums are counters that are two others' sum: the API's page says it of DownMsgNum, and its sample has it of all three
// (https://www.tencentcloud.com/document/product/1047/34886).
var sums = [...]struct{ total, c2c, group string }{
	{"UpMsgNum", "C2CUpMsgNum", "GroupUpMsgNum"},
	{"DownMsgNum", "C2CDownMsgNum", "GroupDownMsgNum"},
	{"APNSMsgNum", "C2CAPNSMsgNum", "GroupAPNSMsgNum"},
}

// activity are the counters that are zero together where a day was not counted, or not yet.
var activity = [...]string{"ActiveUserNum", "LoginTimes", "LoginUserNum", "UpMsgNum", "DownMsgNum", "MaxOnlineNum"}

const (
	busyDays  = 3  // in a row before a day of zeros
	busyUsers = 10 // active on each of them
)

// inspect returns what is odd about an app's rows.
func inspect(rows []stats.Row) (found []finding) {
	slices.SortFunc(rows, func(a, b stats.Row) int { return cmp.Compare(a.Day, b.Day) })
	for i := range rows {
		r := &rows[i]
		add := func(format string, args ...any) {
			found = append(found, finding{r.AppID, r.Day, fmt.Sprintf(format, args...)})
		}
		for _, s := range sums {
			total, ok1 := r.Counter(s.total)
			c2c, ok2 := r.Counter(s.c2c)
			group, ok3 := r.Counter(s.group)
			if ok1 && ok2 && ok3 && c2c+group != total {
				add("%s %d and %s %d are not %s %d", s.c2c, c2c, s.group, group, s.total, total)
			}
		}
		asked, ok1 := r.Counter("CallBackReq")
		answered, ok2 := r.Counter("CallBackRsp")
		if ok1 && ok2 && answered > asked {
			add("CallBackRsp %d is more than CallBackReq %d", answered, asked)
		}
		if i > 0 && rows[i-1].Day == r.Day-1 {
			before, ok1 := rows[i-1].Counter("RegistUserNumTotal")
			total, ok2 := r.Counter("RegistUserNumTotal")
			if ok1 && ok2 && total < before {
				add("RegistUserNumTotal fell from %d to %d", before, total)
			}
		}
		if idle(r) && i >= busyDays && busy(rows[i-busyDays:i], r.Day) {
			before, _ := rows[i-1].Counter("ActiveUserNum")
			add("all counters of activity are 0, after %d active users on the day before: the API may not have counted the day yet", before)
		}
	}
	return found
}

func idle(r *stats.Row) bool {
	for _, name := range activity {
		if n, ok := r.Counter(name); !ok || n != 0 {
			return false
		}
	}
	return true
}

// busy reports whether the rows are of the days before a day, without a pause, and had users.
func busy(rows []stats.Row, day stats.Day) bool {
	for i := range rows {
		users, ok := rows[i].Counter("ActiveUserNum")
		if !ok || users < busyUsers || rows[i].Day != day-stats.Day(len(rows)-i) {
			return false
		}
	}
	return true
}

// warnOfFindings tells of those whose rows this run stored or changed.
func (r *run) warnOfFindings() {
	found := slices.DeleteFunc(r.findings, func(f finding) bool {
		_, ok := slices.BinarySearch(r.changed[f.day], f.app)
		return !ok
	})
	slices.SortStableFunc(found, func(a, b finding) int { return cmp.Or(cmp.Compare(b.day, a.day), cmp.Compare(a.app, b.app)) })
	for _, f := range found[:min(len(found), mostFindings)] {
		r.warn(fmt.Sprintf("app %d on %s: %s", f.app, f.day, f.text))
	}
	if more := len(found) - mostFindings; more > 0 {
		r.warn(fmt.Sprintf("%d more rows of this run have values that don't fit together, %d in all; the newest are named", more, len(found)))
	}
}
