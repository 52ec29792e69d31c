package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"chatlake/internal/stats"
)

//go:embed page.html.tmpl
var pageText string

//go:embed page.css
var css string

//go:embed page.js
var script string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"n":        func(n int) string { return thousands(int64(n)) },
	"count":    func(n int, one string) string { return count(int64(n), one) },
	"duration": duration,
	"minute":   minute,
}).Parse(pageText))

// view is what the page's template shows.
type view struct {
	*Report
	CSS    template.CSS
	Script template.JS
	Policy string // the page's own: what it holds may run, and nothing else

	Age         string // of the newest run
	Span        string
	Held, Due   int // app days
	Percent     string
	Notices     []Notice
	MoreNotices int

	CellWide, StripWide, StripHigh int
	BarWide                        int // of a cell, without the space to the next
	BarMid                         float64
	Ticks                          []tick
	Legend                         []legendEntry
	Rows                           []appView
	PlotWide, PlotHigh             int
	First, Last, Year              string // of the days
	Weekend                        int    // x of a Saturday
	Short                          []string
	GapRows                        []gapView
	Many                           bool // apps, so that a filter pays
}

type legendEntry struct {
	Class, Name, Meaning string
	Days                 int
}

type appView struct {
	App
	Title            string
	Held, Due, Lacks int
	Strip            strip
	Charts           []chart
	Table            []tableRow
	Activity         int64
	Fall             float64
	HasDays          bool
}

type gapView struct {
	Gap
	Title, Class, Name, Until string
	Days                      int
}

// Write writes the page. The same report is written in the same bytes.
func (r *Report) Write(w io.Writer) error {
	var whole bytes.Buffer
	if err := page.Execute(&whole, r.view()); err != nil {
		return fmt.Errorf("writing the page failed: %w", err)
	}
	_, err := w.Write(whole.Bytes())
	return err
}

func (r *Report) view() view {
	days := r.Days()
	v := view{
		Report: r, CSS: template.CSS(css), Script: template.JS(script),
		Policy:   fmt.Sprintf("default-src 'none'; img-src data:; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", hash(css), hash(script)),
		CellWide: cellWide(days), StripHigh: stripHigh, PlotWide: days * dayWide, PlotHigh: plotHigh,
		Many: len(r.Apps) > 8,
	}
	v.StripWide, v.BarWide, v.BarMid = v.CellWide*days, v.CellWide-1, float64(v.CellWide-1)/2
	if r.Newest != nil {
		v.Age = ago(r.Newest.Clock, r.Made)
	}
	v.Notices = r.Notices()
	if n := len(v.Notices); n > mostNotices {
		v.Notices, v.MoreNotices = v.Notices[:mostNotices], n-mostNotices
	}
	if days > 0 {
		v.Span = span(r.From, r.To)
		v.Ticks = r.ticks()
		v.First, v.Last, v.Year = shortDay(r.From), shortDay(r.To), r.To.Time().Format("2006")
		v.Weekend = (6 - int(r.From.Time().Weekday())) * dayWide
	}
	for _, m := range metrics {
		v.Short = append(v.Short, m.Short)
	}
	newest := r.newestDay()
	var total [numStates]int
	titles := make(map[int64]string)
	for _, app := range r.Apps {
		a := r.appView(app, newest, v.CellWide)
		titles[app.ID] = a.Title
		v.Rows = append(v.Rows, a)
		for _, s := range app.States {
			total[s]++
		}
		v.Held += a.Held
		v.Due += a.Due
	}
	v.Percent = "–"
	if v.Due > 0 {
		// Rounded down: 100 % is said of a lake that lacks nothing only.
		v.Percent = fmt.Sprintf("%d.%d %%", v.Held*100/v.Due, v.Held*1000/v.Due%10)
	}
	for _, s := range []State{There, Revised, AtRisk, Lost, None, Unread, Outside} {
		if total[s] > 0 {
			v.Legend = append(v.Legend, legendEntry{stateNames[s].Class, stateNames[s].Name, stateNames[s].Meaning, total[s]})
		}
	}
	for _, g := range r.Gaps {
		row := gapView{Gap: g, Title: titles[g.AppID], Class: stateNames[g.State].Class, Name: stateNames[g.State].Name, Days: int(g.To-g.From) + 1}
		if g.State == AtRisk {
			row.Until = daysLeft(g)
		} else {
			row.Until = stateNames[g.State].Meaning
		}
		v.GapRows = append(v.GapRows, row)
	}
	return v
}

// newestDay is the index of the newest day that the lake has a row of, -1 for none: weeks are compared up to it.
func (r *Report) newestDay() int {
	newest := -1
	for _, app := range r.Apps {
		for i, s := range app.States {
			if s == There || s == Revised {
				newest = max(newest, i)
			}
		}
	}
	return newest
}

func (r *Report) appView(app App, newest, cell int) appView {
	a := appView{App: app, Title: app.Name, Strip: r.strip(app.States, cell)}
	if a.Title == "" {
		a.Title = fmt.Sprintf("App %d", app.ID)
	}
	for _, s := range app.States {
		switch s {
		case There, Revised:
			a.Held++
		case AtRisk, Lost, Unread:
			a.Lacks++
		}
	}
	a.Due = a.Held + a.Lacks
	a.HasDays = a.Held > 0
	for m := range metrics {
		c, change := r.chart(metrics[m].Name, app.Values[m], newest)
		a.Charts = append(a.Charts, c)
		if m == 0 {
			a.Fall = change.Percent
			if last := lastValue(app.Values[m]); last >= 0 {
				a.Activity = app.Values[m][last]
			}
		}
	}
	if a.HasDays {
		a.Table = r.table(&app)
	}
	return a
}

func shortDay(d stats.Day) string { return d.Time().Format("2 Jan") }

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// mostTexts bounds what is told of one run: the lake has the whole.
const mostTexts = 8

func (r Run) texts() []string {
	var all []string
	for _, e := range r.Errors {
		all = append(all, e.Describe())
	}
	return append(all, r.Warnings...)
}

// Trouble counts the run's errors and warnings.
func (r Run) Trouble() string {
	var parts []string
	if n := len(r.Errors); n > 0 {
		parts = append(parts, count(int64(n), "error"))
	}
	if n := len(r.Warnings); n > 0 {
		parts = append(parts, count(int64(n), "warning"))
	}
	return strings.Join(parts, ", ")
}

// FirstTexts returns the run's first errors and warnings.
func (r Run) FirstTexts() []string { all := r.texts(); return all[:min(mostTexts, len(all))] }

// MoreTexts returns how many more it has.
func (r Run) MoreTexts() int { return max(0, len(r.texts())-mostTexts) }
