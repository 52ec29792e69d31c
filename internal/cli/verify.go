package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"chatlake/handler"
	"chatlake/internal/stats"
	"chatlake/internal/verify"
)

func (c command) verify() *cobra.Command {
	var asJSON, raw bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read the whole table: what is damaged, missing or strange, and how to repair it",
		Long: `Read every file of the table and say which cannot be read, have an app twice or rows of
another day, which days are missing between an app's first and its last, and what lies in
the table's folder that does not belong there; and for each how to repair it.

` + needsLake + `
Exit codes: 0 the table is whole, 1 it is not, or could not be read; 2 the command was
called or configured wrongly.`,
		Example: `  export CHATLAKE_LAKE=file:///srv/lake
  chatlake verify

  # the raw archive too
  chatlake verify --raw

  # the commands that would repair what is damaged, and the function's events for the same
  chatlake verify --json | jq -r '.damaged[].repair'
  chatlake verify --json | jq -c '.damaged[].event'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lake, err := handler.OpenLake(handler.ParseEnviron(c.environ), nil)
			if err != nil {
				return err
			}
			show := newProgress(c.stderr)
			report, err := verify.Lake(cmd.Context(), lake, raw, time.Now(), show.update)
			show.end()
			if err != nil {
				return c.failed("the lake could not be read: %v", err)
			}
			out := &firstError{w: c.stdout}
			if asJSON {
				printJSON(out, report)
			} else {
				c.printVerified(out, report)
			}
			if out.err != nil {
				return c.failed("printing failed: %v", out.err)
			}
			if !report.Sound() {
				return errFailed
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON document: files, first, last, rows, apps, bytes, longest_file,\ndamaged, no_file, missing, strange, archive")
	f.BoolVar(&raw, "raw", false, "read the raw archive too")
	return cmd
}

const (
	mostShown = 20 // faults of a kind, for a reader
	fewNamed  = 3  // apps of a group
)

func (c command) printVerified(w io.Writer, r verify.Report) {
	fmt.Fprintf(w, "%d files, %d rows of %d apps, %s", r.Files, r.Rows, r.Apps, size(r.Bytes))
	if r.First != nil {
		fmt.Fprintf(w, ", %s; the longest file has %s", span(*r.First, *r.Last), size(int64(r.Longest)))
	}
	fmt.Fprintln(w)
	if r.Archive != nil {
		fmt.Fprintf(w, "%d objects of the raw archive, %d answers, %s\n", r.Archive.Objects, r.Archive.Answers, size(r.Archive.Bytes))
	}
	switch {
	case r.Files == 0:
		fmt.Fprint(w, "The table is empty: is CHATLAKE_LAKE right, and its prefix?\n")
	case r.Sound():
		fmt.Fprintf(w, "%s\n", c.paint(green, "The table is whole."))
	}
	shown(w, r.Damaged, func(d verify.Damage) {
		fmt.Fprintf(w, "\n%s %s: %s\n", c.paint(red, "damaged"), printable(d.Key), printable(d.Error))
		if d.Command != "" {
			fmt.Fprintf(w, "  rebuild it from the raw archive: %s\n", d.Command)
		}
	})
	shown(w, r.NoFile, func(m verify.Missing) {
		fmt.Fprintf(w, "\n%s the file of %s, though apps have rows before and after\n  %s\n", c.paint(red, "missing"), span(m.From, m.To), m.Command)
	})
	shown(w, byRange(r.Missing), func(same []verify.Missing) {
		m := same[0]
		if len(same) == 1 {
			fmt.Fprintf(w, "\n%s rows of app %d: %s\n  %s\n", c.paint(yellow, "missing"), m.AppID, span(m.From, m.To), m.Command)
			return
		}
		var apps []string
		for _, other := range same[:min(len(same), fewNamed)] {
			apps = append(apps, fmt.Sprint(other.AppID))
		}
		if more := len(same) - fewNamed; more > 0 {
			apps = append(apps, fmt.Sprintf("and %d more", more))
		}
		forAll := strings.Replace(m.Command, fmt.Sprintf(" --apps %d", m.AppID), "", 1)
		fmt.Fprintf(w, "\n%s rows of %d apps (%s): %s\n  %s\n", c.paint(yellow, "missing"), len(same), strings.Join(apps, ", "), span(m.From, m.To), forAll)
	})
	shown(w, r.Strange, func(key string) {
		fmt.Fprintf(w, "\n%s %s\n  query engines read every file in the table's folder: move it away\n", c.paint(yellow, "strange"), printable(key))
	})
	if r.Archive != nil {
		shown(w, r.Archive.Damaged, func(d verify.Damage) {
			fmt.Fprintf(w, "\n%s %s: %s\n  nothing repairs it; the table does not need it, but what only its run pulled can't be rebuilt\n",
				c.paint(red, "damaged"), printable(d.Key), printable(d.Error))
		})
	}
}

// byRange puts those together that miss the same days, the newest days first, which can still be had.
func byRange(missing []verify.Missing) (groups [][]verify.Missing) {
	type days struct{ from, to stats.Day }
	place := make(map[days]int)
	for _, m := range missing {
		key := days{m.From, m.To}
		i, known := place[key]
		if !known {
			i = len(groups)
			place[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], m)
	}
	slices.SortStableFunc(groups, func(a, b []verify.Missing) int { return cmp.Compare(b[0].From, a[0].From) })
	return groups
}

func shown[T any](w io.Writer, list []T, show func(T)) {
	for _, item := range list[:min(len(list), mostShown)] {
		show(item)
	}
	if more := len(list) - mostShown; more > 0 {
		fmt.Fprintf(w, "\nand %d more: --json has them\n", more)
	}
}

func size(bytes int64) string {
	const kib, mib = 1 << 10, 1 << 20
	switch {
	case bytes < 10*kib:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 10*mib:
		return fmt.Sprintf("%d KiB", bytes/kib)
	}
	return fmt.Sprintf("%d MiB", bytes/mib)
}
