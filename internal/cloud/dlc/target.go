// Package dlc registers new days of the lake with Tencent Cloud's Data Lake Compute, whose tables do not see a new
// partition by themselves.
//
// Failure model: the registration is one idempotent statement, so whatever fails is made good by doing it again; days
// that are registered already are left as they are. A statement that DLC accepted goes on when the caller stops waiting.
// It reads and writes nothing in the lake. Not handled: creating the table, or moving a partition that is registered
// with another location.
package dlc

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"chatlake/internal/secret"
)

// Target is a table of Data Lake Compute in its default catalog, DataLakeCatalog, and the engine that runs statements on it.
type Target struct {
	Engine   string // the data engine's name
	Database string
	Table    string
}

const form = "dlc://ENGINE/DATABASE.TABLE"

// What stands between backticks in SQL is held to what needs no escape; an engine's name is never part of SQL.
var (
	identifier = regexp.MustCompile(`^[A-Za-z0-9_]{1,128}$`)
	engineName = regexp.MustCompile(`^[\pL\pN_-]+$`) // a counted repetition of these classes takes milliseconds to compile, at each start
)

const mostEngineName = 100

// Parse reads dlc://ENGINE/DATABASE.TABLE. The error names every fault.
func Parse(s string) (Target, error) {
	rest, ok := strings.CutPrefix(s, "dlc://")
	engine, table, hasTable := strings.Cut(rest, "/")
	database, table, hasDot := strings.Cut(table, ".")
	if !ok || !hasTable || !hasDot {
		return Target{}, errors.New("it is not of the form " + form)
	}
	t := Target{engine, database, table}
	return t, t.check()
}

// String returns the form that [Parse] reads.
func (t Target) String() string { return "dlc://" + t.Engine + "/" + t.Database + "." + t.Table }

func (t Target) check() error {
	var faults []error
	if !engineName.MatchString(t.Engine) || utf8.RuneCountInString(t.Engine) > mostEngineName {
		faults = append(faults, fmt.Errorf("%s is not an engine's name: letters, digits, _ and -", secret.Show(t.Engine)))
	}
	if !identifier.MatchString(t.Database) {
		faults = append(faults, fmt.Errorf("%s is not a database's name: letters without accents, digits and _", secret.Show(t.Database)))
	}
	if !identifier.MatchString(t.Table) {
		faults = append(faults, fmt.Errorf("%s is not a table's name: letters without accents, digits and _", secret.Show(t.Table)))
	}
	return errors.Join(faults...)
}
