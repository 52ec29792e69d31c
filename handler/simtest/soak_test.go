package simtest_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

var (
	soakDays = flag.Int("soak.days", 40, "the soak's days")
	soakApps = flag.Int("soak.apps", 8, "the soak's apps at its beginning")
	soakSeed = flag.Uint64("soak.seed", 1, "the soak's seed")
)

const (
	soakFaults = 0.05 // of all requests
	soakStuck  = 0.1  // of the faults: whatever the run tries again fails again
	soakKills  = 0.03 // of the runs
	soakSpan   = 900 * time.Second

	oldestRevision = 25 // days after which the API leaves a day as it is
	longestAway    = 20 // days that an app leaves the configuration for
)

// TestSoak lets the timer fire once a day, for a year with -soak.days=365 -soak.apps=50. A failed run is retried twice, a
// minute apart, as SCF does it. The API revises days up to 25 days back, and tells of some late; apps come, leave and return.
func TestSoak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, *soakSeed)
		s := &soak{
			w: w, met: make(map[string]int), revisions: make(map[rowKey]int), returns: make(map[int64]stats.Day),
			leaves: make(map[int64]bool),
		}
		w.soak = s
		defer w.end()
		w.api = newService(w, *soakApps+*soakApps/5)
		w.api.still = true // it changes between runs
		ids := w.api.ids()
		w.configured, s.reserve = ids[:*soakApps:*soakApps], ids[*soakApps:]
		for day := range *soakDays {
			fires := sleepUntilTheTimer()
			if day == 0 {
				for _, app := range w.configured {
					s.begin(app)
				}
			}
			s.day(fires)
			w.mustStand()
		}
		s.conclude()
	})
}

// soak is a world's long life, and what is counted of it.
type soak struct {
	w       *world
	reserve []int64             // apps to come
	returns map[int64]stats.Day // apps that are away, and until when
	leaves  map[int64]bool      // apps that have left for good
	hidden  []*served           // rows that the API does not give yet

	met       map[string]int // faults by kind
	revisions map[rowKey]int // how often the API changed a row

	sent, faulty         int
	runs, retries, kills int
	failed, unlucky      int // runs that failed; those among them that no request's every attempt made fail
	missedDays           int // on which all three runs failed
	doubled              int
}

func (s *soak) again() string {
	return fmt.Sprintf("-run TestSoak -soak.days=%d -soak.apps=%d -soak.seed=%d", *soakDays, *soakApps, *soakSeed)
}

func sleepUntilTheTimer() (fires time.Time) {
	fires = time.Now().UTC().Truncate(24 * time.Hour).Add(3*time.Hour + 30*time.Minute)
	if !fires.After(time.Now()) {
		fires = fires.Add(24 * time.Hour)
	}
	time.Sleep(time.Until(fires))
	return fires
}

// day is a day at which the timer fires.
func (s *soak) day(fires time.Time) {
	w := s.w
	s.configure()
	for _, app := range w.configured {
		s.bring(app, today()-1)
	}
	s.hidden = slices.DeleteFunc(s.hidden, func(r *served) bool {
		r.hidden = r.hidden && w.chance(0.4)
		return !r.hidden
	})
	s.revise(1)
	for attempt := range 3 {
		runs := []*run{s.prepare(fires)}
		if w.chance(0.02) { // the timer fires twice
			runs = append(runs, s.prepare(fires))
			runs[1].after = time.Duration(w.rng.IntN(60)) * time.Second
			s.doubled++
		}
		if attempt > 0 {
			s.retries++
		}
		w.do(runs...)
		if w.t.Failed() || !runs[0].dead && runs[0].err == nil {
			return
		}
		time.Sleep(time.Minute)
		s.revise(0.2)
	}
	s.missedDays++
}

func (s *soak) prepare(fires time.Time) *run {
	r := s.w.prepare(ask{timer: true})
	r.clock, r.lasts, r.faults = fires, soakSpan, soakFaults
	if s.w.chance(soakKills) {
		r.kill.nth = 1 + s.w.rng.IntN(60+len(r.apps))
	}
	s.runs++
	s.w.note("%s: %d apps, killed at request %d", r, len(r.apps), r.kill.nth)
	return r
}

// configure lets apps come, leave and return.
func (s *soak) configure() {
	w := s.w
	share := float64(*soakApps) / 10 / float64(*soakDays)
	if len(s.reserve) > 0 && w.chance(2*share) {
		app := s.reserve[0]
		s.reserve = s.reserve[1:]
		w.configured = append(slices.Clone(w.configured), app)
		s.begin(app)
		w.note("app %d comes", app)
	}
	for app, day := range maps.Clone(s.returns) {
		if day == today() {
			delete(s.returns, app)
			w.configured = append(slices.Clone(w.configured), app)
			for day := today() - apiDays; day < today(); day++ {
				s.bring(app, day)
			}
			w.note("app %d returns", app)
		}
	}
	leave := func() int64 {
		i := w.rng.IntN(len(w.configured))
		app := w.configured[i]
		w.configured = slices.Delete(slices.Clone(w.configured), i, i+1)
		return app
	}
	if w.chance(share) {
		app := leave()
		s.leaves[app] = true
		maps.DeleteFunc(w.api.rows[app], func(_ stats.Day, r *served) bool { return r.hidden })
		w.note("app %d leaves", app)
	}
	if w.chance(share) {
		app := leave()
		s.returns[app] = today() + stats.Day(1+w.rng.IntN(longestAway))
		w.note("app %d leaves until %s", app, s.returns[app])
	}
}

// begin makes an app that is new today, or that the API has known for long.
func (s *soak) begin(app int64) {
	if s.w.chance(0.5) {
		for day := today() - apiDays; day < today(); day++ {
			s.bring(app, day)
		}
	}
}

// bring gives an app its row of a day, unless it has it, and half of the apps one of the day after, which goes on.
func (s *soak) bring(app int64, day stats.Day) {
	w, rows := s.w, s.w.api.rows[app]
	first := len(rows) == 0
	if r := rows[day]; r == nil {
		rows[day] = &served{fields: w.api.fields(w.rng)}
		if !first && day == today()-1 && w.chance(0.03) {
			rows[day].hidden = true
			s.hidden = append(s.hidden, rows[day])
		}
	} else if day == today()-1 {
		for _, field := range counters {
			s.set(app, day, field)
		}
	}
	if app%2 == 0 && day == today()-1 {
		rows[today()] = &served{fields: w.api.fields(w.rng)}
	}
}

// revise lets the API correct a share of the rows, most of them young.
func (s *soak) revise(share float64) {
	w := s.w
	for _, app := range w.configured {
		for age := stats.Day(1); age <= oldestRevision; age++ {
			p := 0.004
			if age <= 3 {
				p = 0.1
			}
			day := today() - age
			r := w.api.rows[app][day]
			if r == nil || !w.chance(p*share) {
				continue
			}
			field := slices.Concat(counters, texts, unknown)[w.rng.IntN(len(counters)+len(texts)+len(unknown))]
			switch w.rng.IntN(5) {
			case 0:
				delete(r.fields, field)
				w.note("API: app %d on %s loses %s", app, day, field)
			case 1:
				r.fields[field] = []any{nil, ""}[w.rng.IntN(2)]
				w.note("API: app %d on %s blanks %s", app, day, field)
			default:
				s.set(app, day, field)
			}
		}
	}
}

func (s *soak) set(app int64, day stats.Day, field string) {
	value := s.w.api.text
	if slices.Contains(counters, field) {
		value = s.w.api.value
	}
	fields := s.w.api.rows[app][day].fields
	fields[field] = value(s.w.rng)
	s.revisions[rowKey{app, day}]++
	s.w.note("API: app %d on %s has %s %v", app, day, field, fields[field])
}

// fateOf is what becomes of a request of the soak.
func (s *soak) fateOf(q *request, dice *rand.Rand) fate {
	faults := q.run.faults
	if stuck := s.w.roll("stuck", q.run.n, q.name); stuck.Float64() < faults*soakStuck {
		f := s.fault(q, stuck)
		f.stuck = true
		return f
	}
	if dice.Float64() < faults*(1-soakStuck) {
		return s.fault(q, dice)
	}
	return fate{}
}

// passing are the API's answers that another attempt may cure.
var passing = []chattest.Fault{
	{Code: 60007},
	{Code: 60011},
	{Code: 60018},
	{Code: 60019},
	{Code: 60008},
	{Code: 60013},
	{Code: 60014},
	{Code: 70169},
	{Code: 70202},
	{Code: 70500},
	{Code: 130009},
	{Code: 130010},
	{Code: 130011},
	{Code: 130012},
	{Code: 70001},
	{Code: 99999},
	{Status: 500},
	{Status: 502},
	{Status: 503},
	{Status: 504},
	{Status: 429},
	{Body: []byte("<html>502 Bad Gateway</html>")},
	{Body: []byte{}},
	{Body: []byte(`{"ErrorCode":0,"Result":[{"Da`)},
}

func (s *soak) fault(q *request, dice *rand.Rand) (f fate) {
	if dice.IntN(6) == 0 {
		f.delay = time.Duration(dice.Int64N(int64(longestStray)))
		f.stray = q.http.Method == http.MethodPut && !(q.isLock() && s.w.versioned) && dice.IntN(2) == 0
		return f
	}
	f.kind, f.chat = pickKind(q, dice)
	if f.kind == chatFault {
		f.chat = &passing[dice.IntN(len(passing))]
	}
	return f
}

// count notes a request and its fate.
func (s *soak) count(q *request) {
	s.sent++
	f := q.fate
	what := string(f.kind)
	switch {
	case f.delay > 0:
		what = "an answer after seconds"
	case f.kind == fine:
		return
	case f.chat != nil && f.chat.Code != 0:
		what = fmt.Sprintf("code %d", f.chat.Code)
	case f.chat != nil && f.chat.Status != 0:
		what = fmt.Sprintf("status %d", f.chat.Status)
	}
	s.faulty++
	s.met[what]++
	q.run.stuck = q.run.stuck || f.stuck
}

// settled holds the lake to what it must have after some runs, and forgets what is no more needed of them.
func (s *soak) settled(runs []*run) {
	w := s.w
	since := today() - apiDays - 2
	w.books.thin(since)
	w.books.check(since)
	for _, r := range runs {
		switch {
		case r.dead:
			s.kills++
		case r.err != nil:
			s.failed++
			if r.entered && !r.stuck {
				s.unlucky++
			}
		}
		for _, g := range r.summary.Gaps {
			if g.Lost && !r.dead {
				w.wrong("%s tells of days that are lost: %+v", r, g)
			}
		}
		r.began, r.archive, r.held, r.known, r.answers, r.counts = nil, nil, nil, nil, nil, nil
	}
}

// conclude ends the faults and holds the lake to all that the API ever told.
func (s *soak) conclude() {
	w := s.w
	time.Sleep(time.Hour)
	for _, r := range s.hidden {
		r.hidden = false
	}
	w.confirm(0)
	rows := 0
	for app, days := range w.api.rows {
		rows += len(days)
		first, last := today(), stats.Day(0)
		for day := range days {
			first, last = min(first, day), max(last, day)
			key := rowKey{app, day}
			if row := w.table.rows[key]; row != nil && row.revision-1 > int64(s.revisions[key]) {
				w.wrong("app %d on %s has revision %d after %d changes", app, day, row.revision, s.revisions[key])
			}
		}
		if !s.leaves[app] && len(days) > 0 && int(last-first)+1 != len(days) {
			w.wrong("the test's own API lacks days of app %d", app)
		}
	}
	if rows != len(w.table.rows) {
		w.wrong("the lake has %d rows, and the API had %d", len(w.table.rows), rows)
	}
	if share := float64(s.faulty) / float64(s.sent); share < soakFaults*0.8 {
		w.wrong("only %.1f%% of the requests were faulty", share*100)
	}
	// What fails once is tried again: a run fails where all attempts of a request do.
	if s.unlucky > 1+s.runs/100 {
		w.wrong("%d of %d runs failed of faults that had passed at the next attempt", s.unlucky, s.runs)
	}
	w.t.Log(s)
}

func (s *soak) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d days, %d apps in all, %d rows, bucket versioned: %v\n", s.w.seed, *soakDays,
		len(s.w.api.apps)-len(s.reserve), len(s.w.table.rows), s.w.versioned)
	fmt.Fprintf(&b, "%d runs, %d of them retries, %d doubled; %d killed, %d failed (%d without a request that failed each time); "+
		"%d days without a good run\n", s.runs, s.retries, s.doubled, s.kills, s.failed, s.unlucky, s.missedDays)
	fmt.Fprintf(&b, "%d requests, %d of them faulty (%.1f%%):", s.sent, s.faulty, 100*float64(s.faulty)/float64(s.sent))
	for _, what := range slices.Sorted(maps.Keys(s.met)) {
		fmt.Fprintf(&b, "\n  %5d %s", s.met[what], what)
	}
	return b.String()
}
