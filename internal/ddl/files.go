package ddl

import (
	"fmt"

	"chatlake/internal/stats"
	"chatlake/storage"
)

const tableName = storage.Table

// duckDB reads the files as they are, by a view over read_parquet
// (https://duckdb.org/docs/stable/data/parquet/overview), so a new day is simply there. dt is a DATE. The view names its
// columns: one with a star breaks once a file has a new one. union_by_name fills a column that older files lack, for which
// each file's footer is read. Keys go into a secret (https://duckdb.org/docs/stable/core_extensions/httpfs/s3api), of the
// session alone.
//
// The view is in the current schema: a schema of the lake's name would be ambiguous in a database file of that name.
func duckDB() Engine {
	return Engine{
		Name: "duckdb", Summary: "DuckDB: a view over the files", Table: tableName,
		dialect: standard, minParts: 1, maxParts: 3, local: true, globs: "*?[]", folder: s3Folder,
	}
}

// clickHouse reads the files by a view over its s3 table function, or file for a directory
// (https://clickhouse.com/docs/sql-reference/table-functions/s3). It tells COS's virtual-hosted URLs from others. dt comes
// from the path (use_hive_partitioning, since 24.8). The schema is given, since one that is guessed from the newest file
// changes with it. A Map cannot be NULL there: a row without extra fields has an empty one.
func clickHouse() Engine {
	return Engine{
		Name: "clickhouse", Summary: "ClickHouse 24.8 and later: a view over the files", Table: "chatlake." + tableName,
		dialect: backticks, minParts: 1, maxParts: 2, local: true, globs: "*?{}", folder: httpsFolder,
		types: func(kind stats.Kind) string {
			switch kind {
			case stats.AppID:
				return "Int64"
			case stats.Date:
				return "Date32"
			case stats.Text:
				return "Nullable(String)"
			case stats.Counter:
				return "Nullable(Int64)"
			case stats.Extra:
				return "Map(String, Nullable(String))"
			case stats.Timestamp:
				return "Nullable(DateTime64(3, 'UTC'))"
			case stats.Revision:
				return "Nullable(Int32)"
			}
			panic(fmt.Sprintf("no type for the kind %d", kind))
		},
	}
}
