package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"chatlake/internal/stats"
)

// metrics are the counters of which the page shows trends.
var metrics = [...]struct {
	Name, Short string
	counter     int // index in a row
}{
	{"Active users", "Active", counterIndex("ActiveUserNum")},
	{"Logins", "Logins", counterIndex("LoginTimes")},
	{"Messages up", "Messages", counterIndex("UpMsgNum")},
	{"Peak online", "Peak", counterIndex("MaxOnlineNum")},
}

const numMetrics = len(metrics)

// Indexes of a row's texts.
var (
	nameText    = fieldIndex(stats.Text, "AppName")
	companyText = fieldIndex(stats.Text, "Company")
)

func counterIndex(name string) int { return fieldIndex(stats.Counter, name) }

// fieldIndex returns where a row's array of the kind has the field.
func fieldIndex(kind stats.Kind, name string) int {
	index := 0
	for _, c := range stats.Columns() {
		switch {
		case c.Kind == kind && c.Name == name:
			return index
		case c.Kind == kind:
			index++
		}
	}
	panic("no such field: " + name)
}

// change is how much more the last seven days had than the seven before, or why that can't be said.
type change struct {
	Known   bool
	Percent float64
	Why     string
}

// weekOnWeek compares the seven values up to the last with the seven before.
func weekOnWeek(values []int64, last int) change {
	sum := func(to int) (total float64, days int) {
		for i := max(to-6, 0); i <= to; i++ {
			if values[i] != stats.Null {
				total += float64(values[i])
				days++
			}
		}
		return total, days
	}
	if last < 13 {
		return change{Why: "needs 14 days"}
	}
	now, days := sum(last)
	before, daysBefore := sum(last - 7)
	switch {
	case days < 7 || daysBefore < 7:
		return change{Why: fmt.Sprintf("has %d of 14 days", days+daysBefore)}
	case before == 0 && now == 0:
		return change{Known: true}
	case before == 0:
		return change{Why: "was 0 the week before"}
	}
	return change{Known: true, Percent: 100 * (now/before - 1)}
}

// lastValue returns the index of the newest value, -1 for none.
func lastValue(values []int64) int {
	for i, v := range slices.Backward(values) {
		if v != stats.Null {
			return i
		}
	}
	return -1
}

// axis is a range with round ends that holds all values. It begins at 0 unless that would flatten the line.
type axis struct{ low, high float64 }

func newAxis(values []int64) (axis, bool) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v != stats.Null {
			low, high = min(low, float64(v)), max(high, float64(v))
		}
	}
	switch {
	case high < low:
		return axis{}, false
	case low < high/2 || low == high:
		low = 0
	}
	step := roundStep((high - low) / 2)
	a := axis{math.Floor(low/step) * step, math.Ceil(high/step) * step}
	if a.high == a.low {
		a.high += step
	}
	return a, true
}

// roundStep returns the smallest of 1, 2, 5, 10, 20, 50, … that is no less.
func roundStep(least float64) float64 {
	if least <= 1 {
		return 1
	}
	ten := math.Pow(10, math.Floor(math.Log10(least)))
	for _, f := range []float64{1, 2, 5} {
		if f*ten >= least {
			return f * ten
		}
	}
	return 10 * ten
}

// The charts' units: a day is dayWide wide, and all is plotHigh high. A chart is stretched into its place.
const (
	dayWide  = 4
	plotHigh = 100
	plotPad  = 5
)

// line draws the values as an SVG path. A day without a value interrupts it; a value between two such days is a dot.
func (a axis) line(values []int64) string {
	var path strings.Builder
	for i := 0; i < len(values); i++ {
		if values[i] == stats.Null {
			continue
		}
		y := a.y(values[i])
		fmt.Fprintf(&path, "M%d %d", i*dayWide+dayWide/2, y)
		if i+1 == len(values) || values[i+1] == stats.Null {
			path.WriteString("h0")
			continue
		}
		for before := "l"; i+1 < len(values) && values[i+1] != stats.Null; before = " " {
			i++
			next := a.y(values[i])
			path.WriteString(before + step(next-y))
			y = next
		}
	}
	return path.String()
}

// step is how a path gets from one day to the next.
func step(dy int) string {
	if dy < 0 {
		return fmt.Sprintf("%d%d", dayWide, dy)
	}
	return fmt.Sprintf("%d %d", dayWide, dy)
}

func (a axis) y(value int64) int {
	return plotHigh - plotPad - int(math.Round((float64(value)-a.low)/(a.high-a.low)*(plotHigh-2*plotPad)))
}

// dot is a path of no length at the i-th day, which is drawn as a dot.
func (a axis) dot(value int64, i int) string {
	return fmt.Sprintf("M%d %dh0", i*dayWide+dayWide/2, a.y(value))
}
