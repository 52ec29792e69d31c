package stats_test

import (
	"maps"
	"testing"
	"time"

	"chatlake/internal/stats"
)

// edit returns a row of two texts, two counters and an extra field, changed by f. Its other counters are NULL.
func edit(f func(*stats.Row)) stats.Row {
	r := stats.NewRow(app, 16959)
	r.Texts = [...]string{"name", "company"}
	r.Counters[0], r.Counters[27] = 5, 0
	r.Extra = map[string]string{"QQ": "1"}
	r.FirstPulledAt, r.UpdatedAt, r.Revision = time.UnixMilli(1), time.UnixMilli(2), 3
	if f != nil {
		f(&r)
	}
	return r
}

func TestNewRowHasNoValue(t *testing.T) {
	r := stats.NewRow(app, 16959)
	if r.AppID != app || r.Day != 16959 || r.Texts != [2]string{} || r.Extra != nil {
		t.Errorf("a new row is %+v", r)
	}
	for i, v := range r.Counters {
		if v != stats.Null {
			t.Errorf("counter %d of a new row is %d", i, v)
		}
	}
}

func TestFill(t *testing.T) {
	nothing := stats.NewRow(app, 16959)
	for name, test := range map[string]struct {
		src, dst, want stats.Row
		changed        bool
	}{
		"nothing into a row":     {nothing, edit(nil), edit(nil), false},
		"a row into nothing":     {edit(nil), nothing, edit(nil), true},
		"nothing into nothing":   {nothing, nothing, nothing, false},
		"the same":               {edit(nil), edit(nil), edit(nil), false},
		"an empty extra":         {edit(func(r *stats.Row) { r.Extra = map[string]string{} }), edit(nil), edit(nil), false},
		"an empty extra to none": {edit(func(r *stats.Row) { r.Extra = map[string]string{} }), edit(func(r *stats.Row) { r.Extra = nil }), edit(func(r *stats.Row) { r.Extra = nil }), false},
		"a text":                 {edit(func(r *stats.Row) { r.Texts[1] = "other" }), edit(nil), edit(func(r *stats.Row) { r.Texts[1] = "other" }), true},
		"a lacking text":         {edit(func(r *stats.Row) { r.Texts[1] = "" }), edit(nil), edit(nil), false},
		"a counter":              {edit(func(r *stats.Row) { r.Counters[0] = 4 }), edit(nil), edit(func(r *stats.Row) { r.Counters[0] = 4 }), true},
		"a counter down to zero": {edit(func(r *stats.Row) { r.Counters[0] = 0 }), edit(nil), edit(func(r *stats.Row) { r.Counters[0] = 0 }), true},
		"a lacking counter":      {edit(func(r *stats.Row) { r.Counters[0] = stats.Null }), edit(nil), edit(nil), false},
		"zero for NULL":          {edit(func(r *stats.Row) { r.Counters[1] = 0 }), edit(nil), edit(func(r *stats.Row) { r.Counters[1] = 0 }), true},
		"an extra value":         {edit(func(r *stats.Row) { r.Extra["QQ"] = "2" }), edit(nil), edit(func(r *stats.Row) { r.Extra["QQ"] = "2" }), true},
		"another extra field":    {edit(func(r *stats.Row) { r.Extra = map[string]string{"New": "2"} }), edit(nil), edit(func(r *stats.Row) { r.Extra["New"] = "2" }), true},
		"extra into none":        {edit(nil), edit(func(r *stats.Row) { r.Extra = nil }), edit(nil), true},
		"history alone":          {edit(func(r *stats.Row) { r.Revision, r.UpdatedAt = 9, time.UnixMilli(9) }), edit(nil), edit(nil), false},
	} {
		t.Run(name, func(t *testing.T) {
			src, dst := test.src, test.dst
			revision, updated := dst.Revision, dst.UpdatedAt
			srcExtra, dstExtra := maps.Clone(src.Extra), maps.Clone(dst.Extra)
			shared := dst // as a caller has it that compares before and after
			if changed := src.Fill(&dst); changed != test.changed {
				t.Errorf("changed is %t", changed)
			}
			if !dst.SameValues(&test.want) {
				t.Errorf("the row became %+v, want %+v", dst, test.want)
			}
			if dst.Revision != revision || !dst.UpdatedAt.Equal(updated) || dst.AppID != app || dst.Day != 16959 {
				t.Errorf("more than values changed: %+v", dst)
			}
			if !maps.Equal(src.Extra, srcExtra) {
				t.Errorf("the source's extra became %v", src.Extra)
			}
			if !maps.Equal(shared.Extra, dstExtra) {
				t.Errorf("the map that the row shared became %v", shared.Extra)
			}
			if src.Fill(&dst) {
				t.Error("the same values again are a change")
			}
			if clear(dst.Extra); !maps.Equal(src.Extra, srcExtra) {
				t.Error("the row has the source's own map")
			}
		})
	}
}

// FillNulls is Fill for what the row lacks: what it has stays, and the source stays as it was.
func TestFillNulls(t *testing.T) {
	older := edit(func(r *stats.Row) {
		r.Texts = [...]string{"older name", "older company"}
		r.Counters[0], r.Counters[1] = 4, 3
		r.Extra = map[string]string{"QQ": "0", "Old": "1"}
	})
	nothing := stats.NewRow(app, 16959)
	for name, test := range map[string]struct {
		dst, want stats.Row
		changed   bool
	}{
		"into nothing": {nothing, older, true},
		"into itself":  {older, older, false},
		"into a whole row": {
			edit(func(r *stats.Row) { r.Counters[1], r.Extra["Old"] = 9, "9" }),
			edit(func(r *stats.Row) { r.Counters[1], r.Extra["Old"] = 9, "9" }), false,
		},
		"a counter and an extra field": {edit(nil), edit(func(r *stats.Row) { r.Counters[1], r.Extra["Old"] = 3, "1" }), true},
		"zero is a value": {
			edit(func(r *stats.Row) { r.Counters[1], r.Extra["Old"] = 0, "9" }),
			edit(func(r *stats.Row) { r.Counters[1], r.Extra["Old"] = 0, "9" }), false,
		},
		"a text": {
			edit(func(r *stats.Row) { r.Texts[1], r.Counters[1], r.Extra["Old"] = "", 9, "9" }),
			edit(func(r *stats.Row) { r.Texts[1], r.Counters[1], r.Extra["Old"] = "older company", 9, "9" }), true,
		},
		"no extra": {
			edit(func(r *stats.Row) { r.Counters[1], r.Extra = 9, nil }),
			edit(func(r *stats.Row) { r.Counters[1], r.Extra = 9, map[string]string{"QQ": "0", "Old": "1"} }), true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			src, dst := older, test.dst
			src.Extra = maps.Clone(older.Extra)
			before, shared := dst, maps.Clone(dst.Extra)
			if changed := src.FillNulls(&dst); changed != test.changed {
				t.Errorf("changed is %t", changed)
			}
			if !dst.SameValues(&test.want) {
				t.Errorf("the row became %+v, want %+v", dst, test.want)
			}
			if !src.SameValues(&older) {
				t.Errorf("the source became %+v", src)
			}
			if !maps.Equal(before.Extra, shared) {
				t.Errorf("the map that the row shared became %v", before.Extra)
			}
			if src.FillNulls(&dst) || nothing.FillNulls(&dst) {
				t.Error("again, or with nothing, is a change")
			}
		})
	}
}

func TestSameValues(t *testing.T) {
	base := edit(nil)
	for name, f := range map[string]func(*stats.Row){
		"nothing":          func(*stats.Row) {},
		"another app":      func(r *stats.Row) { r.AppID++ },
		"another revision": func(r *stats.Row) { r.Revision++ },
		"another clock":    func(r *stats.Row) { r.FirstPulledAt, r.UpdatedAt = time.Time{}, time.Time{} },
		"its own map":      func(r *stats.Row) { r.Extra = maps.Clone(r.Extra) },
	} {
		other := edit(f)
		if !base.SameValues(&other) || !other.SameValues(&base) {
			t.Errorf("%s makes other values", name)
		}
	}
	for name, f := range map[string]func(*stats.Row){
		"a text":            func(r *stats.Row) { r.Texts[0] = "" },
		"the first counter": func(r *stats.Row) { r.Counters[0]++ },
		"the last counter":  func(r *stats.Row) { r.Counters[27]++ },
		"NULL for zero":     func(r *stats.Row) { r.Counters[27] = stats.Null },
		"an extra value":    func(r *stats.Row) { r.Extra["QQ"] = "2" },
		"an extra name":     func(r *stats.Row) { r.Extra = map[string]string{"QR": "1"} },
		"no extra":          func(r *stats.Row) { r.Extra = nil },
	} {
		other := edit(f)
		if base.SameValues(&other) || other.SameValues(&base) {
			t.Errorf("%s makes no difference", name)
		}
	}
	none, empty := edit(func(r *stats.Row) { r.Extra = nil }), edit(func(r *stats.Row) { r.Extra = map[string]string{} })
	if !none.SameValues(&empty) {
		t.Error("no extra and an empty one differ")
	}
}

// A field that an older version of the table had no column for moves to its column; nothing else moves.
func TestAdopt(t *testing.T) {
	r := edit(func(r *stats.Row) {
		r.Texts[1], r.Counters[27] = "", stats.Null // Company and CallBackRsp
		r.Extra = map[string]string{
			"QQ": "1", "Company": "Linye", "CallBackRsp": "72902",
			"AppName": "other", "ActiveUserNum": "6", // their columns have a value
			"UpMsgNum": "1.5", "DownMsgNum": "", // no counters
			"AppId": "1", "Date": "20160608", // never a value
		}
	})
	r.Adopt()
	want := edit(func(r *stats.Row) {
		r.Texts[1], r.Counters[27] = "Linye", 72902
		r.Extra = map[string]string{
			"QQ": "1", "AppName": "other", "ActiveUserNum": "6", "UpMsgNum": "1.5", "DownMsgNum": "", "AppId": "1", "Date": "20160608",
		}
	})
	if !r.SameValues(&want) || r.AppID != app || r.Day != 16959 || r.Revision != want.Revision {
		t.Errorf("the row became %+v, want %+v", r, want)
	}
	again := r
	again.Extra = maps.Clone(r.Extra)
	if again.Adopt(); !again.SameValues(&r) {
		t.Errorf("adopting again gives %+v", again)
	}
	none := stats.NewRow(app, 16959)
	if none.Adopt(); none.Extra != nil {
		t.Error("a row without extra fields got some")
	}
}
