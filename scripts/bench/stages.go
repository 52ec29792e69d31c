package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// stage is a benchmark of a stage, and how often a first run of 1,000 apps does what it measures.
type stage struct {
	benchmark string
	times     int
}

var stagesOf1000Apps = []stage{
	{"BenchmarkUserSig/by=whole-call", 1000}, // without the network
	{"BenchmarkParse", 30 * 1000},
	{"BenchmarkArchive", 10}, // of 100 answers
	{"BenchmarkSpool/apps=1000", 30},
	{"BenchmarkEncode/apps=1000", 30},
}

// stages runs the stages' benchmarks and returns what they take for 1,000 apps.
func stages(ctx context.Context, out io.Writer) (sum time.Duration, err error) {
	output, err := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark(UserSig|Parse|Archive|Spool|Encode)$", "-cpu", "1", "-p", "1",
		"-count", "3", "-benchtime", "300ms", "./internal/chat", "./internal/stats", "./handler", "./storage").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, output)
	}
	least := make(map[string]time.Duration)
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != "ns/op" {
			continue
		}
		ns, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return 0, err
		}
		if took := time.Duration(ns); least[fields[0]] == 0 || took < least[fields[0]] {
			least[fields[0]] = took
		}
	}
	fmt.Fprintln(out, "\nstages of a first run of 1,000 apps, each alone on one core:")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range stagesOf1000Apps {
		once, ok := least[s.benchmark]
		if !ok {
			return 0, fmt.Errorf("there is no benchmark %s", s.benchmark)
		}
		all := once * time.Duration(s.times)
		sum += all
		fmt.Fprintf(table, "  %s\t%d × %.3f ms\t%.2f s\n", strings.TrimPrefix(s.benchmark, "Benchmark"), s.times, ms(once), all.Seconds())
	}
	fmt.Fprintf(table, "  together\t\t%.2f s\n", sum.Seconds())
	return sum, table.Flush()
}
