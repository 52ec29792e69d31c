package storage_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is a file of the present schema. It stays as it is when the schema grows: then it gets a successor, and
// remains as the proof that old files are read.
var golden = filepath.Join("testdata", "schema-1.parquet")

func goldenRows() []map[string]any {
	full := map[string]any{"app_name": "名字 1400000001", "company": "公司", "extra": map[string]any{"Later": "x"}}
	for i, name := range apiNames {
		full[columnOf(name)] = int64(i)*1_000_003 + appA
	}
	return []map[string]any{
		with(appA, hourOne, hourOne, 1, full),
		with(appB, hourOne, hourOne, 1, map[string]any{"login_times": int64(0), "extra": map[string]any{"A": "1", "B": "二"}}),
		with(appC, hourOne, hourOne, 1, nil),
	}
}

func TestGoldenFile(t *testing.T) {
	m := &memory{}
	merge(t, m, at(1), fullRow(t, appA), entry(t, appB, `"LoginTimes":"0","A":"1","B":"二"`), entry(t, appC, ``))
	if *update {
		if err := os.WriteFile(golden, m.objects[dayKey], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	wantRows(t, read(t, file), goldenRows())
	if !bytes.Equal(m.objects[dayKey], file) {
		t.Errorf("the same rows give other bytes (%d) than %s (%d): if that is meant, run this test with -update",
			len(m.objects[dayKey]), golden, len(file))
	}
}

func TestMergeIntoGoldenFile(t *testing.T) {
	file, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	m := holding(file)
	if got := merge(t, m, at(2), fullRow(t, appA)); got.Written {
		t.Errorf("%+v of a row that the file has", got)
	}
	merge(t, m, at(2), entry(t, appC, `"UpMsgNum":"5"`), entry(t, 1, ``))
	want := goldenRows()
	want[2] = with(appC, hourOne, hourTwo, 2, map[string]any{"up_msg_num": int64(5)})
	wantRows(t, stored(t, m), append([]map[string]any{with(1, hourTwo, hourTwo, 1, nil)}, want...))
}

// write makes a file with parquet-go alone, as another version of this program might.
func write[T any](t testing.TB, rows []T, options ...parquet.WriterOption) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := parquet.Write(&file, rows, options...); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// newerRow has columns of versions to come, before, between and behind the known ones, and not all of the known ones.
type newerRow struct {
	Before  *int64            `parquet:"before,optional"`
	AppID   int64             `parquet:"sdk_app_id"`
	Region  string            `parquet:"region,dict,zstd"`
	Date    int32             `parquet:"stat_date,date"`
	Tags    []string          `parquet:"tags,list"`
	Logins  *int64            `parquet:"login_times,optional"`
	Hours   map[string]hourly `parquet:"hours"`
	Extra   map[string]string `parquet:"extra,optional"`
	Flag    bool              `parquet:"flag"`
	First   *int64            `parquet:"first_pulled_at,optional,timestamp(millisecond)"`
	Updated *int64            `parquet:"updated_at,optional,timestamp(millisecond)"`
	Rev     *int32            `parquet:"revision,optional"`
	Bare    []int64           `parquet:"bare"`
	Ratio   float64           `parquet:"ratio,split"`
	ID      [16]byte          `parquet:"id,uuid"`
	Place   *place            `parquet:"place,optional"`
	After   int64             `parquet:"after,delta"`
}

type hourly struct {
	Users *int64  `parquet:"users,optional"`
	Peaks []int32 `parquet:"peaks,list"`
}

type place struct {
	City string  `parquet:"city"`
	Note *string `parquet:"note,optional"`
}

func newerRows() []newerRow {
	n, first, rev, note := int64(41), int64(hourOne), int32(3), "注"
	return []newerRow{
		{
			Before: &n, AppID: appA, Region: "singapore", Date: int32(day), Tags: []string{"a", "乙", ""}, Logins: &n,
			Hours: map[string]hourly{"09": {Users: &n, Peaks: []int32{1, 2}}, "10": {}, "11": {Peaks: []int32{3}}},
			Extra: map[string]string{"A": "1"}, Flag: true, First: &first, Updated: &first, Rev: &rev,
			Bare: []int64{1, 2, 3}, Ratio: 0.5, ID: [16]byte{1, 2, 255}, Place: &place{"深圳", &note}, After: n,
		},
		{AppID: appC, Date: int32(day), First: &first, Updated: &first, Rev: &rev, Place: &place{City: ""}},
	}
}

func TestMergeKeepsNewerColumns(t *testing.T) {
	for name, options := range map[string][]parquet.WriterOption{
		"plain": nil, "version 2 pages": {parquet.DataPageVersion(2)}, "version 1 pages, gzip": {parquet.DataPageVersion(1), parquet.Compression(&parquet.Gzip)},
		"two row groups": {parquet.MaxRowsPerRowGroup(1)},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, newerRows(), options...)
			want := read(t, file)
			m := holding(file)
			foreign := foreignColumns(t, file)
			if len(foreign) != 10 {
				t.Fatalf("the file has the foreign columns %v", foreign)
			}
			for i := range 3 { // the last ones read what the one before wrote
				hours := i + 1
				app := int64(appB + 10*i)
				merge(t, m, at(hours), entry(t, appA, fmt.Sprintf(`"LoginTimes":"%d","B":"2"`, i)), entry(t, app, `"UpMsgNum":"7"`))
				clock := at(hours).UnixMilli()
				want[0]["login_times"], want[0]["revision"], want[0]["updated_at"] = int64(i), int64(4+i), clock
				want[0]["extra"] = map[string]any{"A": "1", "B": "2"}
				want = append(want, with(app, clock, clock, 1, map[string]any{"up_msg_num": int64(7)}))
				got := stored(t, m)
				slices.SortFunc(want, func(a, b map[string]any) int {
					return cmp.Compare(a["sdk_app_id"].(int64), b["sdk_app_id"].(int64))
				})
				wantKnownAndForeign(t, got, want)
				if got := foreignColumns(t, m.objects[dayKey]); !maps.Equal(got, foreign) {
					t.Errorf("merge %d: the foreign columns are\n%v\nwant\n%v", i, got, foreign)
				}
			}
		})
	}
}

// wantKnownAndForeign takes an empty list or map of a column that a row does not have for its NULL: the reader gives both alike.
func wantKnownAndForeign(t *testing.T, got, want []map[string]any) {
	t.Helper()
	strip := func(rows []map[string]any) (stripped []map[string]any) {
		for _, row := range rows {
			row = maps.Clone(row)
			maps.DeleteFunc(row, func(_ string, v any) bool {
				list, isList := v.([]any)
				group, isGroup := v.(map[string]any)
				return isList && len(list) == 0 || isGroup && len(group) == 0
			})
			stripped = append(stripped, row)
		}
		return stripped
	}
	wantRows(t, strip(got), strip(want))
}

// foreignColumns returns the types, without their repetition, of the columns that this version does not know.
func foreignColumns(t *testing.T, file []byte) map[string]string {
	foreign := make(map[string]string)
	for _, column := range open(t, file).Root().Columns() {
		if !strings.Contains(schemaText, " "+column.Name()+" ") {
			text := parquet.NewSchema("x", parquet.Group{"x": column}).String()
			foreign[column.Name()] = strings.NewReplacer("required ", "", "optional ", "").Replace(text)
		}
	}
	return foreign
}

// TestMergeIntoOlderFiles has files from before most columns, and from before what makes revisions.
func TestMergeIntoOlderFiles(t *testing.T) {
	type first struct {
		Date  int32  `parquet:"stat_date,date"` // in another order
		AppID int64  `parquet:"sdk_app_id"`
		Login *int64 `parquet:"login_times,optional"`
	}
	type second struct {
		AppID   int64   `parquet:"sdk_app_id"`
		Date    int32   `parquet:"stat_date,date"`
		Name    *string `parquet:"app_name,optional"`
		Login   *int64  `parquet:"login_times,optional"`
		First   *int64  `parquet:"first_pulled_at,optional,timestamp(millisecond)"`
		Updated *int64  `parquet:"updated_at,optional,timestamp(millisecond)"`
	}
	n, hour, name := int64(7), int64(hourOne), "甲"
	day := int32(day)
	tests := map[string]struct {
		file []byte
		want []map[string]any
	}{
		"the key and a counter": {
			write(t, []first{{day, appA, &n}, {day, appC, nil}}),
			[]map[string]any{
				with(appA, 0, hourTwo, 2, map[string]any{"login_times": int64(8)}),
				with(appC, 0, 0, 0, nil),
			},
		},
		"without revisions": {
			write(t, []second{{appA, day, &name, &n, &hour, &hour}, {appC, day, nil, &n, &hour, nil}}),
			[]map[string]any{
				with(appA, hourOne, hourTwo, 2, map[string]any{"login_times": int64(8), "app_name": "甲"}),
				with(appC, hourOne, 0, 0, map[string]any{"login_times": int64(7)}),
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := holding(test.file)
			merge(t, m, at(2), entry(t, appA, `"LoginTimes":"8"`), entry(t, appB, `"A":"1"`))
			want := slices.Insert(test.want, 1, with(appB, hourTwo, hourTwo, 1, map[string]any{"extra": map[string]any{"A": "1"}}))
			for _, row := range want { // a zero stands for what the file does not know
				maps.DeleteFunc(row, func(_ string, v any) bool { return v == int64(0) })
			}
			wantRows(t, stored(t, m), want)
			if got := open(t, m.objects[dayKey]).Schema().String(); got != schemaText {
				t.Errorf("the schema is\n%s", got)
			}
		})
	}
}

// TestIntegersHaveNoLength: Hive's reader compares a column with its type as text, in which the length is lost.
func TestIntegersHaveNoLength(t *testing.T) {
	file := sound(t)
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, element := range f.Metadata().Schema {
		if element.TypeLength.Valid {
			t.Errorf("%s has the length %d", element.Name, element.TypeLength.V)
		}
	}
}
