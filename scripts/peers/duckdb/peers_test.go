//go:build peers

// Package peers_test reads a lake that the function made with an engine that nobody here wrote, DuckDB, and compares
// every value with what the Chat API's emulator gave.
//
// The test installs nothing. Once, from the repository's root:
//
//	python3 -m venv scripts/peers/.venv
//	scripts/peers/.venv/bin/pip install -r scripts/peers/duckdb/requirements.txt
//
// Then:
//
//	go test -tags peers ./scripts/peers/duckdb
//
// What is missing fails the test, which names the command: a check that skips itself proves nothing.
package peers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
	"chatlake/storage/costest"
)

var (
	apps = []chattest.App{
		{ID: 1400000001, Key: "key-1", Region: "singapore", Name: "Harbour Chat", Company: "Harbour, \"Ltd\""},
		{ID: 1400000002, Key: "key-2", Region: "china", Name: "海港聊天🙂", Company: "海港科技"},
		{ID: 1400000003, Key: "key-3", Region: "china", Size: 800},
	}
	clocks = []time.Time{
		time.Date(2026, 11, 24, 3, 30, 0, 0, time.UTC),
		time.Date(2026, 11, 25, 3, 30, 0, 0, time.UTC),
	}
)

// values are the emulator's, but for one app that lacks fields and has some that no schema knows.
func values(app chattest.App, day stats.Day, asOf time.Time) map[string]any {
	v := chattest.Values(app, day, asOf)
	if app.ID != apps[2].ID || v == nil {
		return v
	}
	delete(v, "APNSMsgNum")
	v["Company"], v["LoginTimes"] = "", nil
	if day%2 == 0 {
		v["CallBackReq"] = strconv.FormatInt(1<<63-1, 10)
		v["NewMetric"], v["新指标"], v["Object"] = "12", "值 ' \" \n", map[string]any{"a": []any{1, nil}}
	}
	return v
}

func TestDuckDB(t *testing.T) {
	python := filepath.Join("..", ".venv", "bin", "python")
	install := "scripts/peers/.venv/bin/pip install -r scripts/peers/duckdb/requirements.txt"
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("%v: run python3 -m venv scripts/peers/.venv && %s", err, install)
	}
	if err := exec.CommandContext(t.Context(), python, "-c", "import duckdb").Run(); err != nil {
		t.Fatalf("%v: run %s", err, install)
	}
	lake := filepath.Join(t.TempDir(), "it's a lake")
	fill(t, lake)

	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), python, "export.py", filepath.Join(lake, "prefix", "app_daily_stats"))
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("export.py: %v\n%s", err, stderr.String())
	}
	var got struct {
		Types    [][2]string
		Rows     []map[string]any
		Skipping int
	}
	decoder := json.NewDecoder(&stdout)
	decoder.UseNumber()
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if want := wantTypes(); !slices.Equal(got.Types, want) {
		t.Errorf("DuckDB sees the columns\n%v\nwant\n%v", got.Types, want)
	}
	want := wantRows(t)
	revised := 0
	for _, row := range want {
		if row["revision"] == number(2) {
			revised++
		}
	}
	if len(want) != len(apps)*(chattest.Days+1) || revised == 0 {
		t.Fatalf("the emulator gave %d rows and revised %d", len(want), revised)
	}
	if len(got.Rows) != len(want) {
		t.Errorf("DuckDB reads %d rows, want %d", len(got.Rows), len(want))
	}
	for i := range min(len(got.Rows), len(want)) {
		compare(t, got.Rows[i], want[i])
	}
	if got.Skipping != 1 {
		t.Errorf("a query for one row gives %d", got.Skipping)
	}
}

// fill runs the function on two days, with the lake behind a COS emulator.
func fill(t *testing.T, lake string) {
	var clock atomic.Pointer[time.Time]
	chat := chattest.New(chattest.Options{Apps: apps, Now: func() time.Time { return *clock.Load() }, Data: values})
	var list []map[string]any
	for _, app := range apps {
		server := httptest.NewServer(chat.Handler(app.Region))
		t.Cleanup(server.Close)
		list = append(list, map[string]any{"sdk_app_id": app.ID, "secret_key": app.Key, "endpoint": server.URL})
	}
	configured, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	key := costest.Credentials{SecretID: "id", SecretKey: "key", SessionToken: "token"}
	_, bucket, stop, err := costest.Start(costest.Options{Credentials: []costest.Credentials{key}, Dir: lake})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	for i := range clocks {
		clock.Store(&clocks[i])
		summary, err := handler.Run(t.Context(), handler.Job{
			Env: map[string]string{
				"CHATLAKE_LAKE": bucket + "/prefix", "CHATLAKE_APPS": string(configured),
				"TENCENTCLOUD_SECRETID": key.SecretID, "TENCENTCLOUD_SECRETKEY": key.SecretKey, "TENCENTCLOUD_SESSIONTOKEN": key.SessionToken,
			},
			Payload: fmt.Appendf(nil, `{"Type":"Timer","TriggerName":"daily","Time":%q,"Message":""}`, clocks[i].Format(time.RFC3339)),
			Logger:  func(slog.Level) *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) },
		})
		if err != nil || summary.Status != handler.OK {
			t.Fatalf("run %d: %s, %v", i, summary.Status, err)
		}
	}
}

func wantTypes() [][2]string {
	byKind := map[stats.Kind]string{
		stats.AppID: "BIGINT", stats.Date: "DATE", stats.Text: "VARCHAR", stats.Counter: "BIGINT", stats.Extra: "MAP(VARCHAR, VARCHAR)",
		stats.Timestamp: "TIMESTAMP WITH TIME ZONE", stats.Revision: "INTEGER",
	}
	var types [][2]string
	for _, c := range stats.Columns() {
		types = append(types, [2]string{c.Column, byKind[c.Kind]})
	}
	return append(types, [2]string{"dt", "VARCHAR"})
}

// wantRows works out the rows from what the emulator gave each run, without the product's parsing and merging.
func wantRows(t *testing.T) []map[string]any {
	t.Helper()
	last := stats.DayIn(clocks[1], stats.Beijing) - 1
	var rows []map[string]any
	for day := last - chattest.Days; day <= last; day++ {
		for _, app := range apps {
			var row map[string]any
			for _, clock := range clocks {
				today := stats.DayIn(clock, stats.Beijing)
				if day < today-chattest.Days || day >= today {
					continue
				}
				at := clock.Format("2006-01-02 15:04:05+00")
				given := columns(t, values(app, day, clock))
				switch {
				case row == nil:
					row = maps.Clone(given)
					row["first_pulled_at"], row["updated_at"], row["updated_ms"], row["revision"] = at, at, number(clock.UnixMilli()), number(1)
				case !contains(row, given):
					maps.Copy(row, given)
					row["updated_at"], row["updated_ms"], row["revision"] = at, number(clock.UnixMilli()), number(2)
				}
			}
			row["stat_date"], row["dt"] = day.String(), day.String()
			rows = append(rows, row)
		}
	}
	return rows
}

func contains(row, part map[string]any) bool {
	for column, value := range part {
		if !reflect.DeepEqual(row[column], value) {
			return false
		}
	}
	return true
}

// columns are the values of one entry of the API by column, without nulls.
func columns(t *testing.T, entry map[string]any) map[string]any {
	t.Helper()
	row := make(map[string]any)
	extra := make(map[string]any)
	for name, value := range entry {
		if value == nil || value == "" || name == "Date" {
			continue
		}
		i := slices.IndexFunc(stats.Columns(), func(f stats.Field) bool { return f.Name == name })
		text, isText := value.(string)
		switch {
		case i < 0 && isText:
			extra[name] = text
		case i < 0:
			object, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			extra[name] = string(object)
		case stats.Columns()[i].Kind == stats.Text:
			row[stats.Columns()[i].Column] = text
		default:
			row[stats.Columns()[i].Column] = json.Number(text)
		}
	}
	if len(extra) > 0 {
		row["extra"] = extra
	}
	return row
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

func compare(t *testing.T, got, want map[string]any) {
	t.Helper()
	for column, value := range got {
		if !reflect.DeepEqual(value, want[column]) {
			t.Errorf("app %v on %v: %s is %#v, want %#v", want["sdk_app_id"], want["stat_date"], column, value, want[column])
		}
	}
	for column := range want {
		if _, ok := got[column]; !ok {
			t.Errorf("app %v on %v lacks %s", want["sdk_app_id"], want["stat_date"], column)
		}
	}
}
