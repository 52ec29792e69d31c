package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"chatlake/handler"
)

// progress shows how far work is: a bar on a terminal, elsewhere a line now and then.
type progress struct {
	mu    sync.Mutex // the log is written by other goroutines
	out   io.Writer
	term  bool
	last  handler.Progress
	bar   *progressbar.ProgressBar
	seen  time.Time // the newest update
	began time.Time // of the stage: the newest update of the one before it
	told  time.Time // when a line was last written
	shown int       // tenths that the last line told of
}

// Where there is no terminal, a line tells of each tenth, but not of more than one a second, and at least every 5 s where
// something was done.
const (
	lineMost  = time.Second
	lineLeast = 5 * time.Second
)

func newProgress(out io.Writer) *progress {
	now := time.Now()
	return &progress{out: out, term: isTerminal(out), seen: now, began: now, told: now}
}

// update shows how far a stage is.
func (p *progress) update(now handler.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Stage != p.last.Stage {
		p.finish()
	}
	p.last, p.seen = now, time.Now()
	if p.term {
		p.draw()
	} else {
		p.tell()
	}
}

func (p *progress) draw() {
	if p.bar == nil {
		p.bar = progressbar.NewOptions(p.last.Total,
			progressbar.OptionSetDescription(p.title()), progressbar.OptionSetWriter(p.out), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetItsString(p.unit()), progressbar.OptionSetPredictTime(true),
			progressbar.OptionFullWidth(), progressbar.OptionThrottle(50*time.Millisecond))
	}
	if title := p.title(); title != p.bar.State().Description {
		p.bar.Describe(title)
	}
	p.bar.Set(p.last.Done)
}

func (p *progress) unit() string {
	return string(p.last.Stage[strings.LastIndexByte(string(p.last.Stage), ' ')+1:])
}

func (p *progress) title() string {
	if p.last.Failed == 0 {
		return string(p.last.Stage)
	}
	return fmt.Sprintf("%s, %d failed", p.last.Stage, p.last.Failed)
}

func (p *progress) tell() {
	since := time.Since(p.told)
	tenths := 10 * p.last.Done / max(p.last.Total, 1)
	if since >= lineLeast || since >= lineMost && tenths > p.shown {
		p.line()
	}
}

func (p *progress) line() {
	p.told, p.shown = time.Now(), 10*p.last.Done/max(p.last.Total, 1)
	took := p.told.Sub(p.began)
	text := fmt.Sprintf("chatlake: %s: %d of %d, %d failed", p.last.Stage, p.last.Done, p.last.Total, p.last.Failed)
	if took >= time.Second && p.last.Done > 0 {
		text += fmt.Sprintf(", %.1f %s/s", float64(p.last.Done)/took.Seconds(), p.unit())
		if rest := p.last.Total - p.last.Done; rest > 0 {
			text += fmt.Sprintf(", about %v left", (took * time.Duration(rest) / time.Duration(p.last.Done)).Round(time.Second))
		}
	}
	fmt.Fprintln(p.out, text)
}

// finish ends what is shown of a stage. One that was over at once gets a line all the same: it says that there was one.
func (p *progress) finish() {
	switch {
	case p.last.Stage == "":
		return
	case p.term:
		p.bar.Exit()
		fmt.Fprintln(p.out)
	case p.shown < 10:
		p.line()
	}
	p.last, p.bar, p.began, p.told, p.shown = handler.Progress{}, nil, p.seen, p.seen, 0
}

// end ends what is shown.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finish()
}

// Write writes a line of the log, where a bar is shown above it.
func (p *progress) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.Stage == "" || !p.term {
		return p.out.Write(line)
	}
	p.bar.Clear()
	n, err := p.out.Write(line)
	p.bar.RenderBlank()
	return n, err
}
