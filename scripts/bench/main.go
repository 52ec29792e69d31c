// Bench measures whole runs of the function, through SCF's door, against emulators that take as long as the services do: the time
// against the API's own floor, CPU, memory, requests to COS; a cold start against that of an empty function; and the CPU of a run
// against the sum of its stages' benchmarks. What it finds it prints as a table, with ratios where a figure depends on the machine.
//
//	go run ./scripts/bench                  all sizes, about five minutes
//	go run ./scripts/bench -quick           100 apps
//	go run ./scripts/bench emulate --help   the emulators alone, for any other tool
//
// The emulators run in a process of their own. They share the machine's cores with the function: on a small machine its figures
// are upper bounds. Linux only, since that tells a process's memory and CPU time.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"chatlake/internal/scftest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "emulate" {
		var e emulation
		f := flag.NewFlagSet("emulate", flag.ExitOnError)
		e.flags(f)
		f.Parse(args[1:])
		return e.serve(ctx, os.Stdout)
	}
	f := flag.NewFlagSet("bench", flag.ExitOnError)
	list := f.String("apps", "1,100,1000,10000", "`numbers` of apps to measure, with commas")
	times := f.Int("starts", 21, "cold `starts` to measure")
	quick := f.Bool("quick", false, "100 apps and few starts: that it works, not what it costs")
	f.Parse(args)
	if *quick {
		*list, *times = "100", 5
	}
	var sizes []int
	for text := range strings.SplitSeq(*list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-apps: %q is no number of apps", text)
		}
		sizes = append(sizes, n)
	}
	return bench(ctx, os.Stdout, sizes, *times, !*quick)
}

func bench(ctx context.Context, out io.Writer, sizes []int, times int, withStages bool) error {
	tmp, err := os.MkdirTemp("", "chatlake-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	ours, empty := filepath.Join(tmp, "main"), filepath.Join(tmp, "empty")
	for binary, dir := range map[string]string{ours: ".", empty: "scripts/bench/empty"} {
		if err := scftest.Build(ctx, dir, binary); err != nil {
			return err
		}
	}
	if err := zipSize(ctx, out, filepath.Join(tmp, "chatlake.zip")); err != nil {
		return err
	}
	medians, err := starts(ctx, times, [2]string{ours, empty})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "cold start: %.1f ms, an empty function's %.1f ms: %.2f times (medians of %d)\n",
		ms(medians[0]), ms(medians[1]), float64(medians[0])/float64(medians[1]), times)
	var per1000 time.Duration
	if withStages {
		if per1000, err = stages(ctx, out); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer table.Flush() // what was measured, also where a run fails
	fmt.Fprintln(table, "apps\tstate\twall s\tfloor s\tratio\tcalling s\tCPU s\tCPU s/1000 apps\tof the stages\tpeak MiB\tdays changed\tGET\tPUT\tothers\tMB in\tMB out\t")
	for _, apps := range sizes {
		all, err := runs(ctx, ours, apps)
		if err != nil {
			return err
		}
		for _, m := range all {
			cpu := m.cpu.Seconds() * 1000 / float64(m.apps)
			ofStages := "-"
			if per1000 > 0 && m.state == "cold, empty lake" {
				ofStages = fmt.Sprintf("%.2f", cpu/per1000.Seconds())
			}
			fmt.Fprintf(table, "%d\t%s\t%.2f\t%.2f\t%.3f\t%.2f\t%.2f\t%.2f\t%s\t%.0f\t%d\t%d\t%d\t%d\t%.1f\t%.1f\t\n", m.apps, m.state,
				m.wall.Seconds(), m.floor.Seconds(), m.wall.Seconds()/m.floor.Seconds(), m.count.Calling.Seconds(), m.cpu.Seconds(), cpu, ofStages, float64(m.peak)/(1<<20), m.changed,
				m.count.Gets, m.count.Puts, m.count.Others, float64(m.count.In)/1e6, float64(m.count.Out)/1e6)
		}
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// zipSize builds the package as it is deployed.
func zipSize(ctx context.Context, out io.Writer, zip string) error {
	if output, err := exec.CommandContext(ctx, "go", "run", "./scripts/package", "-o", zip).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	info, err := os.Stat(zip)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "zip: %.2f MiB\n", float64(info.Size())/(1<<20))
	return nil
}
