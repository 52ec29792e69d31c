package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how long work goes: a bar on a terminal, elsewhere a line now and then.
type progress struct {
	out    io.Writer
	log    io.Writer // keeps lines of the log apart from the bar
	doing  string
	unit   string
	onTerm bool
	bar    *progressbar.ProgressBar
	began  time.Time
	told   time.Time // when a line was last written
}

// lineEvery is how often progress is told of where there is no terminal.
const lineEvery = 5 * time.Second

func newProgress(out io.Writer, doing, unit string) *progress {
	p := &progress{out: out, log: out, doing: doing + " " + unit, unit: unit, onTerm: isTerminal(out), began: time.Now(), told: time.Now()}
	if p.onTerm {
		p.log = aboveBar{p}
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// update is told how much is done, and how much of it failed.
func (p *progress) update(done, total, failed int) {
	if !p.onTerm {
		p.tell(done, total, failed)
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(p.out), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetItsString(p.unit), progressbar.OptionSetPredictTime(true),
			progressbar.OptionFullWidth(), progressbar.OptionThrottle(50*time.Millisecond))
	}
	p.bar.Describe(fmt.Sprintf("%s, %d failed", p.doing, failed))
	p.bar.Set(done)
}

func (p *progress) tell(done, total, failed int) {
	now := time.Now()
	if now.Sub(p.told) < lineEvery {
		return
	}
	p.told = now
	left := time.Duration(float64(now.Sub(p.began)) / float64(done) * float64(total-done))
	fmt.Fprintf(p.out, "%s: %d of %d, %d failed, about %v left\n", p.doing, done, total, failed, left.Round(time.Second))
}

func (p *progress) end() {
	if p.bar != nil {
		p.bar.Finish()
		fmt.Fprintln(p.out)
	}
}

// aboveBar writes what is logged while a bar is shown into the line that the bar leaves.
type aboveBar struct{ p *progress }

func (w aboveBar) Write(b []byte) (int, error) {
	if w.p.bar != nil {
		w.p.bar.Clear()
	}
	return w.p.out.Write(b)
}
