package ddl

import (
	"fmt"
	"regexp"
	"strings"
)

// dialect is how an engine quotes.
type dialect struct {
	quote     string // around an identifier
	backslash bool   // in a text, a backslash escapes what follows it
}

var (
	// Spark, Hive, DLC, ClickHouse, StarRocks: https://spark.apache.org/docs/latest/sql-ref-literals.html,
	// https://clickhouse.com/docs/sql-reference/syntax. In Spark, 'a''b' is two literals that are joined: the quote would
	// be lost without a word.
	backticks = dialect{quote: "`", backslash: true}
	// Trino and DuckDB: https://trino.io/docs/current/language/types.html#varchar,
	// https://duckdb.org/docs/stable/sql/data_types/literal_types.
	standard = dialect{quote: `"`}
)

// name quotes an identifier of one or more parts, none of which has a quote in it. Always: a column may be called like a
// word of some engine's own.
func (d dialect) name(parts ...string) string {
	if len(parts) == 0 {
		return ""
	}
	return d.quote + strings.Join(parts, d.quote+"."+d.quote) + d.quote
}

// text returns a string literal.
func (d dialect) text(s string) string {
	if d.backslash {
		s = strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s)
	} else {
		s = strings.ReplaceAll(s, "'", "''")
	}
	return "'" + s + "'"
}

// plainName is what every engine takes for a name, quoted or not. The length leaves room for a suffix within the 128
// characters of a Hive metastore.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)

// parseName splits a table's name into its parts.
func (e Engine) parseName(table string) ([]string, error) {
	parts := strings.Split(table, ".")
	for _, part := range parts {
		if !plainName.MatchString(part) {
			return nil, fmt.Errorf("bad table name %q: each part of it is letters, digits and underscores, does not begin with a digit, and has at most 100 characters", table)
		}
	}
	if len(parts) < e.minParts || len(parts) > e.maxParts {
		forms := []string{"TABLE", "DATABASE.TABLE", "CATALOG.DATABASE.TABLE"}[e.minParts-1 : e.maxParts]
		return nil, fmt.Errorf("bad table name %q: for %s it is %s, such as %s", table, e.Name, strings.Join(forms, " or "), e.Table)
	}
	return parts, nil
}
