package cli

import (
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"chatlake/handler"
)

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colour is a colour of a terminal; none is "".
type colour string

const (
	red    colour = "\x1b[31m"
	green  colour = "\x1b[32m"
	yellow colour = "\x1b[33m"
)

// statusColours are those of a run's status.
var statusColours = map[handler.Status]colour{handler.OK: green, handler.Partial: yellow, handler.Failed: red}

// paint colours a text for stdout where it is a terminal that knows colours and its user has not said no
// (https://no-color.org).
func (c command) paint(in colour, text string) string {
	env := handler.ParseEnviron(c.environ)
	if in == "" || !isTerminal(c.stdout) || env["NO_COLOR"] != "" || env["TERM"] == "dumb" {
		return text
	}
	return string(in) + text + "\x1b[0m"
}

// printable replaces what a terminal would obey: texts of the API, of a server and of a lake are shown as they came.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, text)
}

// cell is a text of a table.
type cell struct {
	text string
	in   colour
}

// cells makes a row of texts without colours.
func cells(texts ...string) []cell {
	row := make([]cell, len(texts))
	for i, text := range texts {
		row[i].text = text
	}
	return row
}

// printTable prints rows in columns. Unlike text/tabwriter it knows that a Chinese character is two columns wide.
func (c command) printTable(w io.Writer, rows [][]cell) {
	var widths []int
	for _, row := range rows {
		for i := range row {
			row[i].text = printable(row[i].text)
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(row[i].text))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(c.paint(cell.in, cell.text))
			line.WriteString(strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell.text)+2))
		}
		io.WriteString(w, strings.TrimRight(line.String(), " ")+"\n")
	}
}

// clip shortens a text to some columns of a terminal.
func clip(text string, most int) string {
	if uniseg.StringWidth(text) <= most {
		return text
	}
	var short strings.Builder
	for clusters, width := uniseg.NewGraphemes(text), 1; clusters.Next(); {
		if width += clusters.Width(); width > most {
			break
		}
		short.WriteString(clusters.Str())
	}
	return short.String() + "…"
}
