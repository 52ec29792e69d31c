package stats

import (
	"fmt"
	"time"
)

// Day is a calendar day, counted from 1970-01-01: the unit of Parquet's DATE and of the API's Date.
// The API's days are Beijing's (https://cloud.tencent.com/document/product/269/4193).
type Day int32

// Beijing is China Standard Time. The country has one zone and no daylight saving time, so the offset is fixed
// and no zone database is needed.
var Beijing = time.FixedZone("CST", 8*60*60)

// DayIn returns the calendar day of t in the zone.
func DayIn(t time.Time, zone *time.Location) Day {
	year, month, day := t.In(zone).Date()
	return Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParseDay reads a day as YYYY-MM-DD.
func ParseDay(s string) (Day, error) { return parseDay(time.DateOnly, "YYYY-MM-DD", s) }

func parseDay(layout, shown, s string) (Day, error) {
	t, err := time.Parse(layout, s)
	if err != nil || t.Year() == 0 {
		return 0, fmt.Errorf("%q is not a day as %s", clip(s), shown)
	}
	return DayIn(t, time.UTC), nil
}

// Time returns the day's midnight, UTC.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// String returns the day as YYYY-MM-DD.
func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// MarshalText writes the day as YYYY-MM-DD.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the day as YYYY-MM-DD.
func (d *Day) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDay(string(b))
	return err
}
