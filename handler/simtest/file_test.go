package simtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"chatlake/internal/stats"
)

// tableRow is a row of the table as any reader sees it.
type tableRow struct {
	values         map[string]string // by the API's name, be it in a column or in extra
	adoptable      []string          // fields in extra that have a column
	first, updated time.Time         // zero where NULL
	revision       int64
	foreign        map[string]string // values of columns that this version does not know
}

type tableRows map[rowKey]*tableRow

// apiNames are the API's names by column.
var apiNames = func() map[string]string {
	names := make(map[string]string)
	for _, c := range stats.Columns() {
		if c.Name != "" {
			names[c.Column] = c.Name
		}
	}
	return names
}()

// readFile reads a day's file by the contract's columns, without the product's code.
func readFile(file []byte, day stats.Day) (rows tableRows, foreign []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the Parquet reader panics: %v", p)
		}
	}()
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, nil, err
	}
	columns := f.Schema().Columns()
	for _, path := range columns {
		if !isKnown(path[0]) {
			foreign = append(foreign, strings.Join(path, "."))
		}
	}
	rows = make(tableRows)
	last := int64(0)
	buf := make([]parquet.Row, 16)
	for _, group := range f.RowGroups() {
		reader := group.Rows()
		defer reader.Close()
		for {
			n, err := reader.ReadRows(buf)
			for _, values := range buf[:n] {
				app, row, err := readRow(columns, values, day)
				if err != nil {
					return nil, nil, err
				}
				if app <= last {
					return nil, nil, fmt.Errorf("app %d comes after app %d", app, last)
				}
				last = app
				rows[rowKey{app, day}] = row
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, nil, err
			}
		}
	}
	return rows, foreign, nil
}

func isKnown(column string) bool {
	switch column {
	case "extra", "first_pulled_at", "updated_at", "revision":
		return true
	}
	return apiNames[column] != ""
}

func readRow(columns [][]string, values parquet.Row, day stats.Day) (app int64, row *tableRow, err error) {
	row = &tableRow{values: make(map[string]string), foreign: make(map[string]string)}
	var keys []string
	for _, v := range values {
		if v.IsNull() {
			continue
		}
		path := columns[v.Column()]
		switch column := path[0]; {
		case column == "sdk_app_id":
			app = v.Int64()
		case column == "stat_date":
			if got := stats.Day(v.Int32()); got != day {
				return 0, nil, fmt.Errorf("a row is of %s", got)
			}
		case column == "first_pulled_at":
			row.first = time.UnixMilli(v.Int64()).UTC()
		case column == "updated_at":
			row.updated = time.UnixMilli(v.Int64()).UTC()
		case column == "revision":
			row.revision = v.Int64()
		case column == "extra" && path[len(path)-1] == "key":
			keys = append(keys, v.String())
		case column == "extra":
			name := keys[0]
			keys = keys[1:]
			if stats.IsField(name) {
				row.adoptable = append(row.adoptable, name)
			}
			row.values[name] = v.String()
		case apiNames[column] != "":
			row.values[apiNames[column]] = v.String()
		default:
			row.foreign[strings.Join(path, ".")] += v.String() + ";"
		}
	}
	return app, row, nil
}
