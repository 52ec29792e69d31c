package report

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"time"

	"chatlake/internal/stats"
)

// Refused are rows of an app that runs refused for one reason. A row that stays wrong is refused by each run for as long as the
// API has it, so that the counts of several runs make no sum.
type Refused struct {
	AppID  int64
	Reason string // of the first row of each run; without its day
	Day    string // of that row in the newest of the runs; may be empty
	Rows   int    // in the newest of the runs
	Runs   int
	Newest time.Time
}

// A run tells of refused rows by a warning for each app; TestRefused holds this to what a run writes.
var (
	refusal    = regexp.MustCompile(`^app (\d+): (\d+) rows were refused and kept under _rejects; first: (.+)$`)
	refusedDay = regexp.MustCompile(`^(\d{4}-\d\d-\d\d): (.+)$`)
)

// refusals sums up what runs, the newest first, tell of refused rows.
func refusals(runs []Run) []Refused {
	var all []Refused
	for _, run := range runs {
		for _, warning := range run.Warnings {
			m := refusal.FindStringSubmatch(warning)
			if m == nil {
				continue
			}
			app, _ := strconv.ParseInt(m[1], 10, 64)
			rows, _ := strconv.Atoi(m[2])
			reason, day := m[3], ""
			if d := refusedDay.FindStringSubmatch(reason); d != nil {
				if _, err := stats.ParseDay(d[1]); err == nil {
					day, reason = d[1], d[2]
				}
			}
			i := slices.IndexFunc(all, func(r Refused) bool { return r.AppID == app && r.Reason == reason })
			if i < 0 {
				all = append(all, Refused{app, reason, day, rows, 0, run.Clock})
				i = len(all) - 1
			}
			all[i].Runs++
		}
	}
	slices.SortStableFunc(all, func(a, b Refused) int {
		return cmp.Or(b.Newest.Compare(a.Newest), cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.AppID, b.AppID))
	})
	return all
}
