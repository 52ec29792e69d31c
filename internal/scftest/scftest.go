// Package scftest stands in for the SCF platform: it starts a built function in a process of its own and invokes it over
// SCF's RPC protocol, net/rpc with gob, as github.com/tencentyun/scf-go-lib serves it.
//
// It knows what the platform does to a function that does not answer: past the deadline the process is killed.
package scftest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"
)

// Build builds the function of the module in dir into the file out.
func Build(ctx context.Context, dir, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, ".")
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the function failed: %w\n%s", err, output)
	}
	return nil
}

// Instance is a running function.
type Instance struct {
	cmd    *exec.Cmd
	rpc    *rpc.Client
	exited chan struct{}
	log    logBuffer
}

// Start starts the function's binary and waits until it answers a Ping. The process sees the variables of env alone.
// It is killed when the context ends.
func Start(ctx context.Context, binary string, env map[string]string) (*Instance, error) {
	port, err := freePort()
	if err != nil {
		return nil, fmt.Errorf("no port for the function: %w", err)
	}
	i := &Instance{cmd: exec.CommandContext(ctx, binary), exited: make(chan struct{})}
	i.cmd.Env = []string{"_LAMBDA_SERVER_PORT=" + strconv.Itoa(port)}
	for name, value := range env {
		i.cmd.Env = append(i.cmd.Env, name+"="+value)
	}
	i.cmd.Stdout, i.cmd.Stderr = &i.log, &i.log
	if err := i.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the function failed: %w", err)
	}
	go func() {
		i.cmd.Wait()
		close(i.exited)
	}()
	if err := i.connect(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
		i.Stop()
		return nil, fmt.Errorf("the function does not answer: %w\n%s", err, i.Log())
	}
	return i, nil
}

// connect dials until the function listens: the platform too learns that only by trying.
func (i *Instance) connect(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		client, err := rpc.Dial("tcp", address)
		if err == nil {
			i.rpc = client
			return client.Call("Function.Ping", &messages.PingRequest{}, &messages.PingResponse{})
		}
		select {
		case <-time.After(time.Millisecond):
		case <-i.exited:
			return errors.New("it has ended")
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// Invocation is one call of the function.
type Invocation struct {
	Event       []byte
	Environment map[string]string
	Deadline    time.Time // zero: none is sent
	TimeLimit   time.Duration
	MemoryMB    int
}

// FunctionError is what a function's error looks like to who invoked it: its result is dropped.
type FunctionError struct{ Message, Type string }

func (e *FunctionError) Error() string { return e.Message }

// Invoke calls the function and returns its answer, or its [*FunctionError].
func (i *Instance) Invoke(in Invocation) ([]byte, error) {
	env, err := json.Marshal(in.Environment)
	if err != nil {
		return nil, err
	}
	req := messages.InvokeRequest{
		Payload: in.Event, RequestId: "scftest", FunctionName: "chatlake", Environment: string(env),
		TimeLimitInMs: int32(in.TimeLimit.Milliseconds()), MemoryLimitInMb: int32(in.MemoryMB),
	}
	if !in.Deadline.IsZero() {
		req.Deadline = messages.InvokeRequest_Timestamp{Seconds: in.Deadline.Unix(), Nanos: int64(in.Deadline.Nanosecond())}
		kill := time.AfterFunc(time.Until(in.Deadline), i.Kill)
		defer kill.Stop()
	}
	var answer messages.InvokeResponse
	if err := i.rpc.Call("Function.Invoke", &req, &answer); err != nil {
		return nil, fmt.Errorf("the function did not answer: %w", err)
	}
	if answer.Error != nil {
		return nil, &FunctionError{answer.Error.Message, answer.Error.Type}
	}
	return answer.Payload, nil
}

// Kill ends the process at once, as the platform does past a deadline, and waits until it is gone.
func (i *Instance) Kill() {
	i.cmd.Process.Kill()
	<-i.exited
}

// Stop ends the process.
func (i *Instance) Stop() {
	if i.rpc != nil {
		i.rpc.Close()
	}
	i.Kill()
}

// PeakMemory returns the most memory that the process had resident, in bytes. It is known on Linux only
// (https://man7.org/linux/man-pages/man5/proc_pid_status.5.html, VmHWM).
func (i *Instance) PeakMemory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var kB int64
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	_, err = fmt.Sscanf(rest, "%d kB", &kB)
	return kB << 10, err
}

// CPUTime returns the processor's time that the process has used. It is known on Linux only
// (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, utime and stime).
func (i *Instance) CPUTime() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", i.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	const tick = 10 * time.Millisecond // of the kernel's interface, on all of Go's architectures
	var user, system time.Duration
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third on, the state
	_, err = fmt.Sscan(strings.Join(fields[11:13], " "), &user, &system)
	return (user + system) * tick, err
}

// Log returns what the function has written to stdout and stderr so far.
func (i *Instance) Log() []byte { return i.log.bytes() }

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

var _ io.Writer = (*logBuffer)(nil)

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf.Bytes())
}

// freePort returns a port below those that the system gives to outgoing connections, or one of these could take it before
// the function does.
func freePort() (port int, err error) {
	const first, last = 20000, 32767
	for range 100 {
		port = first + rand.IntN(last-first+1)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}
