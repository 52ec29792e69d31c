package main

import (
	"fmt"
	"strings"
	"text/template"
)

// query is one question, in SQL and in plain Go.
type query struct {
	name string
	sql  string // a template over a dialect
	want func([]row) [][]string

	// pruned queries filter on dt; their answers end with how many files were read.
	pruned bool
}

// dialect is what the queries' templates leave to an engine.
type dialect struct {
	Table string
	date  string // format of an expression as a DATE
	extra string // format of a key's value in extra
	utc   string // format of a column as text in UTC, with milliseconds
	at    string // format of a literal instant, in UTC
}

func (d dialect) Date(expression string) string { return fmt.Sprintf(d.date, expression) }
func (d dialect) Extra(key string) string       { return fmt.Sprintf(d.extra, key) }
func (d dialect) UTC(column string) string      { return fmt.Sprintf(d.utc, column) }
func (d dialect) At(instant string) string      { return fmt.Sprintf(d.at, instant) }

// dialects are those of the engines that take SQL. Their sessions are in Beijing's time zone, on which no instant may
// depend.
func dialects() map[string]dialect {
	spark := dialect{
		Table: "chatlake.app_daily_stats", date: "CAST(%s AS DATE)", extra: "extra['%s']",
		utc: "date_format(to_utc_timestamp(%s, current_timezone()), 'yyyy-MM-dd HH:mm:ss.SSS')", at: "TIMESTAMP '%sZ'",
	}
	// Hive's timestamps have no zone.
	hive := spark
	hive.utc, hive.at = "date_format(%s, 'yyyy-MM-dd HH:mm:ss.SSS')", "TIMESTAMP '%s'"
	return map[string]dialect{
		"duckdb": {
			Table: "app_daily_stats", date: "CAST(%s AS DATE)", extra: "extra['%s']",
			utc: "strftime(%s AT TIME ZONE 'UTC', '%%Y-%%m-%%d %%H:%%M:%%S.%%g')", at: "TIMESTAMPTZ '%s+00'",
		},
		"clickhouse": {
			Table: "chatlake.app_daily_stats", date: "CAST(%s AS Date32)", extra: "extra['%s']",
			utc: "toString(%s)", at: "toDateTime64('%s', 3, 'UTC')",
		},
		"spark": spark,
		"hive":  hive,
		"trino": {
			Table: "hive.chatlake.app_daily_stats", date: "CAST(%s AS DATE)", extra: "element_at(extra, '%s')",
			utc: "CAST(%s AS VARCHAR)", at: "TIMESTAMP '%s'",
		},
	}
}

func (q query) in(d dialect) (string, error) {
	t, err := template.New(q.name).Parse(q.sql)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, d)
	return b.String(), err
}

// queries are the twelve. They order by what is never NULL, since engines differ in where they put NULLs.
func queries() []query {
	return []query{
		{
			name: "counts", want: wantCounts,
			sql: `SELECT count(*), count(DISTINCT stat_date), count(DISTINCT sdk_app_id), count(app_name), count(apns_msg_num) FROM {{.Table}}`,
		},
		{
			name: "weekly sums", want: wantWeeks,
			sql: `SELECT sdk_app_id, {{.Date "date_trunc('week', stat_date)"}} AS week, sum(up_msg_num), sum(active_user_num)
				FROM {{.Table}} GROUP BY sdk_app_id, {{.Date "date_trunc('week', stat_date)"}} ORDER BY 1, 2`,
		},
		{
			name: "date arithmetic", want: wantWeekBefore,
			sql: `SELECT a.sdk_app_id, a.stat_date, {{.Date "a.stat_date - INTERVAL '7' DAY"}} AS week_before, a.active_user_num - b.active_user_num
				FROM {{.Table}} a JOIN {{.Table}} b ON a.sdk_app_id = b.sdk_app_id AND b.stat_date = {{.Date "a.stat_date - INTERVAL '7' DAY"}}
				WHERE a.stat_date >= DATE '2026-11-18' ORDER BY 1, 2`,
		},
		{
			name: "filter on dt", want: wantDays, pruned: true,
			sql: `SELECT dt, sdk_app_id, up_msg_num FROM {{.Table}} WHERE dt BETWEEN '2026-10-18' AND '2026-10-20' ORDER BY 1, 2`,
		},
		{
			name: "map", want: wantExtra,
			sql: `SELECT stat_date, {{.Extra "NewMetric"}} AS new_metric, {{.Extra "新指标"}}, {{.Extra "Object"}}, {{.Extra "nothing"}}
				FROM {{.Table}} WHERE {{.Extra "NewMetric"}} IS NOT NULL ORDER BY 1`,
		},
		{
			name: "nulls", want: wantNulls,
			sql: `SELECT sdk_app_id, count(*), count(company), sum(CASE WHEN login_times IS NULL THEN 1 ELSE 0 END), sum(apns_msg_num), sum(coalesce(apns_msg_num, 1))
				FROM {{.Table}} GROUP BY sdk_app_id ORDER BY 1`,
		},
		{
			name: "join on app", want: wantTeams,
			sql: `SELECT t.team, count(*), sum(s.down_msg_num) FROM {{.Table}} s
				JOIN (SELECT 1400000001 AS id, 'north' AS team UNION ALL SELECT 1400000002, 'south' UNION ALL SELECT 1400000003, 'south') t ON t.id = s.sdk_app_id
				GROUP BY t.team ORDER BY 1`,
		},
		{
			name: "latest revision", want: wantRevised,
			sql: `SELECT sdk_app_id, stat_date, revision FROM (
				SELECT sdk_app_id, stat_date, revision, row_number() OVER (PARTITION BY sdk_app_id ORDER BY revision DESC, stat_date DESC) AS place FROM {{.Table}}
				) ranked WHERE place <= 2 ORDER BY 1, 2`,
		},
		{
			name: "timestamps", want: wantTimes,
			sql: `SELECT {{.UTC "first_pulled_at"}} AS first_pulled, {{.UTC "updated_at"}} AS updated, count(*) FROM {{.Table}}
				WHERE updated_at >= {{.At "2026-10-26 03:30:00.250"}} GROUP BY first_pulled_at, updated_at ORDER BY 1, 2`,
		},
		{
			name: "distinct apps", want: wantAppsADay,
			sql: `SELECT apps, count(*) FROM (SELECT stat_date, count(DISTINCT sdk_app_id) AS apps FROM {{.Table}} GROUP BY stat_date) days GROUP BY apps ORDER BY 1`,
		},
		{
			name: "Chinese names", want: wantChinese,
			sql: `SELECT app_name, min(company), count(*) FROM {{.Table}} WHERE app_name = '海港聊天🙂' OR app_name LIKE '青鸟%' GROUP BY app_name ORDER BY 1`,
		},
		{
			name: "max and min", want: wantExtremes,
			sql: `SELECT max(call_back_req), min(call_back_rsp), min(stat_date), max(stat_date), max(app_name), min(app_name) FROM {{.Table}}`,
		},
	}
}
