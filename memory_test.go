package main_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/scftest"
)

var memoryApps = flag.Int("memory.apps", 1000, "the apps of TestMemory")

// TestMemory holds a run of 1,000 apps, the first and the next day's, to the memory of SCF's second smallest function. SCF counts
// the resident memory of the whole process.
func TestMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the peak of a process's memory is read from Linux's /proc")
	}
	t.Parallel()
	const limitMB = 128
	p := newPlatform(t)
	p.manyApps(t, *memoryApps)
	function, err := scftest.Start(t.Context(), binary(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(function.Stop)
	for _, after := range []time.Duration{0, 24 * time.Hour} {
		answer, err := function.Invoke(scftest.Invocation{
			Event:       []byte(`{"Type":"Timer","TriggerName":"daily","Time":"` + time.Now().Add(after).UTC().Format(time.RFC3339) + `","Message":""}`),
			Environment: p.env, Deadline: time.Now().Add(5 * time.Minute), MemoryMB: limitMB,
		})
		if err != nil {
			t.Fatalf("%.2000v", err)
		}
		var s handler.Summary
		if err := json.Unmarshal(answer, &s); err != nil || s.Status != handler.OK || s.Apps.OK != *memoryApps {
			t.Errorf("%.2000s", answer)
		}
		peak, err := function.PeakMemory()
		t.Logf("%d apps, %d files written in %d ms: at most %d MB", s.Apps.OK, len(s.Partitions.Written), s.DurationMS, peak>>20)
		if err != nil || peak > limitMB<<20 {
			t.Errorf("the process took %d MB of %d, %v", peak>>20, limitMB, err)
		}
	}
}

// manyApps makes the platform serve so many apps.
func (p *platform) manyApps(t *testing.T, n int) {
	t.Helper()
	p.role(0)
	apps := make([]chattest.App, n)
	for i := range apps {
		apps[i] = chattest.App{ID: 1400000000 + int64(i), Key: fmt.Sprintf("secret-of-app-%d", i), Name: fmt.Sprintf("App %d", i), Company: "Harbour"}
	}
	api := httptest.NewServer(chattest.New(chattest.Options{Apps: apps}))
	t.Cleanup(api.Close)
	list := make([]map[string]any, n)
	for i, app := range apps {
		list[i] = map[string]any{"sdk_app_id": app.ID, "secret_key": app.Key, "endpoint": api.URL}
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	p.bucket.Put("apps.json", text)
	p.env["CHATLAKE_APPS"] = "cos:apps.json"
}

// TestWithoutADisk holds that a function whose disk takes nothing loses no row: it keeps them in memory, and says that the answers
// could not be archived.
func TestWithoutADisk(t *testing.T) {
	t.Parallel()
	const apps = 300 // more than a day keeps in memory while there is a disk
	p := newPlatform(t)
	p.manyApps(t, apps)
	function, err := scftest.Start(t.Context(), binary(t), map[string]string{"TMPDIR": "/no/such/folder"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(function.Stop)
	answer, err := function.Invoke(scftest.Invocation{Environment: p.env, Deadline: time.Now().Add(time.Minute)})
	var s handler.Summary
	if err != nil || json.Unmarshal(answer, &s) != nil {
		t.Fatalf("%.2000s %.2000v", answer, err)
	}
	if s.Status != handler.Partial || s.Rows.Inserted != apps*30 || len(s.Errors) != 1 || s.Errors[0].Stage != "archive" {
		t.Errorf("%.2000s", answer)
	}
}
