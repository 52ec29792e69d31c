package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"chatlake/handler"
	"chatlake/internal/stats"
	"chatlake/storage"
)

// appStatus is what the lake has of an app, and lacks as of now: also where no run came to find it.
type appStatus struct {
	ID       int64         `json:"sdk_app_id"`
	Name     string        `json:"name,omitempty"` // of its newest row
	First    *stats.Day    `json:"first"`          // null where the lake has no row of it
	Last     *stats.Day    `json:"last"`
	Left     bool          `json:"left,omitempty"` // it is no more in the configuration of the newest run
	Missing  int           `json:"missing_days"`   // that the API may still have
	Lost     int           `json:"lost_days"`
	NextLoss *stats.Day    `json:"next_loss"` // the last day on which the API surely has all that is missing
	DaysLeft *int          `json:"days_left"` // until then; negative if the API may forget the first today
	Gaps     []handler.Gap `json:"gaps"`
}

func (a appStatus) lacks() bool { return a.Missing+a.Lost > 0 }

// standing finds what the lake has and lacks of each app, the one that loses a day first, first. due is the newest day that
// should be there.
func standing(newest handler.Latest, due, today stats.Day) []appStatus {
	byID := make(map[int64]*appStatus)
	find := func(id int64) *appStatus {
		if byID[id] == nil {
			byID[id] = &appStatus{ID: id, Gaps: []handler.Gap{}}
		}
		return byID[id]
	}
	known := make(map[int64][]handler.Gap)
	for _, g := range newest.Gaps {
		find(g.AppID)
		known[g.AppID] = append(known[g.AppID], g)
	}
	for _, held := range newest.Coverage {
		a := find(held.AppID)
		a.First, a.Last = &held.First, &held.Last
	}
	for _, a := range byID {
		a.judge(known[a.ID], lookedUpTo(newest), due, today)
	}
	const never = stats.Day(1 << 30)
	loss := func(a appStatus) stats.Day {
		if a.NextLoss == nil {
			return never
		}
		return *a.NextLoss
	}
	apps := make([]appStatus, 0, len(byID))
	for _, a := range byID {
		apps = append(apps, *a)
	}
	slices.SortFunc(apps, func(a, b appStatus) int {
		return cmp.Or(cmp.Compare(loss(a), loss(b)), cmp.Compare(b.Lost, a.Lost), cmp.Compare(a.ID, b.ID))
	})
	return apps
}

// judge finds the gaps of an app: those that the newest run knew, and the days since.
func (a *appStatus) judge(known []handler.Gap, looked, due, today stats.Day) {
	add := func(day stats.Day, sourceLacks bool) {
		lost := day < today-handler.APIDays
		if n := len(a.Gaps); n > 0 && a.Gaps[n-1].To == day-1 && a.Gaps[n-1].Lost == lost && a.Gaps[n-1].SourceLacks == sourceLacks {
			a.Gaps[n-1].To = day
			return
		}
		a.Gaps = append(a.Gaps, handler.Gap{AppID: a.ID, From: day, To: day, LostAfter: day + handler.APIDays - 1, Lost: lost, SourceLacks: sourceLacks})
	}
	slices.SortFunc(known, func(x, y handler.Gap) int { return cmp.Compare(x.From, y.From) })
	newest := stats.Day(0) // that is there, or known to be missing
	if a.Last != nil {
		newest = *a.Last
	}
	for _, g := range known {
		for day := g.From; day <= g.To; day++ {
			add(day, g.SourceLacks)
		}
		newest = max(newest, g.To)
	}
	// A run knows the gaps of each configured app up to its own yesterday.
	a.Left = looked > 0 && newest < looked
	for day := newest + 1; day <= due && !a.Left; day++ {
		add(day, false)
	}
	for _, g := range a.Gaps {
		days := int(g.To-g.From) + 1
		switch {
		case g.SourceLacks:
		case g.Lost:
			a.Lost += days
		default:
			a.Missing += days
			if a.NextLoss == nil || g.LostAfter < *a.NextLoss {
				left := int(g.LostAfter - today)
				a.NextLoss, a.DaysLeft = &g.LostAfter, &left
			}
		}
	}
}

// clockOf returns the run's clock as its id begins with it.
func clockOf(runID string) string {
	clock, _, _ := strings.Cut(runID, "-")
	return clock
}

// lookedUpTo returns the newest day that a run looked into for gaps: its clock's yesterday.
func lookedUpTo(newest handler.Latest) stats.Day {
	at, err := time.Parse("20060102T150405Z", clockOf(newest.RunID))
	if err != nil {
		return 0
	}
	return stats.DayIn(at, stats.Beijing) - 1
}

// nameApps gives apps the names of their newest rows, from a file for each newest day, and returns what is to be said of files
// that cannot be read.
func nameApps(ctx context.Context, lake *storage.Lake, apps []appStatus) (troubles []string, err error) {
	byDay := make(map[stats.Day]map[int64]*appStatus)
	for i, a := range apps {
		if a.Last == nil {
			continue
		}
		if byDay[*a.Last] == nil {
			byDay[*a.Last] = make(map[int64]*appStatus)
		}
		byDay[*a.Last][a.ID] = &apps[i]
	}
	const mostFiles = 10 // an app whose newest row is far older than most goes without
	days := slices.Sorted(maps.Keys(byDay))
	slices.Reverse(days)
	for _, day := range days[:min(mostFiles, len(days))] {
		rows, err := lake.ReadDay(ctx, day)
		var damaged *storage.DamagedError
		if errors.As(err, &damaged) {
			troubles = append(troubles, damaged.Error())
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s failed: %w", day, err)
		}
		for i := range rows {
			if a := byDay[day][rows[i].AppID]; a != nil {
				a.Name = rows[i].Text("AppName")
			}
		}
	}
	return troubles, nil
}
