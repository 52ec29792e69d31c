package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"chatlake/handler"
	"chatlake/internal/report"
)

func (c command) report() *cobra.Command {
	var out string
	var days int
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write a page that shows what the lake holds, the apps' trends and the newest runs",
		Long: `Write one HTML file that shows the lake: what needs attention, which days of which
app are there, revised, missing or lost, the trends of each app, the newest runs, gaps
and refused rows. The file needs no network and no script. The lake is only read.

It reads one file a day and needs CHATLAKE_LAKE and, for a lake in COS, the keys in
TENCENTCLOUD_SECRETID, TENCENTCLOUD_SECRETKEY and, for temporary ones,
TENCENTCLOUD_SESSIONTOKEN, with the rights GetObject and GetBucket on the lake.

Exit codes: 0 the page was written, whatever it tells, 1 it could not be, 2 the command
was called wrongly.`,
		Example: `  # the last 90 days, into report.html
  export CHATLAKE_LAKE=file:///srv/lake
  chatlake report

  # a year, to another place
  chatlake report --days 365 -o /srv/www/lake.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 || days > maxReportDays {
				return fmt.Errorf("--days is %d: it must be from 1 to %d", days, maxReportDays)
			}
			if out == "" {
				return errors.New("--output is empty: name a file, or - for stdout")
			}
			return c.writeReport(cmd.Context(), out, days)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "output", "o", "report.html", "`file` to write, - for stdout")
	f.IntVar(&days, "days", 90, "`number` of days to show, up to yesterday")
	return cmd
}

// maxReportDays keeps the page's size within reason.
const maxReportDays = 3660

func (c command) writeReport(ctx context.Context, out string, days int) error {
	env := handler.ParseEnviron(c.environ)
	lake, err := handler.OpenLake(env, nil)
	if err != nil {
		return err
	}
	made, err := report.Read(ctx, lake, env["CHATLAKE_LAKE"], days, time.Now())
	if err != nil {
		return c.failed("the lake could not be read: %v", err)
	}
	var page bytes.Buffer // a page that can't be made whole replaces none
	if err = made.Write(&page); err == nil {
		if out == "-" {
			_, err = c.stdout.Write(page.Bytes())
		} else {
			err = os.WriteFile(out, page.Bytes(), 0o644)
		}
	}
	if err != nil {
		return c.failed("the report could not be written: %v", err)
	}
	if out != "-" {
		fmt.Fprintf(c.stdout, "%s: %s\n", out, made)
	}
	return nil
}
