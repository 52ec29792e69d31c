package simtest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

// The fields that a world's rows have: a few are as good as all.
var (
	counters = []string{"ActiveUserNum", "UpMsgNum", "LoginTimes", "APNSMsgNum", "CallBackRsp"}
	texts    = []string{"AppName", "Company"}
	unknown  = []string{"Later", "Newcomer"} // fields that have no column yet
)

// service is what the Chat API has to tell, which changes.
type service struct {
	w      *world
	apps   []chattest.App
	rows   map[int64]map[stats.Day]*served
	serial int // the newest value: each is made for one field once
	still  bool
	fault  *chattest.Fault // of the call that is being served
	server http.Handler
}

// served is a row as the API gives it.
type served struct {
	fields map[string]any
	before map[string]any // the value that a field had before the one that it has
	hidden bool
	bad    map[string]any // what makes it no row; nil where it is one
	twin   map[string]any // what the day's second entry has instead; nil where there is none
}

func newService(w *world, apps int) *service {
	s := &service{w: w, rows: make(map[int64]map[stats.Day]*served)}
	for i := range apps {
		id := int64(1400000001 + i)
		s.apps = append(s.apps, chattest.App{ID: id, Key: keyOf(id), Region: "singapore"})
		s.rows[id] = make(map[stats.Day]*served)
	}
	o := chattest.Options{Apps: s.apps, Today: true, Data: s.row, Fault: s.faultOf}
	s.server = chattest.New(o).Handler("singapore")
	return s
}

// sow gives apps rows of a few days, so that they share some, and the oldest ones leave the API's reach soon.
func (s *service) sow() {
	w := s.w
	for range 3 {
		day := today() - stats.Day(1+w.rng.IntN(apiDays))
		for _, id := range s.ids() {
			if w.chance(0.6) {
				s.rows[id][day] = &served{fields: s.fields(w.rng)}
			}
		}
	}
}

// apiDays is how many whole days the API keeps.
const apiDays = 30

func (s *service) ids() (ids []int64) {
	for _, app := range s.apps {
		ids = append(ids, app.ID)
	}
	return ids
}

// serve answers a call. What the API has may change between two of them.
func (s *service) serve(rec http.ResponseWriter, in *http.Request, q *request) {
	if dice := s.w.roll("drift", q.run.n, q.name, q.count); !s.still && dice.IntN(2) == 0 {
		s.change(dice)
	}
	s.fault = q.fate.chat
	s.server.ServeHTTP(rec, in)
}

func (s *service) faultOf(c chattest.Call) *chattest.Fault {
	if s.fault != nil {
		return s.fault
	}
	return &chattest.Fault{Rows: func(rows []map[string]any) []map[string]any {
		for _, row := range slices.Clone(rows) {
			day, err := time.Parse("20060102", fmt.Sprint(row["Date"]))
			r := s.rows[c.App][stats.DayIn(day, time.UTC)]
			if err != nil || r == nil || r.twin == nil {
				continue
			}
			twin := maps.Clone(row)
			maps.Copy(twin, r.twin)
			rows = append(rows, twin)
		}
		return rows
	}}
}

// row is chattest's Options.Data.
func (s *service) row(app chattest.App, day stats.Day, _ time.Time) map[string]any {
	r := s.rows[app.ID][day]
	if r == nil || r.hidden {
		return nil
	}
	row := maps.Clone(r.fields)
	row["AppId"] = strconv.FormatInt(app.ID, 10)
	maps.Copy(row, r.bad)
	return row
}

// value is one that no field has had.
func (s *service) value(dice *rand.Rand) any {
	s.serial++
	if dice.IntN(5) == 0 {
		return s.serial
	}
	return strconv.Itoa(s.serial)
}

func (s *service) fields(dice *rand.Rand) map[string]any {
	row := make(map[string]any)
	for _, name := range counters {
		if dice.IntN(5) > 0 {
			row[name] = s.value(dice)
		}
	}
	for _, name := range slices.Concat(texts, unknown) {
		if dice.IntN(3) == 0 {
			row[name] = s.text(dice)
		}
	}
	return row
}

func (s *service) text(dice *rand.Rand) any {
	s.serial++
	switch dice.IntN(4) {
	case 0:
		return fmt.Sprintf("名 \"%d\"\n", s.serial)
	case 1:
		return map[string]any{"n": s.serial}
	}
	return fmt.Sprintf("text-%d", s.serial)
}

// bads are what makes an entry no row.
var bads = []map[string]any{
	{"UpMsgNum": "12.0"},
	{"UpMsgNum": -1},
	{"LoginTimes": "99999999999999999999"},
	{"ActiveUserNum": true},
	{"CallBackRsp": "1e3"},
	{"AppId": "1400000999"},
	{"Date": "20261399"},
	{"Date": nil},
}

// change changes one row of one app.
func (s *service) change(dice *rand.Rand) {
	app := s.apps[dice.IntN(len(s.apps))].ID
	mine := s.rows[app]
	days := slices.Sorted(maps.Keys(mine))
	days = slices.DeleteFunc(days, func(d stats.Day) bool { return d < today()-apiDays })
	if len(days) == 0 || dice.IntN(5) == 0 {
		day := today() - stats.Day([]int{0, 1, 1, dice.IntN(apiDays + 1), dice.IntN(apiDays + 1)}[dice.IntN(5)])
		if mine[day] == nil {
			mine[day] = &served{fields: s.fields(dice)}
			s.w.note("API: app %d gets %s: %v", app, day, mine[day].fields)
			return
		}
		days = append(days, day)
	}
	day := days[dice.IntN(len(days))]
	r := mine[day]
	field := slices.Concat(counters, texts, unknown)[dice.IntN(len(counters)+len(texts)+len(unknown))]
	what := ""
	switch dice.IntN(16) {
	case 0:
		delete(r.fields, field)
		what = "loses " + field
	case 1:
		r.fields[field] = []any{nil, ""}[dice.IntN(2)]
		what = "blanks " + field
	case 2, 3:
		r.hidden = !r.hidden
		what = fmt.Sprintf("hidden: %v", r.hidden)
	case 4:
		r.bad = bads[dice.IntN(len(bads))]
		what = fmt.Sprintf("is no row: %v", r.bad)
	case 5, 6:
		r.bad = nil
		what = "is a row"
	case 7:
		r.twin = []map[string]any{{}, {"UpMsgNum": s.value(dice)}}[dice.IntN(2)]
		what = fmt.Sprintf("comes twice: %v", r.twin)
	case 8, 9:
		r.twin = nil
		what = "comes once"
	default:
		now := r.fields[field]
		switch old, ok := r.before[field]; {
		case ok && dice.IntN(3) == 0:
			r.fields[field] = old // a revision is taken back
		case slices.Contains(counters, field):
			r.fields[field] = s.value(dice)
		default:
			r.fields[field] = s.text(dice)
		}
		if r.before == nil {
			r.before = make(map[string]any)
		}
		if now != nil && now != "" {
			r.before[field] = now
		}
		what = fmt.Sprintf("has %s %v", field, r.fields[field])
	}
	s.w.note("API: app %d on %s %s", app, day, what)
}
