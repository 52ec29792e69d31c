package stats

import (
	"maps"
	"math"
	"time"
)

// Null is a counter that has no value. The API's counters are never negative.
const Null = math.MinInt64

// Row is one app on one day. A text that is empty has no value: the API's "" says the same as a missing field.
type Row struct {
	AppID         int64
	Day           Day
	Texts         [numTexts]string
	Counters      [numCounters]int64
	Extra         map[string]string
	FirstPulledAt time.Time // UTC, in milliseconds; zero where unknown
	UpdatedAt     time.Time
	Revision      int32
}

// NewRow returns a row without any value.
func NewRow(app int64, day Day) Row {
	r := Row{AppID: app, Day: day}
	for i := range r.Counters {
		r.Counters[i] = Null
	}
	return r
}

// Counter returns the counter of an API field, if the row has a value of it.
func (r *Row) Counter(name string) (n int64, ok bool) {
	p, known := places[name]
	if !known || p.kind != Counter || r.Counters[p.index] == Null {
		return 0, false
	}
	return r.Counters[p.index], true
}

// Text returns the text of an API field, empty if the row has none.
func (r *Row) Text(name string) string {
	p, known := places[name]
	if !known || p.kind != Text {
		return ""
	}
	return r.Texts[p.index]
}

// Fill puts every value that r has into dst, and reports whether that changed dst. What r lacks stays.
func (r *Row) Fill(dst *Row) (changed bool) {
	for i, v := range r.Texts {
		if v != "" && v != dst.Texts[i] {
			dst.Texts[i], changed = v, true
		}
	}
	for i, v := range r.Counters {
		if v != Null && v != dst.Counters[i] {
			dst.Counters[i], changed = v, true
		}
	}
	var extra map[string]string // a copy, since dst may share its map with the row that it came from
	for k, v := range r.Extra {
		if old, ok := dst.Extra[k]; ok && old == v {
			continue
		}
		if extra == nil {
			if extra = maps.Clone(dst.Extra); extra == nil {
				extra = make(map[string]string, len(r.Extra))
			}
		}
		extra[k], changed = v, true
	}
	if extra != nil {
		dst.Extra = extra
	}
	return changed
}

// FillNulls puts the values that r has into dst where that has none, and reports whether that changed dst.
func (r *Row) FillNulls(dst *Row) (changed bool) {
	missing := *r
	for i, v := range dst.Texts {
		if v != "" {
			missing.Texts[i] = ""
		}
	}
	for i, v := range dst.Counters {
		if v != Null {
			missing.Counters[i] = Null
		}
	}
	missing.Extra = maps.Clone(r.Extra)
	for k := range dst.Extra {
		delete(missing.Extra, k)
	}
	return missing.Fill(dst)
}

// Revert gives r, in each field that named has a value of, the value that it has in from.
func (r *Row) Revert(named, from *Row) {
	for i, v := range named.Texts {
		if v != "" {
			r.Texts[i] = from.Texts[i]
		}
	}
	for i, v := range named.Counters {
		if v != Null {
			r.Counters[i] = from.Counters[i]
		}
	}
	if len(named.Extra) == 0 || len(r.Extra) == 0 {
		return
	}
	r.Extra = maps.Clone(r.Extra)
	for k := range named.Extra {
		if v, ok := from.Extra[k]; ok {
			r.Extra[k] = v
		} else {
			delete(r.Extra, k)
		}
	}
}

// SameValues reports whether both rows have the same values, whatever their history.
func (r *Row) SameValues(o *Row) bool {
	return r.Texts == o.Texts && r.Counters == o.Counters && maps.Equal(r.Extra, o.Extra)
}
