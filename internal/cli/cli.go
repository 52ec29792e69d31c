// Package cli is chatlake's command line. Results go to stdout, logs and progress to stderr. A command ends with 0 if it
// did its job, 1 if it failed, 2 if it was called wrongly.
package cli

import (
	"context"
	"encoding/json"
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
	environ, found, dotEnvErr := withDotEnv(environ)
	c := command{environ, stdout, stderr}
	root := &cobra.Command{
		Use:   "chatlake",
		Short: "Keep the operations data of Tencent Chat apps in a data lake",
		Long: `chatlake pulls the last 30 days of operations data of each configured Tencent Chat
app and merges them into date-partitioned Parquet files, in a COS bucket or in a
directory. Inside SCF the same binary serves the function.

It is configured by environment variables: CHATLAKE_LAKE, CHATLAKE_APPS and others,
which 'chatlake run --help' lists. Those that the environment lacks may stand in a file
.env of the working directory, as NAME='value' lines.

Exit codes:
  0  the command did its job and found nothing wrong
  1  it failed, or found something wrong
  2  it was called or configured wrongly, and did nothing

Results go to stdout, logs and progress to stderr. What prints a table takes --json and
then prints one document. Colours are for terminals only, and not where NO_COLOR is set.`,
		Example: `  # a first look, from a machine of one's own: what would a run do, then do it
  export CHATLAKE_LAKE=file:///srv/lake CHATLAKE_APPS=file:/etc/chatlake/apps.json
  chatlake run --dry-run
  chatlake run

  # is all well, and is the table whole?
  chatlake status
  chatlake verify`,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			switch cmd.Name() {
			case "help", "version", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd:
				return nil // they read no variable
			}
			found.tell(stderr)
			return dotEnvErr
		},
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

// printJSON prints one document.
func printJSON(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	e.Encode(v) // w keeps its error
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
