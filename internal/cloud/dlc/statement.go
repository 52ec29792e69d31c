package dlc

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"chatlake/internal/stats"
)

const catalog = "DataLakeCatalog"

// A location stands in a string literal of SQL. Quotes, backslashes and ${…} mean something in one.
var location = regexp.MustCompile(`^cosn://[a-z0-9][a-z0-9.-]*(/[\pL\pN._=+@~:-]+)*$`)

// Statement returns the one statement that registers the days' partitions, in the calendar's order, each day once:
//
//	ALTER TABLE … ADD IF NOT EXISTS PARTITION (dt = '2026-11-24') LOCATION '…/dt=2026-11-24' PARTITION …
//
// The partition column dt is a string. The table's folder is a cosn:// URL, as in
// https://www.tencentcloud.com/document/product/1155/48671; without one the statement names no location, and a partition lies
// where the table has it. The statement is that of
// https://www.tencentcloud.com/document/product/1155/61922.
func Statement(t Target, folder string, days []stats.Day) (string, error) {
	folder = strings.TrimRight(folder, "/")
	if err := t.check(); err != nil {
		return "", err
	}
	if folder != "" && !location.MatchString(folder) {
		return "", fmt.Errorf("%q can't stand in a statement as the table's folder: it must be cosn://BUCKET/PATH of letters, digits and . _ = + @ ~ : -", folder)
	}
	if len(days) == 0 {
		return "", errors.New("there is no day to register")
	}
	days = slices.Clone(days)
	slices.Sort(days)
	var sql strings.Builder
	fmt.Fprintf(&sql, "ALTER TABLE `%s`.`%s`.`%s` ADD IF NOT EXISTS", catalog, t.Database, t.Table)
	for _, day := range slices.Compact(days) {
		fmt.Fprintf(&sql, " PARTITION (dt = '%s')", day)
		if folder != "" {
			fmt.Fprintf(&sql, " LOCATION '%s/dt=%s'", folder, day)
		}
	}
	return sql.String(), nil
}
