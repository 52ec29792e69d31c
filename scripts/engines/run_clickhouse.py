"""Asks ClickHouse, by chdb: the server's engine as a library."""

import json

import job
from chdb import session


class ClickHouse:
    def __init__(self):
        self.session = session.Session()
        self.execute("SET session_timezone = 'Asia/Shanghai'")
        self.version = str(self.session.query("SELECT version()", "TabSeparatedRaw")).strip()

    def execute(self, sql):
        self.session.query(sql)

    def ask(self, query):
        answer = self.session.query(query["sql"] + " SETTINGS output_format_json_quote_64bit_integers = 1", "JSONCompact")
        return json.loads(str(answer))["data"]

    def files_read(self, query, _):
        before = self.opened()
        self.ask(query)
        return self.opened() - before

    def opened(self):
        sql = "SELECT sum(value) FROM system.events WHERE event = 'EngineFileLikeReadFiles'"
        return int(str(self.session.query(sql, "TabSeparatedRaw")))

    def refresh(self):
        pass


job.run(ClickHouse())
