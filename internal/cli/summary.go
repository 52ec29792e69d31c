package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"chatlake/handler"
	"chatlake/internal/stats"
)

// mostLines is how many gaps, warnings and errors a reader is shown of each.
const mostLines = 10

// WriteSummary prints a run's summary for a reader, without colours; the function itself returns, logs and stores it as JSON.
func WriteSummary(w io.Writer, s handler.Summary) { command{}.printSummary(w, s) }

func (c command) printSummary(w io.Writer, s handler.Summary) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	dry, written := "", "written"
	if s.DryRun {
		dry, written = " (dry run: nothing was written)", "to write"
	}
	line("run", "%s  %s in %s%s", s.RunID, c.paint(statusColours[s.Status], strings.ToUpper(string(s.Status))), took(s), dry)
	line("window", "%s to %s", s.Window.From, s.Window.To)
	line("apps", "%d ok, %d failed", s.Apps.OK, s.Apps.Failed)
	line("rows", "%d pulled: %d inserted, %d updated, %d unchanged, %d refused",
		s.Rows.Pulled, s.Rows.Inserted, s.Rows.Updated, s.Rows.Unchanged, s.Rows.Rejected)
	line("partitions", "%d %s, %d unchanged, %d failed", len(s.Partitions.Written), written, s.Partitions.Unchanged, len(s.Partitions.Failed))
	line("requests", "%d to the Chat API, %d to COS", s.Requests.Chat, s.Requests.COS)
	lines(s.Gaps, func(g handler.Gap) { line("gap", "app %d lacks %s%s", g.AppID, span(g.From, g.To), fate(g)) }, line)
	lines(s.Warnings, func(text string) { line("warning", "%s", printable(text)) }, line)
	lines(s.Errors, func(e handler.RunError) { line("error", "%s", printable(e.Describe())) }, line)
}

// lines shows the first of a list and says how many more there are.
func lines[T any](list []T, show func(T), line func(name, format string, args ...any)) {
	for _, item := range list[:min(len(list), mostLines)] {
		show(item)
	}
	if more := len(list) - mostLines; more > 0 {
		line("", "and %d more: --json has them", more)
	}
}

func took(s handler.Summary) string {
	d := time.Duration(s.DurationMS) * time.Millisecond
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", s.DurationMS)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

func span(from, to stats.Day) string {
	if from == to {
		return from.String()
	}
	return from.String() + " to " + to.String()
}

// fate says what can become of a gap.
func fate(g handler.Gap) string {
	switch {
	case g.SourceLacks:
		return ", which the API has not either"
	case g.Lost:
		return ", which the API has no more"
	}
	return ", which the API has until " + g.LostAfter.String()
}
