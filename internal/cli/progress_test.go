package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/handler"
)

// TestProgressLines: where there is no terminal, a line now and then, not one an app.
func TestProgressLines(t *testing.T) {
	for name, test := range map[string]struct {
		apps  int
		pause time.Duration // between two apps
		want  []string
	}{
		"at once":                           {3, 0, []string{"3 of 3, 0 failed"}},
		"quick":                             {1000, 10 * time.Millisecond, []string{"100 of 1000, 10 failed, 100.0 apps/s, about 9s left", "200 of 1000", "300 of", "400 of", "500 of", "600 of", "700 of", "800 of", "900 of", "1000 of 1000, 100 failed, 100.0 apps/s"}},
		"no line before its second is over": {20, 100 * time.Millisecond, []string{"10 of 20, 1 failed, 10.0 apps/s, about 1s left", "20 of 20"}},
		"slow":                              {30, 4 * time.Second, []string{"2 of 30", "3 of 30", "5 of", "6 of", "8 of", "9 of", "11 of", "12 of", "14 of", "15 of", "17 of", "18 of", "20 of", "21 of", "23 of", "24 of", "26 of", "27 of", "29 of", "30 of"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(*testing.T) {
				var out bytes.Buffer
				p := newProgress(&out)
				for done := 1; done <= test.apps; done++ {
					time.Sleep(test.pause)
					p.update(handler.Progress{Stage: handler.Pulling, Done: done, Total: test.apps, Failed: done / 10})
				}
				p.end()
				lines := strings.Split(strings.TrimSpace(out.String()), "\n")
				for i, line := range lines {
					if len(lines) != len(test.want) || !strings.HasPrefix(line, "chatlake: pulling apps: "+test.want[i]) {
						t.Fatalf("%d lines, want %d:\n%s", len(lines), len(test.want), out.String())
					}
				}
			})
		})
	}
}

func TestProgressOfStages(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		var out bytes.Buffer
		p := newProgress(&out)
		for _, stage := range []handler.Stage{handler.Pulling, handler.Merging} {
			for done := range 2 {
				time.Sleep(500 * time.Millisecond)
				p.update(handler.Progress{Stage: stage, Done: done + 1, Total: 2})
			}
		}
		p.update(handler.Progress{Stage: handler.Replaying, Done: 1, Total: 9}) // and it was cut off
		fmt.Fprintln(p, "a line of the log")
		p.end()
		p.end()
		const want = "chatlake: pulling apps: 2 of 2, 0 failed, 2.0 apps/s\nchatlake: merging days: 2 of 2, 0 failed, 2.0 days/s\n" +
			"a line of the log\nchatlake: rebuilding days: 1 of 9, 0 failed\n"
		if out.String() != want {
			t.Errorf("%s\nwant\n%s", out.String(), want)
		}
	})
}

func TestClip(t *testing.T) {
	for text, want := range map[string]string{"": "", "abcdef": "abcdef", "abcdefg": "abcde…", "海港聊": "海港聊", "海港聊天": "海港…", "a海港聊": "a海港…", "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301": "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301"} {
		if got := clip(text, 6); got != want {
			t.Errorf("clip(%q) = %q, want %q", text, got, want)
		}
	}
}
