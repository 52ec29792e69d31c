package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"chatlake/handler"
)

func (c command) check() *cobra.Command {
	var apps []int64
	var asJSON bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check configuration, apps, rights and the lake's health, and say what to do",
		Long: `Check what a run needs and what earlier ones left, a line each: the configuration,
each app's key and region, the rights in COS, the lease, clocks, the newest run, gaps
and damaged files. Nothing is pulled into the lake and nothing of the table is
touched; what is written is the writers' lease, which is taken and given back.

The function does the same for the event {"check":true}, with its own role and network.

Exit codes: 0 nothing failed (there may be warnings), 1 something failed, 2 the
command was called wrongly.

Environment:
` + variables(),
		Example: `  # before the first deployment
  export CHATLAKE_LAKE=https://lake-1250000000.cos.ap-singapore.myqcloud.com/im
  export CHATLAKE_APPS=file:apps.json TENCENTCLOUD_SECRETID=… TENCENTCLOUD_SECRETKEY=…
  chatlake check

  # some apps, for a function whose timeout is a minute
  chatlake check --apps 1400000001,1400000002 --timeout 60s

  # what failed, for a program
  chatlake check --json | jq '.checks[] | select(.status == "failed")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return c.runChecks(ctx, apps, asJSON)
		},
	}
	f := cmd.Flags()
	f.Int64SliceVar(&apps, "apps", nil, "`sdk_app_ids` to check, with commas between them (default: all configured)")
	f.BoolVar(&asJSON, "json", false, `print {"check":true,"status":…,"checks":[{"name":…,"status":…,"message":…},…]}`)
	f.DurationVar(&timeout, "timeout", 900*time.Second, "the time that runs have, and the checks too")
	return cmd
}

func (c command) runChecks(ctx context.Context, apps []int64, asJSON bool) error {
	payload, err := json.Marshal(struct {
		Check bool    `json:"check"`
		Apps  []int64 `json:"apps,omitempty"`
	}{true, apps})
	if err != nil {
		return err
	}
	report, err := handler.Check(ctx, handler.Job{Env: handler.ParseEnviron(c.environ), Payload: payload})
	if err != nil {
		return err
	}
	if asJSON {
		_, err = fmt.Fprintf(c.stdout, "%s\n", report.JSON())
	} else {
		_, err = io.WriteString(c.stdout, c.checkTable(report))
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "chatlake: failed to print the checks: %v\n", err)
		return errFailed
	}
	if report.Status == handler.Failed {
		return errFailed
	}
	return nil
}

// marks are how a check's status is shown. The words are for those who do not see the colours.
var marks = map[handler.Status]struct {
	sign string
	in   colour
}{
	handler.OK:      {"✓", green},
	handler.Warning: {"!", yellow},
	handler.Failed:  {"✗", red},
}

// checkTable shows a report, a check a line, and counts below.
func (c command) checkTable(report handler.Report) string {
	var text strings.Builder
	widest := 0
	count := make(map[handler.Status]int)
	for _, f := range report.Checks {
		widest = max(widest, len(f.Name))
		count[f.Status]++
	}
	for _, f := range report.Checks {
		status := c.paint(marks[f.Status].in, fmt.Sprintf("%s %-7s", marks[f.Status].sign, f.Status))
		fmt.Fprintf(&text, "%s  %-*s  %s\n", status, widest, f.Name, printable(f.Message))
	}
	var counts []string
	for _, s := range []handler.Status{handler.Failed, handler.Warning, handler.OK} {
		if n := count[s]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, s))
		}
	}
	fmt.Fprintf(&text, "\n%s\n", strings.Join(counts, ", "))
	return text.String()
}
