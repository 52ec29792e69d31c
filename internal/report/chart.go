package report

import (
	"fmt"

	"chatlake/internal/stats"
)

// chart is one metric of an app as the page shows it.
type chart struct {
	Name, Title      string
	Last, LastDay    string
	Change           string
	Direction        string // up, down, flat or none
	Low, High        string
	Line, Dot        string
	Has              bool
	ChangeSaid, Late string
}

// tableRow is one day, or the means of a week.
type tableRow struct {
	Day    string
	Values []string
}

func (r *Report) chart(name string, values []int64, newest int) (chart, change) {
	c := chart{Name: name, Last: "–", Direction: "none"}
	last := lastValue(values)
	if last < 0 {
		c.ChangeSaid = "no value"
		return c, change{}
	}
	c.Has = true
	a, _ := newAxis(values)
	c.Low, c.High, c.Line, c.Dot = short(a.low), short(a.high), a.line(values), a.dot(values[last], last)
	c.Last = thousands(values[last])
	if last != newest {
		c.Late = "on " + shortDay(r.From+stats.Day(last))
	}
	change := weekOnWeek(values, newest)
	if change.Known {
		c.Change = percent(change.Percent)
		c.ChangeSaid = "week on week"
		switch {
		case c.Change == "0.0 %":
			c.Direction = "flat"
		case change.Percent > 0:
			c.Direction = "up"
		default:
			c.Direction = "down"
		}
	} else {
		c.ChangeSaid = "no week on week: " + change.Why
	}
	low, high := last, last
	for i, v := range values {
		if v == stats.Null {
			continue
		}
		if v < values[low] {
			low = i
		}
		if v > values[high] {
			high = i
		}
	}
	c.Title = fmt.Sprintf("%s: low %s (%s), high %s (%s), last %s (%s)", name, thousands(values[low]), shortDay(r.From+stats.Day(low)),
		thousands(values[high]), shortDay(r.From+stats.Day(high)), c.Last, shortDay(r.From+stats.Day(last)))
	return c, change
}

// dailyRows are told day by day in an app's table: the two weeks that are compared. Those before are told by weeks, since the page
// must stay small with 200 apps.
const dailyRows = 14

// table lists the app's values, the newest first: days, then the means of weeks.
func (r *Report) table(app *App) (rows []tableRow) {
	for to := r.Days() - 1; to >= 0; {
		from := to
		if r.Days()-1-to >= dailyRows {
			from = max(0, to-6)
		}
		row := tableRow{Day: shortDay(r.From + stats.Day(to))}
		if from < to {
			row.Day = shortDay(r.From+stats.Day(from)) + " – " + row.Day
		}
		some := false
		for m := range metrics {
			text := mean(app.Values[m][from : to+1])
			some = some || text != ""
			row.Values = append(row.Values, text)
		}
		if some {
			rows = append(rows, row)
		}
		to = from - 1
	}
	return rows
}

func mean(values []int64) string {
	var sum float64
	n := 0
	for _, v := range values {
		if v != stats.Null {
			sum += float64(v)
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		for _, v := range values {
			if v != stats.Null {
				return thousands(v)
			}
		}
	}
	return thousands(int64(sum/float64(n) + 0.5))
}
