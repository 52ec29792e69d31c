package ddl

import (
	"fmt"

	"chatlake/internal/stats"
)

// hiveType is the type of Spark's and Hive's family: BIGINT, MAP<STRING,STRING> and so on.
func hiveType(kind stats.Kind) string {
	switch kind {
	case stats.AppID, stats.Counter:
		return "BIGINT"
	case stats.Date:
		return "DATE"
	case stats.Text:
		return "STRING"
	case stats.Extra:
		return "MAP<STRING,STRING>"
	case stats.Timestamp:
		return "TIMESTAMP"
	case stats.Revision:
		return "INT"
	}
	panic(fmt.Sprintf("no type for the kind %d", kind))
}

// dlc is Tencent Cloud Data Lake Compute: an external table is CREATE TABLE … USING PARQUET with a LOCATION
// (https://cloud.tencent.com/document/product/1342/61794). Its partitions are added by ALTER TABLE or found by MSCK REPAIR
// TABLE, which only adds, and is slow on a long table (https://cloud.tencent.com/document/product/1342/61979). dt is a
// string there, as in that page's examples.
func dlc() Engine {
	return Engine{
		Name: "dlc", Summary: "Tencent Cloud Data Lake Compute: an external table", Table: "chatlake." + tableName,
		dialect: backticks, types: hiveType, minParts: 1, maxParts: 3, folder: cosnFolder,
	}
}

// spark takes a data source table (https://spark.apache.org/docs/latest/sql-ref-syntax-ddl-create-table-datasource.html).
// The columns' list has dt too: the form with a type inside PARTITIONED BY is new in Spark 3.
func spark() Engine {
	return Engine{
		Name: "spark", Summary: "Apache Spark SQL: an external table, on EMR or anywhere", Table: "chatlake." + tableName,
		dialect: backticks, types: hiveType, minParts: 1, maxParts: 3, local: true, folder: cosnFolder,
	}
}

// hive declares a timestamp as BIGINT, the milliseconds as they are stored, and converts them in a view. Before version 4,
// Hive cannot read an INT64 as TIMESTAMP (https://issues.apache.org/jira/browse/HIVE-21215: it fails with
// "LongWritable cannot be cast to TimestampWritable"), while every version reads it as BIGINT: 2 and 3 look at the physical
// type only, 4 was mended for it (https://issues.apache.org/jira/browse/HIVE-26612). The view builds the timestamp from
// text: by a cast of a number it would be of the server's time zone before 3.1, and is refused since 4.0
// (hive.strict.timestamp.conversion).
func hive() Engine {
	return Engine{
		Name: "hive", Summary: "Apache Hive 2 and later: an external table, and a view that gives timestamps", Table: "chatlake." + tableName,
		dialect: backticks, minParts: 1, maxParts: 2, local: true, folder: cosnFolder,
		types: func(kind stats.Kind) string {
			if kind == stats.Timestamp {
				return "BIGINT"
			}
			return hiveType(kind)
		},
	}
}

// trino's Hive connector has one type of timestamp, without a zone, whose precision must be that of
// hive.timestamp-precision, by default milliseconds (https://trino.io/docs/current/connector/hive.html): TIMESTAMP(3),
// which reads as UTC. TIMESTAMP WITH TIME ZONE it refuses in a table's definition.
func trino() Engine {
	return Engine{
		Name: "trino", Summary: "Trino's Hive connector: an external table in a metastore", Table: "hive.chatlake." + tableName,
		dialect: standard, minParts: 2, maxParts: 3, local: true, folder: s3aFolder,
		types: func(kind stats.Kind) string {
			switch kind {
			case stats.Text:
				return "VARCHAR"
			case stats.Extra:
				return "MAP(VARCHAR, VARCHAR)"
			case stats.Timestamp:
				return "TIMESTAMP(3)"
			case stats.Revision:
				return "INTEGER"
			}
			return hiveType(kind)
		},
	}
}

// starRocks has a Hive catalog over the table that hive prints (https://docs.starrocks.io/docs/data_source/catalog/hive_catalog/):
// by it a filter on dt reads those days alone, and it reaches COS as S3-compatible storage, cosn:// locations included.
// A view of StarRocks' own makes DATETIME of the BIGINT, by days, seconds and microseconds, since its functions take an INT.
func starRocks() Engine {
	return Engine{
		Name: "starrocks", Summary: "StarRocks: an external catalog over Hive's table, and a view", Table: "chatlake." + tableName,
		dialect: backticks, minParts: 2, maxParts: 2, folder: cosnFolder,
	}
}
