package storage_test

import (
	"bytes"
	"testing"

	"github.com/parquet-go/parquet-go"

	"chatlake/storage"
)

// TestShortColumn: a file of which one column has a value less than the others is damaged, and its last row not one without a value.
func TestShortColumn(t *testing.T) {
	type row struct {
		AppID  int64  `parquet:"sdk_app_id"`
		Day    int32  `parquet:"stat_date,date"`
		Active *int64 `parquet:"active_user_num,optional"`
		Name   string `parquet:"app_name,optional"`
	}
	for short := -1; short < 4; short++ {
		var file bytes.Buffer
		w := parquet.NewGenericWriter[row](&file)
		for i, column := range w.ColumnWriters() {
			var values []parquet.Value
			for n := range int64(3) {
				if i == short && n == 2 {
					break
				}
				switch i {
				case 0:
					values = append(values, parquet.Int64Value(appA+n).Level(0, 0, i))
				case 1:
					values = append(values, parquet.Int32Value(int32(day)).Level(0, 0, i))
				case 2:
					values = append(values, parquet.Int64Value(n).Level(0, 1, i))
				case 3:
					values = append(values, parquet.ByteArrayValue([]byte("x")).Level(0, 1, i))
				}
			}
			if _, err := column.WriteRowValues(values); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		rows, err := storage.NewLake(holding(file.Bytes()), "", false).ReadDay(t.Context(), day)
		if (err == nil) != (short < 0) || short < 0 && len(rows) != 3 {
			t.Errorf("column %d is short: %d rows, %v", short, len(rows), err)
		}
	}
}
