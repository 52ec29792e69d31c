package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"chatlake/handler"
	"chatlake/internal/cli"
)

// printSummary prints a summary for a reader, or as it came.
func printSummary(out io.Writer, line []byte, s handler.Summary, r result, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(out, "%s\n", line)
		return err
	}
	var text bytes.Buffer
	cli.WriteSummary(&text, s)
	fmt.Fprintf(&text, "  %-11s %s: %.0f ms, %d MB\n", "invocation", r.RequestID, r.DurationMS, r.Memory>>20)
	if s.Truncated {
		fmt.Fprintf(&text, "  %-11s the lists were cut: the whole summary is in _runs of the lake\n", "truncated")
	}
	_, err := text.WriteTo(out)
	return err
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
