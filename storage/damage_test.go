package storage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"chatlake/internal/stats"
	"chatlake/storage"
)

var everyBit = flag.Bool("every-bit", false, "flip every bit of a file, one at a time, not only some")

// wantDamaged merges into a file that must be refused, and stay.
func wantDamaged(t *testing.T, file []byte) {
	t.Helper()
	m := holding(file)
	got, err := storage.NewLake(m, "", false).Merge(t.Context(), day, []stats.Row{entry(t, appB, `"LoginTimes":"1"`)}, at(2))
	var damaged *storage.DamagedError
	if !errors.As(err, &damaged) {
		t.Errorf("got %+v, %v, want a DamagedError", got, err)
	} else if damaged.Key != dayKey || !strings.Contains(err.Error(), dayKey) || damaged.Err == nil {
		t.Errorf("%q does not name the key", err)
	}
	if m.puts > 0 || !bytes.Equal(m.objects[dayKey], file) {
		t.Error("the file was written")
	}
}

func sound(t testing.TB) []byte {
	m := &memory{}
	merge(t, m, at(1), fullRow(t, appA), entry(t, appB, `"LoginTimes":"0","A":"1"`), entry(t, appC, ``))
	return m.objects[dayKey]
}

func TestDamagedFiles(t *testing.T) {
	file := sound(t)
	edit := func(change func([]byte)) []byte {
		b := bytes.Clone(file)
		change(b)
		return b
	}
	footer := func(length uint32) []byte {
		return edit(func(b []byte) { binary.LittleEndian.PutUint32(b[len(b)-8:], length) })
	}
	real := binary.LittleEndian.Uint32(file[len(file)-8:])
	for name, damaged := range map[string][]byte{
		"empty":                  {},
		"one byte":               {'P'},
		"magic alone":            []byte("PAR1"),
		"magic twice":            []byte("PAR1PAR1"),
		"no footer":              []byte("PAR1\x00\x00\x00\x00PAR1"),
		"text":                   []byte("<html><body>503 Service Unavailable</body></html>"),
		"zeros":                  make([]byte, len(file)),
		"noise within magic":     edit(func(b []byte) { copy(b[4:len(b)-8], bytes.Repeat([]byte{0xa5, 0x3c, 0x01}, len(b)/3)) }),
		"the first magic":        edit(func(b []byte) { b[0] = 'Q' }),
		"the last magic":         edit(func(b []byte) { b[len(b)-1] = '2' }),
		"encrypted":              edit(func(b []byte) { copy(b, "PARE"); copy(b[len(b)-4:], "PARE") }),
		"a footer of nothing":    footer(0),
		"a shorter footer":       footer(real - 1),
		"a longer footer":        footer(real + 1),
		"a footer of all":        footer(uint32(len(file) - 12)),
		"a footer beyond":        footer(uint32(len(file) - 11)),
		"a footer of 4 GB":       footer(1<<32 - 1),
		"a footer of 2 GB":       footer(1 << 31),
		"pages of zeros":         edit(func(b []byte) { clear(b[4 : len(b)-8-int(real)]) }),
		"a footer of zeros":      edit(func(b []byte) { clear(b[len(b)-8-int(real) : len(b)-8]) }),
		"a byte lost":            slices.Delete(bytes.Clone(file), 100, 101),
		"a byte more":            slices.Insert(bytes.Clone(file), 100, 0),
		"a piece of it before":   append(bytes.Clone(file[:1000]), file...),
		"something behind":       append(bytes.Clone(file), '\n'),
		"the tail of it":         file[len(file)-100:],
		"a line-end translation": bytes.ReplaceAll(file, []byte{0}, []byte{' '}),
	} {
		t.Run(name, func(t *testing.T) { wantDamaged(t, damaged) })
	}
	t.Run("truncated", func(t *testing.T) {
		for n := 0; n < len(file); n += 1 + n/200 {
			if wantDamaged(t, file[:n]); t.Failed() {
				t.Fatalf("cut at %d of %d bytes", n, len(file))
			}
		}
	})
}

// key is what every file has.
type key struct {
	AppID int64 `parquet:"sdk_app_id"`
	Date  int32 `parquet:"stat_date,date"`
}

func TestFilesOfAnotherShape(t *testing.T) {
	const d = int32(day)
	type textApp struct {
		AppID string `parquet:"sdk_app_id"`
		Date  int32  `parquet:"stat_date,date"`
	}
	type optionalApp struct {
		AppID *int64 `parquet:"sdk_app_id,optional"`
		Date  int32  `parquet:"stat_date,date"`
	}
	type noDate struct {
		AppID int64 `parquet:"sdk_app_id"`
	}
	type noApp struct {
		Date int32 `parquet:"stat_date,date"`
	}
	type textDate struct {
		AppID int64  `parquet:"sdk_app_id"`
		Date  string `parquet:"stat_date"`
	}
	type micros struct {
		key
		Updated *int64 `parquet:"updated_at,optional,timestamp(microsecond)"`
	}
	type bareTime struct {
		key
		Updated *int64 `parquet:"updated_at,optional"`
	}
	type realCounter struct {
		key
		Logins *float64 `parquet:"login_times,optional"`
	}
	type unsignedCounter struct {
		key
		Logins *uint64 `parquet:"login_times,optional"`
	}
	type requiredCounter struct {
		key
		Logins int64 `parquet:"login_times"`
	}
	type narrowCounter struct {
		key
		Logins *int32 `parquet:"login_times,optional"`
	}
	type listedCounter struct {
		key
		Logins []int64 `parquet:"login_times,list"`
	}
	type wideRevision struct {
		key
		Revision *int64 `parquet:"revision,optional"`
	}
	type textExtra struct {
		key
		Extra *string `parquet:"extra,optional"`
	}
	type numberExtra struct {
		key
		Extra map[string]int64 `parquet:"extra,optional"`
	}
	type pair struct {
		Key   string `parquet:"key"`
		Value string `parquet:"value"`
	}
	type pairExtra struct {
		key
		Extra *pair `parquet:"extra,optional"`
	}
	n, wide, micro, half, narrow, text := int64(appA), uint64(1)<<63, int64(hourOne*1000), 1.5, int32(1), `{"a":"1"}`
	k := key{appA, d}
	for name, file := range map[string][]byte{
		"the app as text":             write(t, []textApp{{"1400000001", d}}),
		"an app that is NULL":         write(t, []optionalApp{{&n, d}, {nil, d}}),
		"no day":                      write(t, []noDate{{appA}}),
		"no app":                      write(t, []noApp{{d}}),
		"the day as text":             write(t, []textDate{{appA, "2026-11-24"}}),
		"a timestamp in microseconds": write(t, []micros{{k, &micro}}),
		"a timestamp without a unit":  write(t, []bareTime{{k, &micro}}),
		"a counter that is a float":   write(t, []realCounter{{k, &half}}),
		"a counter above INT64":       write(t, []unsignedCounter{{k, &wide}}),
		"a counter of 32 bits":        write(t, []narrowCounter{{k, &narrow}}),
		"a counter that is a list":    write(t, []listedCounter{{k, []int64{1, 2}}}),
		"a revision of 64 bits":       write(t, []wideRevision{{k, &micro}}),
		"extra as text":               write(t, []textExtra{{k, &text}}),
		"extra with numbers":          write(t, []numberExtra{{k, map[string]int64{"a": 1}}}),
		"extra as a pair":             write(t, []pairExtra{{k, &pair{"a", "1"}}}),
		"an app twice":                write(t, []key{{appA, d}, {appC, d}, {appA, d}}),
		"a row of another day":        write(t, []key{{appA, d}, {appC, d + 1}}),
		"rows of another day":         write(t, []key{{appA, d - 1}}),
	} {
		t.Run(name, func(t *testing.T) { wantDamaged(t, file) })
	}
	t.Run("a counter without NULLs", func(t *testing.T) {
		m := holding(write(t, []requiredCounter{{k, 1}}))
		if got := merge(t, m, at(1), entry(t, appA, `"LoginTimes":"1"`), entry(t, appB, ``)); got.Unchanged != 1 || got.Inserted != 1 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("the key alone", func(t *testing.T) {
		m := holding(write(t, []key{{appA, d}}))
		if got := merge(t, m, at(1), entry(t, appB, ``)); got.Inserted != 1 || len(stored(t, m)) != 2 {
			t.Errorf("%+v and %d rows", got, len(stored(t, m)))
		}
	})
}

// TestFlippedBits flips what the file's checksum covers, and the mark of the checksum itself: a flip is refused, or harmless,
// and none asks for more memory than a function has.
func TestFlippedBits(t *testing.T) {
	const most = 64 << 20
	file := sound(t)
	before := read(t, file)
	refused, kept := 0, 0
	var lossy, greedy []string
	var m0, m1 runtime.MemStats
	for i := range len(file) * 8 {
		if !*everyBit && i%59 != 0 {
			continue
		}
		flipped := bytes.Clone(file)
		flipped[i/8] ^= 1 << (i % 8)
		m := holding(flipped)
		row := entry(t, 7, `"LoginTimes":"1"`)
		runtime.ReadMemStats(&m0)
		_, err := storage.NewLake(m, "", false).Merge(t.Context(), day, []stats.Row{row}, at(2))
		runtime.ReadMemStats(&m1)
		if n := m1.TotalAlloc - m0.TotalAlloc; n > most {
			greedy = append(greedy, fmt.Sprintf("byte %d bit %d: %d MB (%v)", i/8, i%8, n>>20, err))
		}
		if err != nil {
			refused++
			if m.puts > 0 || !bytes.Equal(m.objects[dayKey], flipped) {
				t.Errorf("byte %d, bit %d: %v, and the file was written", i/8, i%8, err)
			}
			continue
		}
		kept++
		if rows := stored(t, m)[1:]; !reflect.DeepEqual(rows, before) {
			lossy = append(lossy, fmt.Sprintf("byte %d bit %d (%s)", i/8, i%8, difference(before, rows)))
		}
	}
	for _, flip := range greedy {
		t.Errorf("asks for much memory: %s", flip)
	}
	for _, flip := range lossy {
		t.Errorf("was taken, and gave other rows: %s", flip)
	}
	t.Logf("%d flips refused, %d taken", refused, kept)
}

// difference tells the first column in which two tables differ.
func difference(want, got []map[string]any) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d rows, not %d", len(got), len(want))
	}
	for i := range want {
		for _, column := range slices.Sorted(maps.Keys(want[i])) {
			if !reflect.DeepEqual(got[i][column], want[i][column]) {
				return fmt.Sprintf("row %d: %s is %.40s, not %.40s", i, column, fmt.Sprint(got[i][column]), fmt.Sprint(want[i][column]))
			}
		}
		for column, value := range got[i] {
			if _, ok := want[i][column]; !ok {
				return fmt.Sprintf("row %d: %s is %.40s, not NULL", i, column, fmt.Sprint(value))
			}
		}
	}
	return "nothing"
}

func FuzzMerge(f *testing.F) {
	file := sound(f)
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	f.Add(write(f, newerRows()))
	f.Add(write(f, []key{{appA, int32(day)}}))
	golden, err := os.ReadFile(golden)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Fuzz(func(t *testing.T, file []byte) {
		m := holding(file)
		lake := storage.NewLake(m, "", false)
		rows := []stats.Row{entry(t, appA, `"LoginTimes":"123456789","A":"1"`), entry(t, 7, ``)}
		got, err := lake.Merge(t.Context(), day, rows, at(2))
		if err != nil { // a DamagedError, or that a column of a newer version cannot be written as it was
			if m.puts > 0 || !bytes.Equal(m.objects[dayKey], file) {
				t.Errorf("%v, and the file was written", err)
			}
			return
		}
		if got.Written != (len(m.objects[dayKey]) > len(file)) || got.Written != (m.puts == 1) {
			t.Errorf("%+v, %d writes and %d bytes instead of %d", got, m.puts, len(m.objects[dayKey]), len(file))
		}
		// What was written can be read, and has the rows.
		again, err := lake.Merge(t.Context(), day, rows, at(3))
		if err != nil || countsOf(again) != (counts{unchanged: 2}) {
			t.Errorf("merged again: %+v, %v", again, err)
		}
	})
}
