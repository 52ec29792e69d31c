package simtest_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"chatlake/internal/stats"
)

// olderRow is a row of a version that knew few counters and had no extra.
type olderRow struct {
	AppID    int64   `parquet:"sdk_app_id"`
	Date     int32   `parquet:"stat_date,date"`
	AppName  *string `parquet:"app_name,optional"`
	Active   *int64  `parquet:"active_user_num,optional"`
	First    *int64  `parquet:"first_pulled_at,optional,timestamp(millisecond)"`
	Updated  *int64  `parquet:"updated_at,optional,timestamp(millisecond)"`
	Revision *int32  `parquet:"revision,optional"`
}

// oldestRow is one of a version that kept no history, and one counter in extra that has a column now.
type oldestRow struct {
	AppID  int64             `parquet:"sdk_app_id"`
	Date   int32             `parquet:"stat_date,date"`
	Logins *int64            `parquet:"login_times,optional"`
	Extra  map[string]string `parquet:"extra,optional"`
}

// newerRow has columns of a version to come, before, between and behind those that this one knows.
type newerRow struct {
	Region      *string           `parquet:"region,optional"`
	AppID       int64             `parquet:"sdk_app_id"`
	Date        int32             `parquet:"stat_date,date"`
	AppName     *string           `parquet:"app_name,optional"`
	Company     *string           `parquet:"company,optional"`
	Active      *int64            `parquet:"active_user_num,optional"`
	Logins      *int64            `parquet:"login_times,optional"`
	Peaks       []int64           `parquet:"peaks,list"`
	Up          *int64            `parquet:"up_msg_num,optional"`
	APNS        *int64            `parquet:"apns_msg_num,optional"`
	CallBackRsp *int64            `parquet:"call_back_rsp,optional"`
	Extra       map[string]string `parquet:"extra,optional"`
	First       *int64            `parquet:"first_pulled_at,optional,timestamp(millisecond)"`
	Updated     *int64            `parquet:"updated_at,optional,timestamp(millisecond)"`
	Revision    *int32            `parquet:"revision,optional"`
	Score       float64           `parquet:"score"`
}

// leaveOlderFile puts a file of an older version where there is none.
func (w *world) leaveOlderFile() {
	day := today() - stats.Day(1+w.rng.IntN(apiDays+4))
	if w.table.files[day] != nil {
		return
	}
	apps := pick(w.rng, append(w.api.ids(), 1400000900)) // one that is not configured, too
	if w.chance(0.5) {
		at := time.Now().Add(-time.Hour).UnixMilli()
		revision := int32(2)
		rows := make([]olderRow, len(apps))
		for i, app := range apps {
			w.api.serial++
			n, name := int64(w.api.serial), fmt.Sprintf("name-%d", w.api.serial)
			rows[i] = olderRow{AppID: app, Date: int32(day), Active: &n, AppName: &name, First: &at, Updated: &at, Revision: &revision}
		}
		leave(w, day, rows)
		return
	}
	rows := make([]oldestRow, len(apps))
	for i, app := range apps {
		w.api.serial++
		n := int64(w.api.serial)
		rows[i] = oldestRow{AppID: app, Date: int32(day), Logins: &n, Extra: map[string]string{"CallBackRsp": strconv.Itoa(w.api.serial), "Later": "x"}}
	}
	leave(w, day, rows)
}

// leaveNewerFile writes a day anew as a newer version would.
func (w *world) leaveNewerFile() {
	days := slices.DeleteFunc(slices.Sorted(maps.Keys(w.table.files)), func(day stats.Day) bool {
		return w.table.damaged[day] != nil || len(w.table.foreign[day]) > 0
	})
	if len(days) == 0 {
		return
	}
	day := days[w.rng.IntN(len(days))]
	var rows []newerRow
	for _, key := range sortedKeys(w.table.rows) {
		if key.day != day {
			continue
		}
		values := maps.Clone(w.table.rows[key].values)
		number := func(field string) *int64 {
			text, ok := values[field]
			delete(values, field)
			if !ok {
				return nil
			}
			n, _ := strconv.ParseInt(text, 10, 64)
			return &n
		}
		name := func(field string) *string {
			text, ok := values[field]
			delete(values, field)
			if !ok {
				return nil
			}
			return &text
		}
		millis := func(at time.Time) *int64 {
			if at.IsZero() {
				return nil
			}
			n := at.UnixMilli()
			return &n
		}
		w.api.serial++
		region := fmt.Sprintf("region-%d", w.api.serial)
		old := w.table.rows[key]
		row := newerRow{
			Region: &region, AppID: key.app, Date: int32(day), Peaks: []int64{int64(w.api.serial), 7}, Score: float64(w.api.serial) / 2,
			AppName: name("AppName"), Company: name("Company"), Active: number("ActiveUserNum"), Logins: number("LoginTimes"),
			Up: number("UpMsgNum"), APNS: number("APNSMsgNum"), CallBackRsp: number("CallBackRsp"), Extra: values,
			First: millis(old.first), Updated: millis(old.updated),
		}
		if old.revision > 0 {
			revision := int32(old.revision)
			row.Revision = &revision
		}
		rows = append(rows, row)
	}
	leave(w, day, rows)
}

// leave puts a file in place that another version wrote, and claims what is new in it.
func leave[T any](w *world, day stats.Day, rows []T) {
	var file bytes.Buffer
	padding := parquet.KeyValueMetadata("padding", strings.Repeat(" ", w.table.longest[day]))
	if err := parquet.Write(&file, rows, padding); err != nil {
		w.t.Fatal(err)
	}
	got, foreign, err := readFile(file.Bytes(), day)
	if err != nil {
		w.t.Fatal(err)
	}
	w.note("another version leaves %d rows of %s with the columns %q, %d bytes", len(rows), day, foreign, file.Len())
	for key, row := range got {
		if old := w.table.rows[key]; old == nil {
			w.books.claims[key] = append(w.books.claims[key], &claim{values: row.values, settled: true, seen: make(map[string]bool)})
		} else if !maps.Equal(old.values, row.values) {
			w.t.Fatalf("the test's own file has %v for %v", row.values, old.values)
		}
	}
	w.table.put(day, file.Bytes(), got, foreign)
	w.bucket.Put(prefix+keyOfDay(day), file.Bytes())
}
