// Local runs the main job end to end on this machine, with nothing to set up: it builds the function, starts emulators of
// the Chat API (two regions) and of COS on loopback, and invokes the function over SCF's RPC protocol as the timer
// would, today and a day later, when the API has a new day and has revised a few values. The lake stays in ./lake.
//
//	go run ./scripts/local
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/cli"
	"chatlake/internal/scftest"
	"chatlake/storage/costest"
)

func main() {
	lake := flag.String("lake", "./lake", "`directory` in which the lake is left")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, *lake, os.Stdout); {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "stopped; what is in the lake is whole, and the next start goes on from there")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

var apps = []chattest.App{
	{ID: 1400000001, Key: "local-key-of-app-1", Region: "singapore", Name: "Harbour Chat", Company: "Harbour Ltd"},
	{ID: 1400000002, Key: "local-key-of-app-2", Region: "singapore", Name: "Harbour Support", Company: "Harbour Ltd", Size: 800},
	{ID: 1400000003, Key: "local-key-of-app-3", Region: "china", Name: "海港聊天", Company: "海港科技", Size: 52000},
}

func run(ctx context.Context, lake string, out io.Writer) error {
	fmt.Fprintln(out, "Building the function …")
	tmp, err := os.MkdirTemp("", "chatlake-local-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	binary := filepath.Join(tmp, "main")
	if err := scftest.Build(ctx, ".", binary); err != nil {
		return err
	}

	var clock atomic.Pointer[time.Time] // the day that the Chat API is at
	now := time.Now().UTC().Truncate(time.Second)
	clock.Store(&now)
	chat := chattest.New(chattest.Options{Apps: apps, Now: func() time.Time { return *clock.Load() }})
	endpoints := make(map[string]string)
	for _, region := range []string{"singapore", "china"} {
		server := httptest.NewServer(chat.Handler(region))
		defer server.Close()
		endpoints[region] = server.URL
		fmt.Fprintf(out, "Chat API emulator, %-10s %s\n", region+":", server.URL)
	}
	bucket, bucketURL, stop, err := costest.Start(costest.Options{Dir: lake})
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintf(out, "COS emulator:                 %s (objects in %s)\n", bucketURL, lake)

	function, err := scftest.Start(ctx, binary, nil)
	if err != nil {
		return err
	}
	defer function.Stop()

	for day := range 2 {
		at := now.AddDate(0, 0, day)
		clock.Store(&at)
		// The keys of an execution role are temporary, and other ones on each day.
		key := costest.Credentials{
			SecretID: fmt.Sprintf("local-id-%d", day), SecretKey: fmt.Sprintf("local-key-%d", day), SessionToken: fmt.Sprintf("local-token-%d", day),
		}
		bucket.SetCredentials(key)
		fmt.Fprintf(out, "\nDay %d: the timer fires at %s\n", day+1, at.Format(time.RFC3339))
		answer, err := function.Invoke(scftest.Invocation{
			Event:       timerEvent(at),
			Environment: environment(bucketURL, endpoints, key),
			Deadline:    time.Now().Add(2 * time.Minute),
			MemoryMB:    128,
		})
		if err != nil {
			var failed *scftest.FunctionError
			if errors.As(err, &failed) {
				fmt.Fprintf(out, "%s\n", function.Log())
			}
			return err
		}
		var summary handler.Summary
		if err := json.Unmarshal(answer, &summary); err != nil {
			return fmt.Errorf("the function's answer is no summary: %w", err)
		}
		cli.WriteSummary(out, summary)
	}
	fmt.Fprintf(out, "\nThe lake is in %s. A query to try, in DuckDB (https://duckdb.org):\n\n%s\n", lake, query(lake))
	return nil
}

func timerEvent(at time.Time) []byte {
	event, _ := json.Marshal(map[string]string{
		"Type": "Timer", "TriggerName": "daily", "Time": at.Format(time.RFC3339), "Message": "",
	})
	return event
}

func environment(bucketURL string, endpoints map[string]string, key costest.Credentials) map[string]string {
	list := make([]map[string]any, len(apps))
	for i, app := range apps {
		list[i] = map[string]any{
			"sdk_app_id": app.ID, "secret_key": app.Key, "region": app.Region, "endpoint": endpoints[app.Region],
		}
	}
	text, _ := json.Marshal(list)
	return map[string]string{
		"CHATLAKE_LAKE":             bucketURL,
		"CHATLAKE_APPS":             string(text),
		"TENCENTCLOUD_SECRETID":     key.SecretID,
		"TENCENTCLOUD_SECRETKEY":    key.SecretKey,
		"TENCENTCLOUD_SESSIONTOKEN": key.SessionToken,
	}
}

func query(lake string) string {
	return fmt.Sprintf(`  duckdb -c "SELECT dt, app_name, active_user_num, up_msg_num, revision
             FROM read_parquet('%s/app_daily_stats/*/*.parquet', hive_partitioning = true)
             ORDER BY dt DESC, sdk_app_id LIMIT 6"`, strings.TrimSuffix(lake, "/"))
}
