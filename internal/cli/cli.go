// Package cli is chatlake's command line. Results go to stdout, logs and progress to stderr. A command ends with 0 if it
// did its job, 1 if it failed, 2 if it was called wrongly.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"chatlake/handler"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// errFailed ends a command that has already said what failed.
var errFailed = errors.New("failed")

// command is what every command gets from its caller.
type command struct {
	environ        []string
	stdout, stderr io.Writer
}

// Run runs the command line and returns the exit code.
func Run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	c := command{environ, stdout, stderr}
	if environ, err := withDotEnv(environ, stderr); err != nil {
		fmt.Fprintf(stderr, "chatlake: %v\n", err)
		return exitUsage
	} else {
		c.environ = environ
	}
	root := &cobra.Command{
		Use:   "chatlake",
		Short: "Keep the operations data of Tencent Chat apps in a data lake",
		Long: `chatlake pulls the last 30 days of operations data of each configured Tencent Chat
app and merges them into date-partitioned Parquet files, in a COS bucket or in a
directory. It is configured by environment variables (CHATLAKE_LAKE, CHATLAKE_APPS
and others: 'chatlake run --help' lists them), which may stand in a file .env in the
working directory. Inside SCF the same binary serves the function.

Exit codes: 0 the command did its job and found nothing wrong, 1 it failed or found
something, 2 it was called wrongly. Results go to stdout, logs and progress
to stderr. Colours are for terminals only, and not where NO_COLOR is set.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(c.run(), c.status(), c.check(), c.verify(), c.report(), c.ddl(), c.version())
	ran, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFailed):
		return exitFailed
	}
	fmt.Fprintf(stderr, "chatlake: %v\nSee '%s --help'.\n", err, ran.CommandPath())
	return exitUsage
}

// failed says what failed and ends the command.
func (c command) failed(format string, args ...any) error {
	fmt.Fprintf(c.stderr, "chatlake: "+format+"\n", args...)
	return errFailed
}

// colour is a colour of a terminal.
type colour string

const (
	red    colour = "\x1b[31m"
	green  colour = "\x1b[32m"
	yellow colour = "\x1b[33m"
)

// paint colours a text for stdout where it is a terminal and its user has not said no (https://no-color.org).
func (c command) paint(in colour, text string) string {
	if !isTerminal(c.stdout) || handler.ParseEnviron(c.environ)["NO_COLOR"] != "" {
		return text
	}
	return string(in) + text + "\x1b[0m"
}

// firstError keeps the first error of many writes.
type firstError struct {
	w   io.Writer
	err error
}

func (f *firstError) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	if f.err == nil {
		f.err = err
	}
	return n, err
}
