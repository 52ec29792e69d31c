package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"chatlake/handler"
	"chatlake/internal/stats"
	"chatlake/storage"
)

const (
	statusRuns = 10
	statusDays = 60 // that are looked back for them
)

// status is what chatlake status prints as JSON.
type status struct {
	Lake      string            `json:"lake"`
	Newest    *handler.Summary  `json:"newest"`    // whole; null where no run was ever stored
	AgeHours  int               `json:"age_hours"` // of the newest run
	Attention []string          `json:"attention"` // what to do something about; empty if all is well
	NextLoss  *stats.Day        `json:"next_loss"` // of all apps: the last day on which the API surely has all that is missing
	Runs      []handler.Summary `json:"runs"`      // the newest first, without their gaps
	Apps      []appStatus       `json:"apps"`      // the one that loses a day first, first
}

func (c command) status() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the newest runs, what the lake has of each app, and what will be lost next",
		Long: `Show what the newest runs did, what the lake has of each app, and which days the API
will forget next, also where no run came to notice. It reads the runs' summaries and, for
the apps' names, the newest files; to read the whole table is what 'chatlake verify' does.

` + needsLake + `
Exit codes: 0 all is well, 1 something needs attention: the newest run is not ok or
older than 36 hours, or days will be lost within a week; 2 the command was called or
configured wrongly.`,
		Example: `  export CHATLAKE_LAKE=file:///srv/lake
  chatlake status

  # each app and each gap, also those that need no attention
  chatlake status --all

  # what to do something about, for a program
  chatlake status --json | jq -r '.attention[]'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env := handler.ParseEnviron(c.environ)
			lake, err := handler.OpenLake(env, nil)
			if err != nil {
				return err
			}
			s, err := readStatus(cmd.Context(), lake, time.Now())
			if err != nil {
				return c.failed("the lake could not be read: %v", err)
			}
			s.Lake = env["CHATLAKE_LAKE"]
			out := &firstError{w: c.stdout}
			if asJSON {
				printJSON(out, s)
			} else {
				c.printStatus(out, s, all)
			}
			if out.err != nil {
				return c.failed("printing failed: %v", out.err)
			}
			if len(s.Attention) > 0 {
				return errFailed
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON document: lake, newest, age_hours, attention, next_loss, runs, apps")
	f.BoolVar(&all, "all", false, "show each app and each gap")
	return cmd
}

// needsLake is what commands that only read say of what they need.
const needsLake = `It needs CHATLAKE_LAKE and, for a lake in COS, the keys in TENCENTCLOUD_SECRETID,
TENCENTCLOUD_SECRETKEY and, for temporary ones, TENCENTCLOUD_SESSIONTOKEN, with the
rights GetObject and GetBucket on the lake. It changes nothing.
`

func (s *status) attend(format string, args ...any) {
	s.Attention = append(s.Attention, fmt.Sprintf(format, args...))
}

func readStatus(ctx context.Context, lake *storage.Lake, now time.Time) (status, error) {
	s := status{Attention: []string{}, Runs: []handler.Summary{}, Apps: []appStatus{}}
	var newest handler.Latest
	text, err := lake.LatestRun(ctx)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		s.attend("no run was ever stored here: check CHATLAKE_LAKE, or pull for the first time by 'chatlake run'")
		return s, nil
	case err != nil:
		return s, err
	}
	if err := json.Unmarshal(text, &newest); err != nil {
		s.attend("the newest run's summary, _runs/latest.json, cannot be read: %v: the next run writes it anew", err)
		newest = handler.Latest{}
	} else {
		s.Newest = &newest.Summary
	}
	runs, err := lake.Runs(ctx, stats.DayIn(now, time.UTC)-statusDays, statusRuns)
	if err != nil {
		return s, err
	}
	for _, text := range runs {
		var run handler.Summary
		if err := json.Unmarshal(text, &run); err != nil {
			s.attend("the stored summary of one of the newest runs cannot be read: %v", err)
			continue
		}
		if s.Newest == nil || clockOf(run.RunID) > clockOf(s.Newest.RunID) {
			whole := run // its summary could not be stored as the newest one
			s.Newest = &whole
		}
		run.Gaps = []handler.Gap{}
		s.Runs = append(s.Runs, run)
	}
	today := stats.DayIn(now, stats.Beijing)
	due := today - 1
	if s.Newest != nil {
		due = s.inspectRun(now, due)
	}
	s.Apps = standing(newest, due, today)
	s.inspectApps(today)
	troubles, err := nameApps(ctx, lake, s.Apps)
	s.Attention = append(s.Attention, troubles...)
	return s, err
}

// inspectRun looks at the newest run, and returns the newest day that should be there by now: a daily run that is not late yet
// brings the newer ones.
func (s *status) inspectRun(now time.Time, due stats.Day) stats.Day {
	if began, err := time.Parse(time.RFC3339, s.Newest.StartedAt); err == nil {
		age := now.Sub(began)
		s.AgeHours = int(age.Hours())
		if age > handler.LateAfter {
			s.attend("the newest run is %d hours old: see whether the function's timer is on, and what its log says", s.AgeHours)
		} else {
			due = min(due, stats.DayIn(began, stats.Beijing)-1)
		}
	}
	if s.Newest.Status == handler.OK {
		return due
	}
	s.attend("the newest run, %s, is %s: %d of %d apps and %d days failed, %d rows were refused", s.Newest.RunID, s.Newest.Status,
		s.Newest.Apps.Failed, s.Newest.Apps.Total, len(s.Newest.Partitions.Failed), s.Newest.Rows.Rejected)
	for _, e := range s.Newest.Errors {
		s.attend("%s", e.Describe())
	}
	return due
}

func (s *status) inspectApps(today stats.Day) {
	for _, a := range s.Apps {
		for _, g := range a.Gaps {
			if g.Urgent(today) && !a.Left {
				s.attend("%s: pull the app by 'chatlake run --apps %d'", g.Describe(today), g.AppID)
			}
		}
	}
	if len(s.Apps) > 0 {
		s.NextLoss = s.Apps[0].NextLoss
	}
}

const (
	fewApps     = 10 // are all shown
	mostApps    = 20
	mostGaps    = 3 // of an app
	widestName  = 24
	shownOfGaps = "--all shows them"
)

func (c command) printStatus(w io.Writer, s status, all bool) {
	fmt.Fprintf(w, "Lake        %s\n", s.Lake)
	if s.Newest != nil {
		fmt.Fprintf(w, "Newest run  %s, %s, %d hours ago\n", s.Newest.RunID, c.paint(statusColours[s.Newest.Status], string(s.Newest.Status)), s.AgeHours)
		fmt.Fprintf(w, "Next loss   %s\n", nextLoss(s.Apps))
	}
	if len(s.Attention) == 0 {
		fmt.Fprintf(w, "\n%s\n", c.paint(green, "All is well."))
	} else {
		fmt.Fprintf(w, "\n%s\n", c.paint(red, "Needs attention:"))
		lines(s.Attention, func(text string) { fmt.Fprintf(w, "  %s\n", printable(text)) },
			func(_, format string, args ...any) { fmt.Fprintf(w, "  "+format+"\n", args...) })
	}
	if len(s.Runs) > 0 {
		fmt.Fprint(w, "\nNewest runs\n")
		c.printTable(w, runRows(s.Runs))
	}
	if len(s.Apps) > 0 {
		lacking := 0
		for _, a := range s.Apps {
			if a.lacks() {
				lacking++
			}
		}
		fmt.Fprintf(w, "\nApps: %d, of which %d lack days\n", len(s.Apps), lacking)
		c.printApps(w, s.Apps, all)
	}
}

func nextLoss(apps []appStatus) string {
	if len(apps) == 0 || apps[0].NextLoss == nil {
		return "none in sight"
	}
	a := apps[0]
	for _, g := range a.Gaps {
		if g.LostAfter == *a.NextLoss {
			return fmt.Sprintf("%s: %s of app %d", daysLeft(*a.DaysLeft, g.LostAfter), g.From, a.ID)
		}
	}
	return a.NextLoss.String()
}

func daysLeft(left int, until stats.Day) string {
	switch {
	case left < 0:
		return "may be today"
	case left == 0:
		return "today is the last day"
	case left == 1:
		return "1 day left, until " + until.String()
	}
	return fmt.Sprintf("%d days left, until %s", left, until)
}

func runRows(runs []handler.Summary) [][]cell {
	rows := [][]cell{cells("run", "by", "source", "status", "took", "apps ok", "failed", "rows new", "changed", "refused", "days written")}
	for _, r := range runs {
		row := cells(r.RunID, r.Trigger, r.Source, string(r.Status), took(r), fmt.Sprint(r.Apps.OK), fmt.Sprint(r.Apps.Failed), fmt.Sprint(r.Rows.Inserted),
			fmt.Sprint(r.Rows.Updated), fmt.Sprint(r.Rows.Rejected), fmt.Sprint(len(r.Partitions.Written)))
		row[3].in = statusColours[r.Status]
		rows = append(rows, row)
	}
	return rows
}

// printApps prints a few apps whole, and of many those that lack days.
func (c command) printApps(w io.Writer, apps []appStatus, all bool) {
	shown := apps
	if !all && len(apps) > fewApps {
		shown = nil
		for _, a := range apps {
			if a.lacks() && len(shown) < mostApps {
				shown = append(shown, a)
			}
		}
	}
	if len(shown) > 0 {
		rows := [][]cell{cells("sdk_app_id", "name", "first day", "last day", "lacks", "")}
		for _, a := range shown {
			rows = append(rows, appRows(a, all)...)
		}
		c.printTable(w, rows)
	}
	if more := len(apps) - len(shown); more > 0 {
		fmt.Fprintf(w, "and %d more: %s\n", more, shownOfGaps)
	}
	if from, to, any := lostDays(apps); any {
		fmt.Fprintf(w, "\nWhat the API has lost, the raw archive may have: chatlake run --source raw --from %s --to %s --dry-run\n", from, to)
	}
}

// lostDays returns the first and the last of all days that the API has no more.
func lostDays(apps []appStatus) (from, to stats.Day, any bool) {
	for _, a := range apps {
		for _, g := range a.Gaps {
			if !g.Lost || g.SourceLacks {
				continue
			}
			if !any {
				from, to, any = g.From, g.To, true
			}
			from, to = min(from, g.From), max(to, g.To)
		}
	}
	return from, to, any
}

// appRows shows an app in a row for each of its gaps, or in one.
func appRows(a appStatus, all bool) (rows [][]cell) {
	row := cells(fmt.Sprint(a.ID), clip(a.Name, widestName), dayOr(a.First), dayOr(a.Last), "-", "")
	if a.Left {
		row[5] = cell{"not in the configuration any more", yellow}
	}
	gaps := a.Gaps
	if !all {
		gaps = nil
		for _, g := range a.Gaps {
			if !g.SourceLacks {
				gaps = append(gaps, g)
			}
		}
	}
	gaps = slices.Clone(gaps) // the most urgent first
	slices.SortStableFunc(gaps, func(x, y handler.Gap) int {
		switch {
		case x.Lost == y.Lost:
			return 0
		case y.Lost:
			return -1
		}
		return 1
	})
	more := 0
	if !all && len(gaps) > mostGaps {
		more = len(gaps) - mostGaps
		gaps = gaps[:mostGaps]
	}
	for _, g := range gaps {
		row[4].text = fmt.Sprintf("%s (%d)", span(g.From, g.To), g.To-g.From+1)
		if !a.Left {
			row[5] = fateCell(g, a, g.LostAfter)
		}
		rows = append(rows, row)
		row = cells("", "", "", "", "", "")
	}
	if more > 0 {
		rows = append(rows, cells("", "", "", "", fmt.Sprintf("and %d more ranges: %s", more, shownOfGaps), ""))
	}
	if rows == nil {
		rows = append(rows, row)
	}
	return rows
}

func fateCell(g handler.Gap, a appStatus, until stats.Day) cell {
	switch {
	case g.SourceLacks:
		return cell{"the API has not either", ""}
	case g.Lost:
		return cell{"lost, unless the raw archive has it", red}
	}
	left := *a.DaysLeft + int(until-*a.NextLoss)
	if left < 7 {
		return cell{daysLeft(left, until), red}
	}
	return cell{daysLeft(left, until), yellow}
}

func dayOr(d *stats.Day) string {
	if d == nil {
		return "-"
	}
	return d.String()
}
