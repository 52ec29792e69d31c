package chattest

import "chatlake/internal/stats"

// rhythm is a week from Monday to Sunday in thousandths of its mean; it sums to 7000, which closes the sums below.
type rhythm [7]int64

var (
	workRhythm    = rhythm{1040, 1060, 1055, 1050, 1020, 900, 875}
	leisureRhythm = rhythm{950, 940, 950, 960, 1010, 1110, 1080}
)

// weekday is 0 for Monday: day 0, 1970-01-01, was a Thursday.
func weekday(day stats.Day) int { return int(day+3) % 7 }

// sum is what the days of the week before the given one have more than the mean, in thousandths.
func (r rhythm) sum(weekday int) (n int64) {
	for _, share := range r[:weekday] {
		n += share - 1000
	}
	return n
}

// series counts events that only add up: about rate of them on the first day, with a week's rhythm, a slow growth
// and some noise. Its running total has a closed form, and a day is the difference of two totals, so that both
// agree whatever the day.
type series struct {
	app   int64
	name  string
	start stats.Day
	rate  int64 // at least 8, so that the noise never makes a day negative
	week  rhythm
}

// total returns the events from the start to the end of the day.
func (s series) total(day stats.Day) int64 {
	n := int64(day-s.start) + 1
	if n <= 0 {
		return 0
	}
	// The rate grows by 0.02 % of the first day's a day.
	milli := 1000*s.rate*n + s.rate*n*(n+1)/10
	milli += s.rate * (s.week.sum(weekday(day+1)) - s.week.sum(weekday(s.start)))
	return milli/1000 + noise(s.app, day, s.name, s.rate/8+1)
}

// on returns the events of the day.
func (s series) on(day stats.Day) int64 { return s.total(day) - s.total(day-1) }

// noise returns a number from 0 to below n that depends on nothing but its arguments.
func noise(app int64, day stats.Day, name string, n int64) int64 {
	h := uint64(app)*0x9e3779b97f4a7c15 + uint64(int64(day))*0xd1b54a32d192ed03
	for _, c := range []byte(name) {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	// Without these, neighbouring days would have neighbouring numbers.
	h = (h ^ h>>31) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>29) * 0x94d049bb133111eb
	return int64((h ^ h>>32) % uint64(n))
}
