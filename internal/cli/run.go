package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"chatlake/handler"
)

// request is the event that the flags of run make.
type request struct {
	From   string   `json:"from,omitempty"`
	To     string   `json:"to,omitempty"`
	Apps   []int64  `json:"apps,omitempty"`
	Fields []string `json:"fields,omitempty"`
	Source string   `json:"source,omitempty"`
	DryRun bool     `json:"dry_run,omitempty"`
}

func (c command) run() *cobra.Command {
	var req request
	var timeout time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Pull the apps and merge their rows into the lake",
		Long: `Pull the apps' operations data and merge the rows into the lake, as the function's
daily timer does, or rebuild days from the raw archive by --source raw. The summary goes
to stdout, as a table or by --json as one line; logs and progress go to stderr.

Exit codes: 0 the run did its job, 1 it failed (CHATLAKE_FAIL_ON says which failures
count), 2 the command was called or configured wrongly, and nothing was done.

Environment:
` + variables(),
		Example: `  # all apps, the last 30 days, into a directory
  export CHATLAKE_LAKE=file:///srv/lake CHATLAKE_APPS=file:/etc/chatlake/apps.json
  chatlake run

  # what would change, without writing anything
  chatlake run --dry-run

  # two apps, some days
  chatlake run --apps 1400000001,1400000002 --from 2026-11-01 --to 2026-11-07

  # days that the API has forgotten, from what earlier runs archived
  chatlake run --source raw --from 2026-05-01 --to 2026-05-31

  # the days that changed, for a program
  chatlake run --json | jq -r '.partitions.written[]'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return c.runOnce(ctx, req, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.From, "from", "", "first `day`, YYYY-MM-DD (default: the first that the API has)")
	f.StringVar(&req.To, "to", "", "last `day`, YYYY-MM-DD (default: the last that the API has)")
	f.Int64SliceVar(&req.Apps, "apps", nil, "`sdk_app_ids`, with commas between them (default: all configured)")
	f.StringSliceVar(&req.Fields, "fields", nil, "the API's `names` of the fields to pull, with commas between them (default: all)")
	f.StringVar(&req.Source, "source", "", "api, or raw for the raw archive (default: api)")
	f.BoolVar(&req.DryRun, "dry-run", false, "compute the summary, write nothing")
	f.BoolVar(&asJSON, "json", false, "print the summary as one line of JSON; README describes its keys")
	f.DurationVar(&timeout, "timeout", 900*time.Second, "end the run in this time, with what it has by then")
	return cmd
}

// variables lists what a run reads from the environment.
func variables() string {
	var text strings.Builder
	for _, v := range handler.Variables() {
		meaning := v.Meaning
		if v.Default != "" {
			meaning += " (default: " + v.Default + ")"
		}
		fmt.Fprintf(&text, "  %-29s%s\n", v.Name, meaning)
	}
	return strings.TrimRight(text.String(), "\n")
}

func (c command) runOnce(ctx context.Context, req request, asJSON bool) error {
	payload, err := json.Marshal(req)
	if err != nil {
		return err
	}
	show := newProgress(c.stderr)
	summary, err := handler.Run(ctx, handler.Job{
		Env:     handler.ParseEnviron(c.environ),
		Payload: payload,
		Logger: func(level slog.Level) *slog.Logger {
			return slog.New(slog.NewTextHandler(show, &slog.HandlerOptions{Level: level}))
		},
		Progress: show.update,
	})
	show.end()
	var failure *handler.Failure
	refused := errors.As(err, &failure) && failure.Refused
	out := &firstError{w: c.stdout}
	switch {
	case asJSON:
		fmt.Fprintf(out, "%s\n", summary.JSON())
	case !refused: // there is nothing to show of a run that was none
		c.printSummary(out, summary)
	}
	switch {
	case refused:
		return errors.New(failure.Reason)
	case failure != nil:
		return c.failed("%s", failure.Reason)
	case err != nil:
		return err
	case out.err != nil:
		return c.failed("the summary could not be printed: %v", out.err)
	}
	return nil
}
