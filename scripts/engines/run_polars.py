"""Asks Polars, by expressions over a lazy scan: the names of the queries are those of query.go."""

import datetime
import os

import job
import polars as pl

col = pl.col


def scan(table, schema=None):
    files = os.path.join(table, "**", "*.parquet")
    return pl.scan_parquet(files, schema=schema, hive_partitioning=True, missing_columns="insert")


def utc(column):
    return col(column).dt.strftime("%Y-%m-%d %H:%M:%S.%3f")


def extra(key):
    return col("extra").map.get(key).alias(key)


def null_sum(column):
    """Polars gives 0 for the sum of nothing."""
    return pl.when(col(column).count() > 0).then(col(column).sum()).alias(column)


def filtered(t):
    day = datetime.date
    return (
        t.filter(col("dt").is_between(day(2026, 10, 18), day(2026, 10, 20)))
        .select(col("dt"), col("sdk_app_id"), col("up_msg_num"))
        .sort("dt", "sdk_app_id")
    )


def week_before(t):
    return (
        t.with_columns(before=col("stat_date") - pl.duration(days=7))
        .join(t, left_on=["sdk_app_id", "before"], right_on=["sdk_app_id", "stat_date"], suffix="_before")
        .filter(col("stat_date") >= datetime.date(2026, 11, 18))
        .select("sdk_app_id", "stat_date", "before", col("active_user_num") - col("active_user_num_before"))
        .sort("sdk_app_id", "stat_date")
    )


def teams(t):
    team = pl.LazyFrame({"id": [1400000001, 1400000002, 1400000003], "team": ["north", "south", "south"]})
    joined = t.join(team, left_on="sdk_app_id", right_on="id")
    return joined.group_by("team").agg(pl.len(), col("down_msg_num").sum()).sort("team")


def revised(t):
    place = pl.struct("revision", "stat_date").rank("ordinal", descending=True).over("sdk_app_id")
    return t.filter(place <= 2).select("sdk_app_id", "stat_date", "revision").sort("sdk_app_id", "stat_date")


QUERIES = {
    "counts": lambda t: t.select(
        pl.len(), col("stat_date").n_unique(), col("sdk_app_id").n_unique(), col("app_name").count(), col("apns_msg_num").count()
    ),
    "weekly sums": lambda t: t.group_by("sdk_app_id", col("stat_date").dt.truncate("1w"))
    .agg(null_sum("up_msg_num"), null_sum("active_user_num"))
    .sort("sdk_app_id", "stat_date"),
    "date arithmetic": week_before,
    "filter on dt": filtered,
    "map": lambda t: t.filter(extra("NewMetric").is_not_null())
    .select("stat_date", extra("NewMetric"), extra("新指标"), extra("Object"), extra("nothing"))
    .sort("stat_date"),
    "nulls": lambda t: t.group_by("sdk_app_id")
    .agg(
        pl.len(),
        col("company").count(),
        col("login_times").is_null().sum(),
        null_sum("apns_msg_num"),
        col("apns_msg_num").fill_null(1).sum().alias("filled"),
    )
    .sort("sdk_app_id"),
    "join on app": teams,
    "latest revision": revised,
    "timestamps": lambda t: t.filter(
        col("updated_at") >= datetime.datetime(2026, 10, 26, 3, 30, 0, 250000, datetime.timezone.utc)
    )
    .group_by(utc("first_pulled_at"), utc("updated_at"))
    .agg(pl.len())
    .sort("first_pulled_at", "updated_at"),
    "distinct apps": lambda t: t.group_by("stat_date")
    .agg(col("sdk_app_id").n_unique().alias("apps"))
    .group_by("apps")
    .agg(pl.len())
    .sort("apps"),
    "Chinese names": lambda t: t.filter((col("app_name") == "海港聊天🙂") | col("app_name").str.starts_with("青鸟"))
    .group_by("app_name")
    .agg(col("company").min(), pl.len())
    .sort("app_name"),
    "max and min": lambda t: t.select(
        col("call_back_req").max(),
        col("call_back_rsp").min(),
        col("stat_date").min(),
        col("stat_date").max().alias("last"),
        col("app_name").max(),
        col("app_name").min().alias("first"),
    ),
}


class Polars:
    version = pl.__version__
    table = ""

    def execute(self, table):
        self.table = table

    def ask(self, query):
        return QUERIES[query["name"]](scan(self.table)).collect().rows()

    def files_read(self, query, given):
        """Polars does not tell. Where the other files are no Parquet, an answer proves that they were not read.

        The schema is given there: without one, Polars reads that of the first file.
        """
        schema = scan(self.table).collect_schema()
        del schema["dt"]
        found = filtered(scan(given["broken"], schema)).collect()
        if found.rows() != self.ask(query):
            raise ValueError("another answer where the other days cannot be read")
        return found["dt"].n_unique()

    def refresh(self):
        pass


job.run(Polars())
