"""Writes a day's file again, by DuckDB's COPY with the same compression, and prints its sizes and the seconds that it took.

Arguments: the day's file, the one to write.
"""

import json
import os
import sys
import time

import duckdb

source, target = sys.argv[1:]
connection = duckdb.connect()
connection.execute("SET threads = 1")
connection.execute("CREATE TABLE day AS SELECT * FROM read_parquet(?, hive_partitioning = false)", [source])
sizes, seconds = [], []
for options in ["", ", DICTIONARY_SIZE_LIMIT 1"]:  # as DuckDB likes it, and without dictionaries
    for _ in range(5):
        begun = time.perf_counter()
        connection.execute(
            "COPY (FROM day ORDER BY sdk_app_id) TO '" + target.replace("'", "''") + f"' (FORMAT parquet, COMPRESSION snappy{options})"
        )
        seconds.append(time.perf_counter() - begun)
    sizes.append(os.path.getsize(target))
json.dump({"Size": sizes[0], "Plain": sizes[1], "Seconds": min(seconds)}, sys.stdout)
