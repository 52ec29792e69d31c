package main_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestSignals tells a run to end, which it does in its own time, and then to end at once.
func TestSignals(t *testing.T) {
	p := newPlatform(t)
	p.role(1)
	pulling, ending := make(chan struct{}, 100), make(chan struct{}, 100)
	gone := make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		pulling <- struct{}{}
		<-gone
	}))
	t.Cleanup(api.Close)
	signalled := make(chan struct{})
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		select {
		case <-signalled: // the run is on its way out, and this is the last that it waits for
			ending <- struct{}{}
			<-gone
		default:
			p.bucket.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(bucket.Close)
	t.Cleanup(func() { close(gone) }) // before the servers close, which wait for their handlers

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), "run")
	cmd.Env = []string{
		"CHATLAKE_LAKE=" + bucket.URL + "/data",
		`CHATLAKE_APPS=[{"sdk_app_id":1400000001,"secret_key":"secret-of-app-1","endpoint":"` + api.URL + `"}]`,
	}
	for _, name := range []string{"TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"} {
		cmd.Env = append(cmd.Env, name+"="+p.env[name])
	}
	err := cmd.Start()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	await := func(what string, event <-chan struct{}) {
		t.Helper()
		select {
		case <-event:
		case err := <-ended:
			t.Fatalf("ended before %s: %v", what, err)
		}
	}
	await("it pulled", pulling)
	close(signalled)
	cmd.Process.Signal(os.Interrupt)
	await("it was on its way out", ending)
	again := time.NewTicker(100 * time.Millisecond) // one alone may come before the first has been dealt with
	defer again.Stop()
	for {
		select {
		case <-again.C:
			cmd.Process.Signal(os.Interrupt)
			continue
		case err = <-ended:
		}
		break
	}
	var exit *exec.ExitError
	if ctx.Err() != nil || !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("the second signal: %v", err)
	}
}
