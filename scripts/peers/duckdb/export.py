"""Reads a lake with DuckDB and prints its columns' types and its rows as JSON.

Argument: the folder of the table.
"""

import json
import os
import sys

import duckdb

db = duckdb.connect(config={"autoinstall_known_extensions": "false"})
db.execute("SET TimeZone = 'UTC'")
files = os.path.join(sys.argv[1], "*", "*.parquet").replace("'", "''")
db.execute(
    "CREATE VIEW lake AS SELECT * FROM"
    f" read_parquet('{files}', hive_partitioning = true, hive_types_autocast = false, union_by_name = false)"
)
types = [[name, type_] for name, type_, *_ in db.execute("DESCRIBE lake").fetchall()]
result = db.execute(
    "SELECT * REPLACE (stat_date::VARCHAR AS stat_date,"
    " first_pulled_at::VARCHAR AS first_pulled_at, updated_at::VARCHAR AS updated_at),"
    " epoch_ms(updated_at) AS updated_ms FROM lake ORDER BY dt, sdk_app_id"
)
names = [column[0] for column in result.description]
rows = [dict(zip(names, row)) for row in result.fetchall()]
# What a query that skips files and row groups by their statistics gives must be what a full scan gives.
skipping = db.execute(
    "SELECT count(*) FROM lake WHERE dt = (SELECT max(dt) FROM lake) AND sdk_app_id >= (SELECT max(sdk_app_id) FROM lake)"
).fetchone()[0]
json.dump({"types": types, "rows": rows, "skipping": skipping}, sys.stdout, ensure_ascii=False)
