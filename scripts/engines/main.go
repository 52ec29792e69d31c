// Engines checks the lake with real query engines: it fills a lake with the built function (three apps, sixty days, with
// revisions, NULLs, fields that have no column, Chinese names and days with a single row), starts each engine for real,
// runs the statements that chatlake ddl prints for it, asks twelve questions, and compares each answer with one worked out
// in plain Go over what the Chat API's emulator gave.
//
//	go run ./scripts/engines [-engines duckdb,polars,clickhouse,spark] [-venv scripts/peers/.venv] [-reading 20s]
//	go run ./scripts/engines -engines trino -java25 HOME
//
// hive is the Parquet reader of the Hive that comes with Spark. Trino is not among the engines by default: it needs Java 25,
// and Maven, by which it fetches 365 MB of packages when first asked for.
//
// With -reading it then has DuckDB and Spark read a lake again and again while runs of the function rewrite its days.
//
// It prints a table of queries and engines, and names each engine that was not run with the reason. It exits with 1 if an
// answer differs, or if an engine that was asked for could not be run: what is missing is named with the command that
// installs it. It installs nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"chatlake/internal/scftest"
	"chatlake/internal/stats"
)

var errDiffers = errors.New("not every answer is equal")

func main() {
	names := flag.String("engines", "duckdb,polars,clickhouse,spark", "the `engines` to run, with commas between them; there are hive and trino, too")
	venv := flag.String("venv", "scripts/peers/.venv", "Python `environment` with the packages of scripts/engines/requirements.txt")
	java25 := flag.String("java25", "", "`home` of a Java 25, for Trino")
	reading := flag.Duration("reading", 0, "have engines read for so `long` while days are rewritten")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, strings.Split(*names, ","), *venv, *java25, *reading, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "engines:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string, venv, java25 string, reading time.Duration, out io.Writer) error {
	chosen, left, err := choose(names)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "chatlake-engines-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	b, err := prepare(ctx, venv, java25, scratch, out)
	if err != nil {
		return err
	}
	rows := sourceRows(pulls())
	fmt.Fprintf(out, "The lake has %d rows of %d apps on %d days\n\n", len(rows), len(apps), numDays)
	var outcomes []outcome
	for _, e := range chosen {
		begun := time.Now()
		outcomes = append(outcomes, b.check(ctx, e, rows))
		fmt.Fprintf(out, "%s: %d s\n", e.name, int(time.Since(begun).Seconds()))
	}
	fmt.Fprintln(out)
	outcomes = append(outcomes, left...)
	report(out, queries(), outcomes)
	failed := slices.ContainsFunc(outcomes, outcome.failed)
	if reading > 0 {
		ok, err := b.whileRewriting(ctx, chosen, reading, out)
		if err != nil {
			return err
		}
		failed = failed || !ok
	}
	if failed {
		return errDiffers
	}
	return nil
}

// choose finds the engines by name. All others are left out, for a reason.
func choose(names []string) (chosen []engine, left []outcome, err error) {
	var known []string
	for _, e := range engines() {
		known = append(known, e.name)
		if slices.Contains(names, e.name) {
			chosen = append(chosen, e)
			continue
		}
		why := "not among -engines"
		if e.name == "trino" {
			why += "; it needs " + trinoNeeds
		}
		left = append(left, outcome{engine: e.name, left: why})
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, nil, fmt.Errorf("unknown engine %q: choose of %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, left, nil
}

// prepare builds the function and fills the lake.
func prepare(ctx context.Context, venv, java25, scratch string, out io.Writer) (bench, error) {
	python, err := filepath.Abs(filepath.Join(venv, "bin", "python"))
	if err != nil {
		return bench{}, err
	}
	if _, err := os.Stat(python); err != nil {
		return bench{}, fmt.Errorf("no Python environment (%w): %s", err, install)
	}
	b := bench{
		python: python, scripts: filepath.Join("scripts", "engines"), scratch: scratch,
		binary: filepath.Join(scratch, "main"), lake: filepath.Join(scratch, "it's a lake"), broken: filepath.Join(scratch, "broken"), java25: java25,
	}
	if _, err := os.Stat(b.scripts); err != nil {
		return b, fmt.Errorf("start it in the repository's root: %w", err)
	}
	fmt.Fprintln(out, "Building the function and filling a lake …")
	if err := scftest.Build(ctx, ".", b.binary); err != nil {
		return b, err
	}
	if err := makeLake(ctx, b.binary, b.lake); err != nil {
		return b, err
	}
	from, err := stats.ParseDay(filterFrom)
	if err != nil {
		return b, err
	}
	until, err := stats.ParseDay(filterTo)
	if err != nil {
		return b, err
	}
	return b, copyBroken(table(b.lake), table(b.broken), from, until)
}

// check asks an engine all queries.
func (b bench) check(ctx context.Context, e engine, rows []row) outcome {
	fail := func(err error) outcome { return outcome{engine: e.name, err: err} }
	if err := b.have(ctx, e); err != nil {
		return fail(err)
	}
	j, err := b.job(ctx, e, queries())
	if err != nil {
		return fail(err)
	}
	r, err := b.ask(ctx, e, j, nil)
	if err != nil {
		return fail(err)
	}
	return judge(e.name, r, queries(), rows)
}
