package handler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tencentyun/scf-go-lib/functioncontext"
)

// Function is the SCF function: each invocation is a run, or checks. It implements scf-go-lib's cloudfunction.Handler.
type Function struct {
	environ   map[string]string // the process's own, from before the first invocation
	log       io.Writer
	transport http.RoundTripper
}

// NewFunction returns the function. environ is the process's environment as os.Environ gives it, under that of each
// invocation; log gets a JSON object a line, as CLS takes them from a function's stdout; transport may be nil.
func NewFunction(environ []string, log io.Writer, transport http.RoundTripper) *Function {
	return &Function{ParseEnviron(environ), log, transport}
}

// ParseEnviron makes a map of KEY=value pairs.
func ParseEnviron(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	return env
}

// Invoke runs one event and returns the summary, or does the checks that it asks for and returns their report, of at most 1 MB.
// Checks that fail fail the invocation, by an error that begins with the report, as a run's begins with its summary.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	invocation, ok := functioncontext.FromContext(ctx)
	if !ok {
		invocation = &functioncontext.FunctionContext{}
	}
	if limit := int64(invocation.MemoryLimitInMb) << 20; limit > 0 {
		debug.SetMemoryLimit(limit / 10 * 9) // the collector works harder before the platform kills the process
	}
	if deadline, ok := ctx.Deadline(); !ok || deadline.Unix() <= 0 {
		if ok { // SCF's library gives a request without a deadline one in 1970
			ctx = context.WithoutCancel(ctx)
		}
		limit := time.Duration(invocation.TimeLimitInMs) * time.Millisecond
		if limit <= 0 {
			limit = longestRun
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	// What an earlier invocation had set is not seen, though scf-go-lib has put it into the process's environment.
	env := Overlay(f.environ, invocation.Environment)
	if env[regionVariable] == "" {
		env[regionVariable] = invocation.TencentcloudRegion
	}
	job := Job{
		Env:     env,
		Payload: payload,
		Logger: func(level slog.Level) *slog.Logger {
			return slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: level}))
		},
		Transport: f.transport,
	}
	if AsksForCheck(payload) {
		report, err := Check(ctx, job)
		if err != nil {
			return nil, err
		}
		f.logLine("check", report.Line)
		if report.Status == Failed {
			const reason = "\nthe checks that failed say what to do"
			return nil, errors.New(string(report.Line(maxAnswer-len(reason))) + reason)
		}
		return report.Line(maxAnswer), nil
	}
	summary, err := Run(ctx, job)
	f.logLine("run summary", summary.Line)
	if err != nil {
		return nil, err
	}
	return summary.Line(maxAnswer), nil
}

// Overlay lays one environment over another. Keys of two principals are never mixed: the upper one, if it has any, has all.
func Overlay(under, over map[string]string) map[string]string {
	env := make(map[string]string, len(under)+len(over))
	maps.Copy(env, under)
	var names []string
	for _, set := range keySets {
		names = append(append(names, set.id, set.key), set.tokens...)
	}
	if slices.ContainsFunc(names, func(name string) bool { return over[name] != "" }) {
		for _, name := range names {
			delete(env, name)
		}
	}
	maps.Copy(env, over)
	return env
}

// logLine logs a result at any level, with its keys at the top of the line, where CLS can search them. text gives it as an
// object of at most so many bytes.
func (f *Function) logLine(message string, text func(most int) []byte) {
	head := fmt.Sprintf(`{"time":%q,"level":"INFO","msg":%q,`, time.Now().UTC().Format(time.RFC3339Nano), message)
	line := append([]byte(head), text(maxLogLine - len(head) - 1)[1:]...)
	f.log.Write(append(line, '\n'))
}
