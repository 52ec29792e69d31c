package report

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"chatlake/internal/stats"
)

// thousands writes a number in groups of three digits.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// count writes a number with what it counts.
func count(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + one + "s"
}

// short writes an axis' round number in few characters.
func short(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}} {
		if v >= unit.size {
			if unit.name == "k" {
				unit.size = 1e3
			}
			return strconv.FormatFloat(v/unit.size, 'f', -1, 64) + unit.name
		}
	}
	return thousands(int64(v))
}

// percent writes a change with its sign.
func percent(p float64) string {
	if math.Abs(p) >= 1000 {
		return fmt.Sprintf("%+.0f %%", p)
	}
	if math.Abs(p) < 0.05 {
		p = 0
	}
	text := fmt.Sprintf("%+.1f %%", p)
	if p < 0 {
		text = "−" + text[1:]
	} else if p == 0 {
		text = text[1:]
	}
	return text
}

// span writes a range of days.
func span(from, to stats.Day) string {
	if from == to {
		return from.String()
	}
	return from.String() + " to " + to.String()
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func duration(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	if d < time.Second {
		return fmt.Sprintf("%d ms", ms)
	}
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

// ago says how long before now something was. A run's clock is its timer's, and may be ahead of this machine's.
func ago(then, now time.Time) string {
	d := now.Sub(then)
	if d < 0 {
		return roughly(-d) + " ahead of this clock"
	}
	return roughly(d) + " ago"
}

func roughly(d time.Duration) string {
	switch {
	case d < 90*time.Minute:
		return count(int64(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return count(int64(d.Hours()), "hour")
	}
	return count(int64(d.Hours()/24), "day")
}
