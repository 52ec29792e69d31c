"""Asks DuckDB."""

import re

import duckdb
import job


class DuckDB:
    version = duckdb.__version__

    def __init__(self):
        self.db = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        self.db.execute("SET TimeZone = 'Asia/Shanghai'")

    def execute(self, sql):
        self.db.execute(sql)

    def ask(self, query):
        return self.db.execute(query["sql"]).fetchall()

    def files_read(self, query, _):
        plan = self.db.execute("EXPLAIN ANALYZE " + query["sql"]).fetchall()[0][1]
        found = re.findall(r"Total Files Read:\s*(\d+)", plan)
        if len(found) != 1:
            raise ValueError("the plan does not tell the files that were read: " + plan)
        return int(found[0])

    def refresh(self):
        pass


job.run(DuckDB())
