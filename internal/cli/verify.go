package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"chatlake/handler"
	"chatlake/internal/stats"
	"chatlake/storage"
)

const (
	filesAtOnce = 8
	apiDays     = 30
)

// verified is what chatlake verify prints as JSON.
type verified struct {
	Days    int         `json:"days"` // files of the table
	Rows    int         `json:"rows"`
	Apps    int         `json:"apps"`
	Damaged []damage    `json:"damaged"` // files that cannot be read, or have an app twice, or rows of another day
	Strange []string    `json:"strange"` // objects in the table's folder that no run has put there
	Missing []missing   `json:"missing"` // days between an app's first and its last, but for those that the API had not either
	Archive *archiveSum `json:"archive,omitempty"`
}

type damage struct {
	Day    *stats.Day `json:"day,omitempty"`
	Key    string     `json:"key,omitempty"`
	Error  string     `json:"error"`
	Repair string     `json:"repair,omitempty"`
}

type missing struct {
	AppID  int64     `json:"sdk_app_id"`
	From   stats.Day `json:"from"`
	To     stats.Day `json:"to"`
	Repair string    `json:"repair"`
}

// archiveSum is what the raw archive has.
type archiveSum struct {
	Objects int      `json:"objects"`
	Answers int      `json:"answers"`
	Damaged []damage `json:"damaged"`
}

func (v verified) wrong() bool {
	return len(v.Damaged)+len(v.Strange)+len(v.Missing) > 0 || v.Archive != nil && len(v.Archive.Damaged) > 0
}

func (c command) verify() *cobra.Command {
	var asJSON, raw bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read the whole table and say what is damaged, missing or strange, and how to repair it",
		Long: `Read every file of the table and say which cannot be read, which days an app lacks
between its first and its last, and what lies in the table's folder that does not belong
there; and for each how to repair it. Nothing is changed.

It needs CHATLAKE_LAKE and, for a lake in COS, the keys in TENCENTCLOUD_SECRETID,
TENCENTCLOUD_SECRETKEY and, for temporary ones, TENCENTCLOUD_SESSIONTOKEN.

Exit codes: 0 the table is whole, 1 it is not, 2 the command was called wrongly.`,
		Example: `  export CHATLAKE_LAKE=file:///srv/lake
  chatlake verify

  # the raw archive too
  chatlake verify --raw

  # the commands that would repair what is damaged
  chatlake verify --json | jq -r '.damaged[].repair'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lake, err := handler.OpenLake(handler.ParseEnviron(c.environ), nil)
			if err != nil {
				return err
			}
			v, err := c.readTable(cmd.Context(), lake)
			if err == nil && raw {
				v.Archive, err = c.readArchive(cmd.Context(), lake)
			}
			if err != nil {
				return c.failed("the lake could not be read: %v", err)
			}
			if asJSON {
				err = c.printJSON(v)
			} else {
				err = c.printVerified(v)
			}
			if err != nil {
				return c.failed("printing failed: %v", err)
			}
			if v.wrong() {
				return errFailed
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON document: days, rows, apps, damaged, strange, missing, archive")
	f.BoolVar(&raw, "raw", false, "read the raw archive too")
	return cmd
}

func (c command) readTable(ctx context.Context, lake *storage.Lake) (verified, error) {
	v := verified{Damaged: []damage{}, Strange: []string{}, Missing: []missing{}}
	listing, err := lake.Days(ctx)
	if err != nil {
		return v, err
	}
	v.Days = len(listing.Days)
	v.Strange = append(v.Strange, listing.Strange...)
	lacks, err := sourceLacks(ctx, lake)
	if err != nil {
		return v, err
	}
	today := stats.DayIn(time.Now(), stats.Beijing)
	last := make(map[int64]stats.Day) // that each app has so far
	show := newProgress(c.stderr, "reading", "files")
	defer show.end()
	done := 0
	for days := range slices.Chunk(listing.Days, filesAtOnce) {
		rows := make([][]stats.Row, len(days))
		faults := make([]error, len(days))
		var group errgroup.Group
		for i, day := range days {
			group.Go(func() error {
				rows[i], faults[i] = lake.ReadDay(ctx, day)
				return nil
			})
		}
		group.Wait()
		for i, day := range days {
			var damaged *storage.DamagedError
			switch {
			case errors.As(faults[i], &damaged):
				v.Damaged = append(v.Damaged, damage{
					Day: &day, Key: damaged.Key, Error: damaged.Err.Error(),
					Repair: fmt.Sprintf("chatlake run --source raw --from %s --to %s", day, day),
				})
				// What it has of whom is unknown: no gap is told of for it.
				for app, before := range last {
					if before == day-1 {
						last[app] = day
					}
				}
				continue
			case faults[i] != nil:
				return v, faults[i]
			}
			v.Rows += len(rows[i])
			for _, row := range rows[i] {
				if before, ok := last[row.AppID]; ok && before+1 < day {
					v.Missing = append(v.Missing, gapsBetween(row.AppID, before+1, day-1, today, lacks)...)
				}
				last[row.AppID] = day
			}
		}
		done += len(days)
		show.update(done, len(listing.Days), len(v.Damaged))
	}
	v.Apps = len(last)
	return v, nil
}

// appDay is a day of an app.
type appDay struct {
	app int64
	day stats.Day
}

// sourceLacks returns the days that the API had not either, by the newest run.
func sourceLacks(ctx context.Context, lake *storage.Lake) (map[appDay]bool, error) {
	text, err := lake.LatestRun(ctx)
	if errors.Is(err, storage.ErrNotExist) {
		return nil, nil
	}
	var newest handler.Latest
	if err == nil {
		err = json.Unmarshal(text, &newest)
	}
	if err != nil {
		return nil, fmt.Errorf("the newest run's summary cannot be read: %w", err)
	}
	lacks := make(map[appDay]bool)
	for _, g := range newest.Gaps {
		for day := g.From; day <= g.To && g.SourceLacks; day++ {
			lacks[appDay{g.AppID, day}] = true
		}
	}
	return lacks, nil
}

// gapsBetween makes of days that an app lacks ranges, with what may bring them back.
func gapsBetween(app int64, from, to, today stats.Day, lacks map[appDay]bool) (gaps []missing) {
	for day := from; day <= to; day++ {
		reach := day >= today-apiDays
		switch n := len(gaps); {
		case lacks[appDay{app, day}]:
		case n > 0 && gaps[n-1].To == day-1 && reach == (gaps[n-1].From >= today-apiDays):
			gaps[n-1].To = day
		default:
			gaps = append(gaps, missing{AppID: app, From: day, To: day})
		}
	}
	for i, g := range gaps {
		gaps[i].Repair = fmt.Sprintf("chatlake run --source raw --app %d --from %s --to %s", app, g.From, g.To)
		if g.From >= today-apiDays {
			gaps[i].Repair = fmt.Sprintf("chatlake run --app %d --from %s --to %s", app, g.From, g.To)
		}
	}
	return gaps
}

func (c command) readArchive(ctx context.Context, lake *storage.Lake) (*archiveSum, error) {
	sum := archiveSum{Damaged: []damage{}}
	objects, err := lake.RawObjects(ctx, 0, stats.Day(math.MaxInt32))
	if err != nil {
		return nil, err
	}
	show := newProgress(c.stderr, "reading", "archive objects")
	defer show.end()
	for i, o := range objects {
		body, err := lake.ReadRaw(ctx, o.Key)
		if err != nil {
			return nil, err
		}
		sum.Objects++
		if err := storage.ReadArchive(bytes.NewReader(body), func(storage.RawAnswer) error {
			sum.Answers++
			return nil
		}); err != nil {
			sum.Damaged = append(sum.Damaged, damage{Key: o.Key, Error: err.Error()})
		}
		show.update(i+1, len(objects), len(sum.Damaged))
	}
	return &sum, nil
}

func (c command) printVerified(v verified) error {
	out := &firstError{w: c.stdout}
	fmt.Fprintf(out, "%d files, %d rows of %d apps\n", v.Days, v.Rows, v.Apps)
	if v.Archive != nil {
		fmt.Fprintf(out, "%d objects of the raw archive, %d answers\n", v.Archive.Objects, v.Archive.Answers)
	}
	if !v.wrong() {
		fmt.Fprintf(out, "%s\n", c.paint(green, "The table is whole."))
		return out.err
	}
	for _, d := range v.Damaged {
		fmt.Fprintf(out, "\n%s %s: %s\n  repair it from the raw archive: %s\n", c.paint(red, "damaged"), d.Key, d.Error, d.Repair)
	}
	if len(v.Missing) > 0 {
		byApp := make(map[int64][]missing)
		for _, m := range v.Missing {
			byApp[m.AppID] = append(byApp[m.AppID], m)
		}
		for _, app := range slices.Sorted(maps.Keys(byApp)) {
			gaps := byApp[app]
			fmt.Fprintf(out, "\n%s of app %d:\n", c.paint(yellow, "missing"), app)
			for _, g := range gaps[:min(len(gaps), mostLines)] {
				fmt.Fprintf(out, "  %s: %s\n", span(g.From, g.To), g.Repair)
			}
			if more := len(gaps) - mostLines; more > 0 {
				fmt.Fprintf(out, "  and %d more ranges: see --json\n", more)
			}
		}
	}
	for _, key := range v.Strange {
		fmt.Fprintf(out, "\n%s %s: query engines read every file in the table's folder; move it away\n", c.paint(yellow, "strange"), key)
	}
	if v.Archive != nil {
		for _, d := range v.Archive.Damaged {
			fmt.Fprintf(out, "\n%s %s: %s\n  a replay does without it\n", c.paint(red, "damaged"), d.Key, d.Error)
		}
	}
	return out.err
}
