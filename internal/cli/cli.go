// Package cli is chatlake's command line. Results go to stdout, logs and progress to stderr. A command ends with 0 if it
// did its job, 1 if it failed, 2 if it was called wrongly.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
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
	root := &cobra.Command{
		Use:   "chatlake",
		Short: "Keep the operations data of Tencent Chat apps in a data lake",
		Long: `chatlake pulls the last 30 days of operations data of each configured Tencent Chat
app and merges them into date-partitioned Parquet files, in a COS bucket or in a
directory. It is configured by environment variables (CHATLAKE_LAKE, CHATLAKE_APPS
and others; see README). Inside SCF the same binary serves the function.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(c.run(), c.ddl())
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
