package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// difference says how an answer differs from what it must be; it is empty where they are equal.
func difference(got answer, want [][]string) string {
	if got.Error != "" {
		return "failed: " + got.Error
	}
	for i := range max(len(got.Rows), len(want)) {
		switch {
		case i >= len(got.Rows):
			return fmt.Sprintf("%d rows, want %d; the next is %q", len(got.Rows), len(want), want[i])
		case i >= len(want):
			return fmt.Sprintf("%d rows, want %d; too many is %q", len(got.Rows), len(want), got.Rows[i])
		case !slices.Equal(got.Rows[i], want[i]):
			return fmt.Sprintf("row %d is %q, want %q", i+1, got.Rows[i], want[i])
		}
	}
	return ""
}

// outcome is what came of one engine.
type outcome struct {
	engine      string
	version     string
	err         error             // it could not be run, or gave no answers
	left        string            // it was not to be run, and why
	differences map[string]string // by query; empty: equal
}

func (o outcome) failed() bool {
	if o.err != nil {
		return true
	}
	for _, d := range o.differences {
		if d != "" {
			return true
		}
	}
	return false
}

// judge compares all of an engine's answers.
func judge(name string, r result, queries []query, rows []row) outcome {
	o := outcome{engine: name, version: r.Version, differences: map[string]string{}}
	for _, q := range queries {
		got, ok := r.Answers[q.name]
		if !ok {
			got.Error = "no answer"
		}
		o.differences[q.name] = difference(got, q.want(rows))
	}
	return o
}

// report prints a table of queries and engines, and below it each difference and what was not run.
func report(out io.Writer, queries []query, outcomes []outcome) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := []string{"query"}
	for _, o := range outcomes {
		head = append(head, o.engine)
	}
	fmt.Fprintln(t, strings.Join(head, "\t"))
	line := func(name string, cell func(outcome) string) {
		cells := []string{name}
		for _, o := range outcomes {
			switch {
			case o.left != "":
				cells = append(cells, "not run")
			case o.err != nil:
				cells = append(cells, "FAILED")
			default:
				cells = append(cells, cell(o))
			}
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	for _, q := range queries {
		line(q.name, func(o outcome) string {
			if o.differences[q.name] != "" {
				return "DIFFERS"
			}
			return "equal"
		})
	}
	t.Flush()
	fmt.Fprintln(out)
	for _, o := range outcomes {
		switch {
		case o.left != "":
			fmt.Fprintf(out, "%s was not run: %s\n", o.engine, o.left)
		case o.err != nil:
			fmt.Fprintf(out, "%s failed: %v\n", o.engine, o.err)
		default:
			fmt.Fprintf(out, "%s %s was run\n", o.engine, o.version)
		}
		for _, q := range queries {
			if d := o.differences[q.name]; d != "" {
				fmt.Fprintf(out, "  %s: %s\n", q.name, d)
			}
		}
	}
}
