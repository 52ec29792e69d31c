package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"chatlake/handler"
	"chatlake/internal/stats"
	"chatlake/storage"
)

const (
	statusRuns = 10
	lateAfter  = 36 * time.Hour // a daily timer's run is never so old
)

// status is what chatlake status prints as JSON.
type status struct {
	Lake      string            `json:"lake"`
	Newest    *handler.Summary  `json:"newest"` // whole; null where no run was ever stored
	AgeHours  int               `json:"age_hours"`
	Attention []string          `json:"attention"` // what to do something about; empty if all is well
	Runs      []handler.Summary `json:"runs"`      // the newest first, without their gaps
	Apps      []appStatus       `json:"apps"`      // the one that loses a day first, first
}

// appStatus is what the lake has of an app.
type appStatus struct {
	ID       int64      `json:"sdk_app_id"`
	First    *stats.Day `json:"first"` // null where the lake has no row of it
	Last     *stats.Day `json:"last"`
	Missing  int        `json:"missing_days"` // that the API may still have
	Lost     int        `json:"lost_days"`
	NextLoss *stats.Day `json:"next_loss"` // the last day on which the API surely has all that is missing
}

func (c command) status() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the newest runs, what the lake has of each app, and what will be lost next",
		Long: `Show what the newest runs did, what the lake has of each app, and which days the API
will forget next. It reads summaries only, not the table: see 'chatlake verify' for that.

It needs CHATLAKE_LAKE and, for a lake in COS, the keys in TENCENTCLOUD_SECRETID,
TENCENTCLOUD_SECRETKEY and, for temporary ones, TENCENTCLOUD_SESSIONTOKEN.

Exit codes: 0 all is well, 1 something needs attention: the newest run is not ok or
older than 36 hours, or days will be lost within a week; 2 the command was called wrongly.`,
		Example: `  export CHATLAKE_LAKE=file:///srv/lake
  chatlake status

  # each app, also those that lack nothing
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
			if asJSON {
				err = c.printJSON(s)
			} else {
				err = c.printStatus(s, all)
			}
			if err != nil {
				return c.failed("printing failed: %v", err)
			}
			if len(s.Attention) > 0 {
				return errFailed
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON document: lake, newest, age_hours, attention, runs, apps")
	f.BoolVar(&all, "all", false, "show each app, also those that lack nothing")
	return cmd
}

func readStatus(ctx context.Context, lake *storage.Lake, now time.Time) (status, error) {
	s := status{Attention: []string{}, Runs: []handler.Summary{}, Apps: []appStatus{}}
	text, err := lake.LatestRun(ctx)
	if errors.Is(err, storage.ErrNotExist) {
		s.Attention = append(s.Attention, "no run was ever stored here: check CHATLAKE_LAKE, or pull for the first time by 'chatlake run'")
		return s, nil
	}
	if err != nil {
		return s, err
	}
	var newest handler.Latest
	if err := json.Unmarshal(text, &newest); err != nil {
		return s, fmt.Errorf("the newest run's summary is none: %w", err)
	}
	s.Newest = &newest.Summary
	today := stats.DayIn(now, stats.Beijing)
	runs, err := lake.Runs(ctx, stats.DayIn(now, time.UTC)-60, statusRuns)
	if err != nil {
		return s, err
	}
	for _, text := range runs {
		var run handler.Summary
		if err := json.Unmarshal(text, &run); err != nil {
			return s, fmt.Errorf("a stored summary is none: %w", err)
		}
		run.Gaps = []handler.Gap{}
		s.Runs = append(s.Runs, run)
	}
	s.inspect(newest, now, today)
	s.Apps = appsOf(newest)
	return s, nil
}

// inspect finds what needs attention.
func (s *status) inspect(newest handler.Latest, now time.Time, today stats.Day) {
	add := func(format string, args ...any) { s.Attention = append(s.Attention, fmt.Sprintf(format, args...)) }
	if began, err := time.Parse(time.RFC3339, newest.StartedAt); err == nil {
		age := now.Sub(began)
		s.AgeHours = int(age.Hours())
		if age > lateAfter {
			add("the newest run is %d hours old: see whether the function's timer is on", s.AgeHours)
		}
	}
	if newest.Status != handler.OK {
		add("the newest run is %s", newest.Status)
		for _, e := range newest.Errors[:min(len(newest.Errors), mostLines)] {
			add("%s", e.Describe())
		}
		if more := len(newest.Errors) - mostLines; more > 0 {
			add("%d more errors are in the newest run's summary", more)
		}
	}
	for _, g := range newest.Gaps {
		if g.Urgent(today) {
			add("%s: pull the app by 'chatlake run --app %d'", g.Describe(today), g.AppID)
		}
	}
}

func appsOf(newest handler.Latest) []appStatus {
	byID := make(map[int64]*appStatus)
	find := func(id int64) *appStatus {
		if byID[id] == nil {
			byID[id] = &appStatus{ID: id}
		}
		return byID[id]
	}
	for _, held := range newest.Coverage {
		a := find(held.AppID)
		a.First, a.Last = &held.First, &held.Last
	}
	for _, g := range newest.Gaps {
		a, days := find(g.AppID), int(g.To-g.From)+1
		switch {
		case g.SourceLacks:
		case g.Lost:
			a.Lost += days
		default:
			a.Missing += days
			if a.NextLoss == nil || g.LostAfter < *a.NextLoss {
				a.NextLoss = &g.LostAfter
			}
		}
	}
	apps := make([]appStatus, 0, len(byID))
	for _, a := range byID {
		apps = append(apps, *a)
	}
	const never = stats.Day(1 << 30)
	loss := func(a appStatus) stats.Day {
		if a.NextLoss == nil {
			return never
		}
		return *a.NextLoss
	}
	slices.SortFunc(apps, func(a, b appStatus) int {
		return cmp.Or(cmp.Compare(loss(a), loss(b)), cmp.Compare(b.Lost, a.Lost), cmp.Compare(a.ID, b.ID))
	})
	return apps
}

func (c command) printStatus(s status, all bool) error {
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "Lake\t%s\n", s.Lake)
	if s.Newest != nil {
		fmt.Fprintf(w, "Newest run\t%s, %s, %d hours ago\n", s.Newest.RunID, s.Newest.Status, s.AgeHours)
	}
	switch len(s.Attention) {
	case 0:
		fmt.Fprintf(w, "\n%s\n", c.paint(green, "All is well."))
	default:
		fmt.Fprintf(w, "\n%s\n", c.paint(red, "Needs attention:"))
		for _, text := range s.Attention {
			fmt.Fprintf(w, "  %s\n", text)
		}
	}
	if len(s.Runs) > 0 {
		fmt.Fprint(w, "\nNewest runs\nstarted (UTC)\tstatus\tby\ttook\tapps ok\tfailed\trows new\tchanged\trefused\tdays written\n")
	}
	for _, r := range s.Runs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", r.StartedAt, r.Status, r.Trigger, took(r), r.Apps.OK, r.Apps.Failed,
			r.Rows.Inserted, r.Rows.Updated, r.Rows.Rejected, len(r.Partitions.Written))
	}
	shown := s.Apps
	if !all {
		shown = slices.DeleteFunc(slices.Clone(s.Apps), func(a appStatus) bool { return a.Missing+a.Lost == 0 })
	}
	if len(s.Apps) > 0 {
		fmt.Fprintf(w, "\nApps: %d, of which %d lack days\n", len(s.Apps), len(s.Apps)-countWhole(s.Apps))
	}
	if len(shown) > 0 {
		fmt.Fprint(w, "sdk_app_id\tfirst day\tlast day\tmissing\tlost\tthe API has them until\n")
	}
	for _, a := range shown {
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%s\n", a.ID, dayOr(a.First), dayOr(a.Last), a.Missing, a.Lost, dayOr(a.NextLoss))
	}
	return w.Flush()
}

func countWhole(apps []appStatus) (n int) {
	for _, a := range apps {
		if a.Missing+a.Lost == 0 {
			n++
		}
	}
	return n
}

func dayOr(d *stats.Day) string {
	if d == nil {
		return "-"
	}
	return d.String()
}
