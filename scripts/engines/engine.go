package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"chatlake/storage"
)

// engine is a query engine that packages bring along: of Python, or for Trino of Maven.
type engine struct {
	name   string
	driver []string // its script in this folder, and arguments; Trino's is not Python's
	module string   // the Python module that it is in
	ddl    string   // what chatlake ddl prints statements for; empty: none, the driver takes the table's folder
}

func engines() []engine {
	return []engine{
		{"duckdb", []string{"run_duckdb.py"}, "duckdb", "duckdb"},
		{"polars", []string{"run_polars.py"}, "polars", ""},
		{"clickhouse", []string{"run_clickhouse.py"}, "chdb", "clickhouse"},
		{"spark", []string{"run_spark.py"}, "pyspark", "spark"},
		{"hive", []string{"run_spark.py", "hive"}, "pyspark", "hive"},
		{"trino", nil, "", "trino"},
	}
}

// install is how the engines' packages are had.
const install = "python3 -m venv scripts/peers/.venv && scripts/peers/.venv/bin/pip install -r scripts/engines/requirements.txt"

// bench is what every engine is started with.
type bench struct {
	python  string // of the environment that has the packages
	scripts string // the folder of the drivers
	binary  string // chatlake
	lake    string
	broken  string // a lake with only the days of the pruned query: in the other files is no Parquet
	scratch string
	java25  string // home of a Java for Trino
}

// job, answer and result are what the drivers take and give: see job.py.
type job struct {
	Statements []string   `json:"statements"`
	Queries    []jobQuery `json:"queries"`
	Table      string     `json:"table"`
	Broken     string     `json:"broken"`
	Seconds    float64    `json:"seconds"`

	BrokenStatements []string `json:"broken_statements,omitempty"` // for Trino: the same for the broken lake
}

type jobQuery struct {
	Name   string `json:"name"`
	SQL    string `json:"sql"`
	Pruned bool   `json:"pruned"`

	BrokenSQL string `json:"broken_sql,omitempty"`
}

type answer struct {
	Rows  [][]string `json:"rows"`
	Error string     `json:"error"`
}

type result struct {
	Version string            `json:"version"`
	Answers map[string]answer `json:"answers"`
	Rounds  []round           `json:"rounds"`
}

func table(lake string) string { return filepath.Join(lake, storage.Table) }

// have reports what is missing for an engine.
func (b bench) have(ctx context.Context, e engine) error {
	if e.name == "trino" {
		return b.haveTrino(ctx)
	}
	if err := exec.CommandContext(ctx, b.python, "-c", "import "+e.module).Run(); err != nil {
		return fmt.Errorf("%s has no module %s (%w): %s", b.python, e.module, err, install)
	}
	if e.module != "pyspark" {
		return nil
	}
	if err := exec.CommandContext(ctx, "java", "-version").Run(); err != nil {
		return fmt.Errorf("needs Java 8, 11 or 17 (%w)", err)
	}
	return nil
}

// job makes an engine's job: the statements that chatlake prints for it, and the queries in its dialect.
func (b bench) job(ctx context.Context, e engine, queries []query) (job, error) {
	j := job{Table: table(b.lake), Broken: table(b.broken), Statements: []string{table(b.lake)}}
	var err error
	if e.ddl != "" {
		if j.Statements, err = b.ddl(ctx, e, b.lake, ""); err != nil {
			return j, err
		}
	}
	if e.name == "trino" {
		if j.BrokenStatements, err = b.ddl(ctx, e, b.broken, brokenTable); err != nil {
			return j, err
		}
	}
	for _, q := range queries {
		jq := jobQuery{Name: q.name, Pruned: q.pruned}
		d, ok := dialects()[e.name]
		if ok {
			if jq.SQL, err = q.in(d); err != nil {
				return j, err
			}
			d.Table = brokenTable
			if jq.BrokenSQL, err = q.in(d); err != nil {
				return j, err
			}
		}
		j.Queries = append(j.Queries, jq)
	}
	return j, nil
}

// brokenTable is Trino's name for the table of the broken lake.
const brokenTable = "hive.broken.app_daily_stats"

// ddl returns the statements that chatlake prints for a lake.
func (b bench) ddl(ctx context.Context, e engine, lake, name string) ([]string, error) {
	cmd := exec.CommandContext(ctx, b.binary, "ddl", e.ddl, "--lake", "file://"+filepath.ToSlash(lake), "--table", name)
	cmd.Env = []string{}
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("chatlake ddl %s: %w", e.ddl, withStderr(err))
	}
	if e.name == "trino" {
		// The statements are for a catalog that reads file:// by Hadoop. Trino's own file system says local://, and finds no
		// partitions by the other name.
		out = bytes.ReplaceAll(out, []byte("'file://"), []byte("'local://"))
	}
	return statements(string(out)), nil
}

// statements splits a script: each statement ends with a semicolon at a line's end, and no comment has one.
func statements(script string) (list []string) {
	for s := range strings.SplitSeq(script, ";\n") {
		if strings.TrimSpace(s) != "" {
			list = append(list, s)
		}
	}
	return list
}

// ask starts an engine for the job and waits for its result. ready, if not nil, is called once the engine says that it is.
func (b bench) ask(ctx context.Context, e engine, j job, ready func()) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	input, err := json.Marshal(j)
	if err != nil {
		return result{}, err
	}
	cmd := exec.CommandContext(ctx, b.python, e.driver...)
	cmd.Dir = b.scripts
	if e.name == "trino" {
		if cmd, err = b.trino(ctx); err != nil {
			return result{}, err
		}
	}
	cmd.Env = append(cmd.Environ(), "CHATLAKE_SCRATCH="+b.scratch, "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stdin = bytes.NewReader(input)
	out := &lines{ready: ready}
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // Spark's Java process ends with its parent's pipe
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return result{}, fmt.Errorf("%s: %w\n%s", e.name, err, tail(stderr.String(), 2000))
	}
	var r result
	if err := json.Unmarshal(out.last(), &r); err != nil {
		return r, fmt.Errorf("%s gave no result: %w", e.name, err)
	}
	if e.name == "trino" {
		r.Version, err = b.trinoVersion()
	}
	return r, err
}

// lines keeps what a driver prints, and looks for the line that says that it is ready.
type lines struct {
	buf   bytes.Buffer
	ready func()
}

var _ io.Writer = (*lines)(nil)

func (l *lines) Write(p []byte) (int, error) {
	n, err := l.buf.Write(p)
	if l.ready != nil && bytes.Contains(l.buf.Bytes(), []byte("ready\n")) {
		l.ready()
		l.ready = nil
	}
	return n, err
}

func (l *lines) last() []byte {
	b := bytes.TrimSpace(l.buf.Bytes())
	return b[bytes.LastIndexByte(b, '\n')+1:]
}

func withStderr(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return err
}

func tail(s string, most int) string {
	if len(s) > most {
		return "…" + strings.ToValidUTF8(s[len(s)-most:], "")
	}
	return s
}
