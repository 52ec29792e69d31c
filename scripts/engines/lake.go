package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/scftest"
	"chatlake/internal/stats"
	"chatlake/storage/costest"
)

// function is the built function with an emulator on either side of it. The bucket is a folder, in which an object is
// replaced by a rename.
type function struct {
	lake string // the bucket's folder

	instance *scftest.Instance
	env      map[string]string
	stops    []func()

	mu   sync.Mutex
	at   time.Time
	data func(chattest.App, stats.Day, time.Time) map[string]any
}

// startFunction starts the binary over the lake in a folder. Stop it even where it fails.
func startFunction(ctx context.Context, binary, lake string) (*function, error) {
	f := &function{lake: lake, data: values}
	chat := chattest.New(chattest.Options{
		Apps: apps,
		Now:  func() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.at },
		Data: func(app chattest.App, day stats.Day, asOf time.Time) map[string]any {
			f.mu.Lock()
			data := f.data
			f.mu.Unlock()
			return data(app, day, asOf)
		},
	})
	server := httptest.NewServer(chat)
	f.stops = append(f.stops, server.Close)
	list := make([]map[string]any, len(apps))
	for i, app := range apps {
		list[i] = map[string]any{"sdk_app_id": app.ID, "secret_key": app.Key, "endpoint": server.URL}
	}
	configured, err := json.Marshal(list)
	if err != nil {
		return f, err
	}
	key := costest.Credentials{SecretID: "id", SecretKey: "key", SessionToken: "token"}
	_, url, stop, err := costest.Start(costest.Options{Credentials: []costest.Credentials{key}, Dir: lake})
	if err != nil {
		return f, err
	}
	f.stops = append(f.stops, stop)
	f.env = map[string]string{
		"CHATLAKE_LAKE": url, "CHATLAKE_APPS": string(configured),
		"TENCENTCLOUD_SECRETID": key.SecretID, "TENCENTCLOUD_SECRETKEY": key.SecretKey, "TENCENTCLOUD_SESSIONTOKEN": key.SessionToken,
	}
	if f.instance, err = scftest.Start(ctx, binary, nil); err != nil {
		return f, err
	}
	f.stops = append(f.stops, f.instance.Stop)
	return f, nil
}

func (f *function) stop() {
	for i := len(f.stops) - 1; i >= 0; i-- {
		f.stops[i]()
	}
}

// set gives the API's emulator a clock and data.
func (f *function) set(at time.Time, data func(chattest.App, stats.Day, time.Time) map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.data = at, data
}

// run invokes the function as the timer would, with the pull's request as its argument.
func (f *function) run(p pull) (handler.Summary, error) {
	request := map[string]any{}
	if p.from != 0 {
		request["from"] = p.from
	}
	if p.to != 0 {
		request["to"] = p.to
	}
	if p.fields != nil {
		request["fields"] = p.fields
	}
	message, err := json.Marshal(request)
	if err != nil {
		return handler.Summary{}, err
	}
	event, err := json.Marshal(map[string]string{
		"Type": "Timer", "TriggerName": "daily", "Time": p.at.Format(time.RFC3339Nano), "Message": string(message),
	})
	if err != nil {
		return handler.Summary{}, err
	}
	answer, err := f.instance.Invoke(scftest.Invocation{
		Event: event, Environment: f.env, Deadline: time.Now().Add(2 * time.Minute), MemoryMB: 128,
	})
	var summary handler.Summary
	if err != nil {
		return summary, fmt.Errorf("the run of %s failed: %w\n%s", p.at, err, f.instance.Log())
	}
	if err := json.Unmarshal(answer, &summary); err != nil {
		return summary, fmt.Errorf("the function's answer is no summary: %w", err)
	}
	if summary.Status != handler.OK {
		return summary, fmt.Errorf("the run of %s is %s: %s", p.at, summary.Status, answer)
	}
	return summary, nil
}

// makeLake fills a new lake, and checks that it has one file a day.
func makeLake(ctx context.Context, binary, lake string) error {
	f, err := startFunction(ctx, binary, lake)
	defer f.stop()
	if err != nil {
		return err
	}
	updated := 0
	for _, p := range pulls() {
		f.set(p.at, values)
		summary, err := f.run(p)
		if err != nil {
			return err
		}
		updated += summary.Rows.Updated
	}
	files, err := filepath.Glob(filepath.Join(lake, "app_daily_stats", "dt=*", "*"))
	if err != nil {
		return err
	}
	if len(files) != numDays || updated == 0 {
		return fmt.Errorf("the lake has %d files for %d days, and %d rows were revised", len(files), numDays, updated)
	}
	return nil
}

// copyBroken copies the table's folder, with nothing that could be read in the files of days before from and after to.
func copyBroken(table, to string, from, until stats.Day) error {
	files, err := filepath.Glob(filepath.Join(table, "dt=*", "*.parquet"))
	if err == nil && len(files) == 0 {
		err = errors.New("no files")
	}
	if err != nil {
		return fmt.Errorf("failed to copy the table: %w", err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(table, file)
		if dt := filepath.Dir(name)[len("dt="):]; dt < from.String() || dt > until.String() {
			body = []byte("no Parquet")
		}
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, body, 0o644); err != nil {
			return err
		}
	}
	return nil
}
