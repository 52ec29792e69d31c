"""What every engine's driver shares: the job that comes in, the answers that go out, and values as text.

A job is JSON on stdin:
  statements  SQL to run first
  queries     [{"name", "sql", "pruned"}]; the answer of a pruned one ends with ["files read", how many]
  table       the table's folder
  broken      the same with only the days that the pruned query asks for, and no Parquet in the other files
  seconds     where it is not 0, the one query is asked again and again for so long, after a line "ready" on stdout
The last line on stdout is the result as JSON:
  {"version", "answers": {name: {"rows": [[text]], "error": text}}}, or with seconds {"version", "rounds": [{"rows", "errors"}]}
where errors are those before the query was answered, at most five. It is asked again as it is once, then after a refresh.
"""

import datetime
import json
import sys
import time


def text(value):
    if value is None:
        return "NULL"
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + "%03d" % (value.microsecond // 1000)
    return str(value)


def run(driver):
    """Runs the job with the driver, which has a version and the methods

    execute(sql)            runs a statement
    ask(query)              returns an answer's rows
    files_read(query, job)  returns how many files the answer took
    refresh()               makes a session forget what it knows of the files
    """
    job = json.load(sys.stdin)
    for statement in job["statements"]:
        driver.execute(statement)
    if job["seconds"]:
        result = {"rounds": rounds(driver, job)}
    else:
        result = {"answers": {query["name"]: answer(driver, query, job) for query in job["queries"]}}
    result["version"] = driver.version
    print()
    print(json.dumps(result, ensure_ascii=False))


def rows_of(rows):
    return [[text(value) for value in row] for row in rows]


def answer(driver, query, job):
    try:
        rows = rows_of(driver.ask(query))
        if query["pruned"]:
            rows.append(["files read", text(driver.files_read(query, job))])
        return {"rows": rows, "error": ""}
    except Exception as error:
        return {"rows": [], "error": str(error)[:2000]}


def rounds(driver, job):
    (query,) = job["queries"]
    driver.ask(query)
    print("ready", flush=True)
    done = []
    end = time.monotonic() + job["seconds"]
    while time.monotonic() < end:
        errors, rows = [], None
        while rows is None and len(errors) < 5:
            try:
                rows = rows_of(driver.ask(query))
            except Exception as error:
                errors.append(str(error)[:500])
                if len(errors) > 1:
                    driver.refresh()
        done.append({"rows": rows, "errors": errors})
    return done
