package main

import (
	"fmt"
	"io"
	"strings"

	"chatlake/handler"
)

// mostListed is how many entries of a list are shown; -json has all.
const mostListed = 20

// printSummary prints a summary for a reader, or as it came.
func printSummary(out io.Writer, line []byte, s handler.Summary, r result, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(out, "%s\n", line)
		return err
	}
	var text strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&text, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	status, written := strings.ToUpper(string(s.Status)), "written"
	if s.DryRun {
		status, written = status+", a dry run: nothing was written", "to write"
	}
	row("run", "%s  %s", s.RunID, status)
	row("invocation", "%s  %.0f ms, %d MB", r.RequestID, r.DurationMS, r.Memory>>20)
	row("window", "%s to %s, from the source %s", s.Window.From, s.Window.To, s.Source)
	row("apps", "%d ok, %d failed", s.Apps.OK, s.Apps.Failed)
	row("rows", "%d pulled: %d inserted, %d updated, %d unchanged, %d refused",
		s.Rows.Pulled, s.Rows.Inserted, s.Rows.Updated, s.Rows.Unchanged, s.Rows.Rejected)
	row("partitions", "%d %s, %d unchanged, %d failed", len(s.Partitions.Written), written, s.Partitions.Unchanged, len(s.Partitions.Failed))
	row("requests", "%d to the Chat API, %d to COS", s.Requests.Chat, s.Requests.COS)
	rows(row, "gap", s.Gaps, gapText)
	rows(row, "warning", s.Warnings, func(w string) string { return w })
	rows(row, "error", s.Errors, errorText)
	if s.Truncated {
		row("truncated", "the lists were cut: the whole summary is in _runs of the lake")
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func rows[T any](row func(name, format string, args ...any), name string, list []T, text func(T) string) {
	for i, entry := range list {
		if i == mostListed {
			row(name, "… and %d more: -json has them", len(list)-i)
			return
		}
		row(name, "%s", text(entry))
	}
}

func gapText(g handler.Gap) string {
	text := fmt.Sprintf("app %d lacks %s to %s", g.AppID, g.From, g.To)
	switch {
	case g.SourceLacks:
		return text + ": the API has no rows of them"
	case g.Lost:
		return text + ": the API no longer has them"
	}
	return fmt.Sprintf("%s: the API surely has the first of them until %s", text, g.LostAfter)
}

func errorText(e handler.RunError) string {
	switch {
	case e.AppID != 0:
		return fmt.Sprintf("app %d, %s: %s", e.AppID, e.Stage, e.Message)
	case e.Day != nil:
		return fmt.Sprintf("day %s, %s: %s", *e.Day, e.Stage, e.Message)
	}
	return e.Stage + ": " + e.Message
}

func printChecks(out io.Writer, c checks, whole string, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(out, "%s\n", whole)
		return err
	}
	var text strings.Builder
	for _, f := range c.Checks {
		fmt.Fprintf(&text, "%-8s %-14s %s\n", f.Status, f.Name, f.Message)
	}
	_, err := io.WriteString(out, text.String())
	return err
}
