package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

// round is one time that a query was asked: the rows, and the errors before it was answered.
type round struct {
	Rows   [][]string `json:"rows"` // nil where it never was
	Errors []string   `json:"errors"`
}

// readers are the engines that read while days are rewritten, each with the pause between two runs. Spark's reading of
// thirty files takes so long that without one each answer would meet a rewrite.
func readers() map[string]time.Duration {
	return map[string]time.Duration{"duckdb": 0, "spark": 4 * time.Second}
}

// watch asks for each day whether its rows are whole: each run gives all rows of all days the same number.
var watch = query{name: "watch", sql: `SELECT stat_date, count(*), count(DISTINCT sdk_app_id), min(up_msg_num), max(up_msg_num) FROM {{.Table}}
	GROUP BY stat_date ORDER BY stat_date`}

// generation is the emulator's data, with the number of the run in all rows.
func generation(n int) func(chattest.App, stats.Day, time.Time) map[string]any {
	return func(app chattest.App, day stats.Day, asOf time.Time) map[string]any {
		v := values(app, day, asOf)
		if v != nil {
			v["UpMsgNum"] = strconv.Itoa(n)
		}
		return v
	}
}

// whileRewriting has engines read a lake of thirty days, all of which each run rewrites, and reports whether each saw only
// whole days, old or new, and no error that asking again did not cure.
func (b bench) whileRewriting(ctx context.Context, chosen []engine, reading time.Duration, out io.Writer) (bool, error) {
	all := true
	for _, e := range chosen {
		pause, ok := readers()[e.name]
		if !ok {
			continue
		}
		b.lake = filepath.Join(b.scratch, "read by "+e.name)
		seen, err := b.read(ctx, e, reading, pause)
		if err != nil {
			return false, fmt.Errorf("%s while days are rewritten: %w", e.name, err)
		}
		fmt.Fprintf(out, "\n%s while days are rewritten: %s", e.name, seen)
		all = all && len(seen.faults) == 0 && len(seen.rounds) > 0
	}
	return all, nil
}

func (b bench) read(ctx context.Context, e engine, reading, pause time.Duration) (observed, error) {
	f, err := startFunction(ctx, b.binary, b.lake)
	defer f.stop()
	if err != nil {
		return observed{}, err
	}
	at := nth(61).Time().Add(3 * time.Hour)
	rewrite := func(n int) error {
		p := pull{at: at.Add(time.Duration(n) * time.Minute)}
		f.set(p.at, generation(n))
		_, err := f.run(p)
		return err
	}
	if err := rewrite(1); err != nil {
		return observed{}, err
	}
	j, err := b.job(ctx, e, []query{watch})
	if err != nil {
		return observed{}, err
	}
	j.Seconds = reading.Seconds()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var last atomic.Int64
	last.Store(1)
	ready, written := make(chan struct{}), make(chan error, 1)
	go func() {
		select {
		case <-ready:
		case <-ctx.Done():
			written <- nil
			return
		}
		for n := 2; ; n++ {
			if err := rewrite(n); err != nil {
				written <- err
				return
			}
			last.Store(int64(n))
			select {
			case <-ctx.Done():
				written <- nil
				return
			case <-time.After(pause):
			}
		}
	}()
	r, err := b.ask(ctx, e, j, func() { close(ready) })
	cancel()
	if werr := <-written; werr != nil {
		return observed{}, werr
	}
	return observe(r.Rounds, wholeDays(), int(last.Load())), err
}

// wholeDays is how many apps each of the thirty days has.
func wholeDays() map[string]int {
	days := make(map[string]int)
	for day := nth(31); day <= nth(numDays); day++ {
		for _, app := range apps {
			if app.Since <= day {
				days[day.String()]++
			}
		}
	}
	return days
}

// observed is what a reader saw.
type observed struct {
	rounds []round
	runs   int
	newest int         // generation
	mixed  int         // answers that had days of more than one generation
	errors map[int]int // answers by how many errors came before them
	sample string      // the first error
	faults []string
}

func observe(rounds []round, days map[string]int, runs int) observed {
	o := observed{rounds: rounds, runs: runs, errors: map[int]int{}}
	newest := make(map[string]int)
	for i, r := range rounds {
		if len(r.Errors) > 0 && o.sample == "" {
			o.sample = r.Errors[0]
		}
		if r.Rows == nil {
			o.faults = append(o.faults, fmt.Sprintf("answer %d: asking again did not help: %q", i+1, r.Errors))
			continue
		}
		o.errors[len(r.Errors)]++
		if len(r.Rows) != len(days) {
			o.faults = append(o.faults, fmt.Sprintf("answer %d: %d days, want %d", i+1, len(r.Rows), len(days)))
		}
		generations := map[string]bool{}
		for _, day := range r.Rows {
			n, err := strconv.Atoi(day[3])
			apps := strconv.Itoa(days[day[0]])
			if err != nil || day[1] != apps || day[2] != apps || day[3] != day[4] || n < newest[day[0]] || n > runs+1 {
				o.faults = append(o.faults, fmt.Sprintf("answer %d: %q is no whole day after generation %d", i+1, day, newest[day[0]]))
				continue
			}
			newest[day[0]], o.newest = n, max(o.newest, n)
			generations[day[3]] = true
		}
		if len(generations) > 1 {
			o.mixed++
		}
	}
	return o
}

func (o observed) String() string {
	s := fmt.Sprintf("%d answers during %d runs of 30 rewritten days each, up to the data of run %d; %d answers had days of two runs or more\n",
		len(o.rounds), o.runs-1, o.newest, o.mixed)
	for _, n := range slices.Sorted(maps.Keys(o.errors)) {
		s += fmt.Sprintf("  %d answers after %d errors\n", o.errors[n], n)
	}
	if o.sample != "" {
		s += fmt.Sprintf("  the first error: %s\n", o.sample)
	}
	for _, fault := range o.faults[:min(len(o.faults), 10)] {
		s += "  WRONG: " + fault + "\n"
	}
	if len(o.faults) == 0 {
		s += "  each day was the old one or the new one, and no row came twice\n"
	}
	return s
}
