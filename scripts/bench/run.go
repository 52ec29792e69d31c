package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"chatlake/handler"
	"chatlake/internal/scftest"
)

// measured is what one run cost.
type measured struct {
	apps  int
	state string // of process and lake before it
	// From the process's start, or, if it ran already, from the invocation to the answer.
	wall, floor time.Duration
	cpu         time.Duration
	peak        int64 // bytes, of the process so far
	changed     int   // days
	count       count
}

// memoryMB is the function's size: https://cloud.tencent.com/document/product/583/11637.
const memoryMB = 128

// runs measures a function's first run, on an empty lake, the next day's in the same process, and the next day's in a new one.
func runs(ctx context.Context, binary string, apps int) ([]measured, error) {
	e, stop, err := startEmulators(ctx, apps)
	if err != nil {
		return nil, err
	}
	defer stop()
	var all []measured
	var function *scftest.Instance
	clock := time.Now().UTC().Truncate(time.Second)
	for i, state := range []string{"cold, empty lake", "warm, next day", "cold, next day"} {
		if err := e.setClock(ctx, clock.AddDate(0, 0, i)); err != nil {
			return nil, err
		}
		m := measured{apps: apps, state: state, floor: time.Duration(apps)*time.Second/200 + e.chatDelay}
		cpu := time.Duration(0)
		began := time.Now()
		if state == "warm, next day" {
			if cpu, err = function.CPUTime(); err != nil {
				return nil, err
			}
		} else {
			if function, err = scftest.Start(ctx, binary, nil); err != nil {
				return nil, err
			}
			defer function.Stop()
		}
		m.changed, err = invoke(function, e.environment(), apps, clock.AddDate(0, 0, i))
		m.wall = time.Since(began)
		if err != nil {
			return nil, err
		}
		m.cpu, err = function.CPUTime()
		m.cpu -= cpu
		if err == nil {
			m.peak, err = function.PeakMemory()
		}
		if err == nil {
			m.count, err = e.count(ctx)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// invoke lets the timer fire, and returns how many days the run changed.
func invoke(function *scftest.Instance, env map[string]string, apps int, clock time.Time) (changed int, err error) {
	answer, err := function.Invoke(scftest.Invocation{
		Event:       fmt.Appendf(nil, `{"Type":"Timer","TriggerName":"daily","Time":%q,"Message":""}`, clock.Format(time.RFC3339)),
		Environment: env, Deadline: time.Now().Add(10 * time.Minute), MemoryMB: memoryMB,
	})
	var s handler.Summary
	if err == nil {
		err = json.Unmarshal(answer, &s)
	}
	if err == nil && (s.Status != handler.OK || s.Apps.OK != apps) {
		err = fmt.Errorf("the run was not whole: %.1000s", answer)
	}
	return len(s.Partitions.Written), err
}

// startEmulators starts the emulators in a process of their own, so that what they use does not count.
func startEmulators(ctx context.Context, apps int) (e *emulation, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	e = &emulation{apps: apps, chatDelay: 80 * time.Millisecond, chatJitter: 20 * time.Millisecond, cosDelay: 20 * time.Millisecond}
	for _, address := range []*string{&e.chat, &e.cos, &e.control} {
		if *address, err = freeAddress(); err != nil {
			return nil, nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, self, "emulate", "-apps", strconv.Itoa(apps), "-chat", e.chat, "-cos", e.cos, "-control", e.control,
		"-chat-delay", e.chatDelay.String(), "-chat-jitter", e.chatJitter.String(), "-cos-delay", e.cosDelay.String())
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, nil, err
	}
	exited := make(chan struct{})
	go func() { cmd.Wait(); close(exited) }()
	stop = func() { cancel(); <-exited }
	for {
		if _, err = e.count(ctx); err == nil {
			return e, stop, nil
		}
		select {
		case <-exited:
			cancel()
			return nil, nil, errors.New("the emulators have ended")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (e *emulation) setClock(ctx context.Context, at time.Time) error {
	return e.ask(ctx, http.MethodPost, "/clock?at="+url.QueryEscape(at.Format(time.RFC3339)), nil)
}

func (e *emulation) count(ctx context.Context) (c count, err error) {
	err = e.ask(ctx, http.MethodGet, "/count", &c)
	return c, err
}

func (e *emulation) ask(ctx context.Context, method, path string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+e.control+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the emulators answer %s to %s: %s", resp.Status, path, body)
	}
	if err == nil && answer != nil {
		err = json.Unmarshal(body, answer)
	}
	return err
}

// starts measures how long two functions take from their process's start to their first answer, in turns, and returns each
// one's median.
func starts(ctx context.Context, times int, binaries [2]string) (medians [2]time.Duration, err error) {
	var took [2][]time.Duration
	for range times {
		for i, binary := range binaries {
			began := time.Now()
			function, err := scftest.Start(ctx, binary, nil)
			if err != nil {
				return medians, err
			}
			took[i] = append(took[i], time.Since(began))
			function.Stop()
		}
	}
	for i := range took {
		slices.Sort(took[i])
		medians[i] = took[i][times/2]
	}
	return medians, nil
}
