//go:build linux

package cli_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/cli"
)

// onTerminal runs a command on a terminal of its own, and returns what that was sent.
func onTerminal(t *testing.T, environ []string, args ...string) (code int, screen string) {
	t.Helper()
	there, here, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	defer there.Close()
	if err := pty.Setsize(there, &pty.Winsize{Rows: 24, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	sent := make(chan string)
	go func() {
		text, _ := io.ReadAll(there) // it ends with an error when the other side is closed
		sent <- string(text)
	}()
	code = cli.Run(t.Context(), args, environ, here, here)
	here.Close()
	return code, strings.ReplaceAll(<-sent, "\r\n", "\n")
}

func TestColours(t *testing.T) {
	l := newLake(t)
	for _, test := range []struct {
		more string
		want bool
	}{{"NO_COLOR=", true}, {"TERM=xterm", true}, {"NO_COLOR=1", false}, {"TERM=dumb", false}} {
		code, screen := onTerminal(t, append(l.env, test.more), "status")
		if code != 0 || !strings.Contains(screen, "All is well.") || strings.Contains(screen, "\x1b[32mAll is well.\x1b[0m") != test.want || strings.Contains(screen, "\x1b") != test.want {
			t.Errorf("%s: exit code %d: %q", test.more, code, screen)
		}
	}
	if _, out, _ := l.run("status"); strings.Contains(out, "\x1b") {
		t.Errorf("colours, and no terminal: %q", out)
	}
}

// TestBar: the progress of a run, with lines of the log above it, and then the summary.
func TestBar(t *testing.T) {
	chat := chattest.New(chattest.Options{})
	api := httptest.NewServer(chat)
	t.Cleanup(api.Close)
	var apps []string
	for n := range 40 {
		apps = append(apps, fmt.Sprintf(`{"sdk_app_id":%d,"secret_key":"a-secret","endpoint":%q}`, 1400000001+n, api.URL))
	}
	code, screen := onTerminal(t, []string{"CHATLAKE_LAKE=file://" + t.TempDir(), "CHATLAKE_APPS=[" + strings.Join(apps, ",") + "]", "CHATLAKE_RAW=off"}, "run")
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"pulling apps, 40 failed", "(40/40, ", " apps/s)", "level=ERROR", "error       app 1400000001, pull: ", "and 30 more: --json has them", "\x1b[31mFAILED\x1b[0m"} {
		if !strings.Contains(screen, want) {
			t.Errorf("no %q in\n%q", want, screen)
		}
	}
	for line := range strings.Lines(screen) {
		if bar := strings.LastIndex(line, "\r"); strings.Contains(line[bar+1:], "level=") && strings.Contains(line[bar+1:], "apps/s") {
			t.Errorf("a line of the log within the bar: %q", line)
		}
	}
	if path := os.Getenv("CHATLAKE_SHOW_SCREEN"); path != "" {
		os.WriteFile(path, []byte(screen), 0o600)
	}
}
