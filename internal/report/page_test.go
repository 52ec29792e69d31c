package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// document is a page as a browser parses it.
type document struct {
	t    testing.TB
	root *html.Node
}

func parse(t testing.TB, page []byte) document {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return document{t, root}
}

// all returns the elements below a node that a test takes.
func all(n *html.Node, take func(*html.Node) bool) (found []*html.Node) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && take(d) {
			found = append(found, d)
		}
	}
	return found
}

func named(names ...string) func(*html.Node) bool {
	return func(n *html.Node) bool { return slices.Contains(names, n.Data) }
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// text is what a node says, its spaces joined.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func (d document) id(id string) *html.Node {
	d.t.Helper()
	found := all(d.root, func(n *html.Node) bool { return attr(n, "id") == id })
	if len(found) != 1 {
		d.t.Fatalf("%d elements with the id %s", len(found), id)
	}
	return found[0]
}

// section returns the section with a heading of that id.
func (d document) section(id string) *html.Node {
	d.t.Helper()
	return d.id(id).Parent
}

// table returns the cells of a section's n-th table, the head's row first.
func (d document) table(section string, n int) (cells [][]string) {
	d.t.Helper()
	tables := all(d.section(section), named("table"))
	if n >= len(tables) {
		d.t.Fatalf("the section %s has %d tables", section, len(tables))
	}
	for _, row := range all(tables[n], named("tr")) {
		var line []string
		for _, c := range all(row, named("th", "td")) {
			line = append(line, text(c))
		}
		cells = append(cells, line)
	}
	return cells
}

// faults returns what is wrong with a page whatever it shows: it must stand alone, and be one that a screen reader and a keyboard
// can use.
func (d document) faults() (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	ids := make(map[string]int)
	for _, n := range all(d.root, func(n *html.Node) bool { return attr(n, "id") != "" }) {
		ids[attr(n, "id")]++
	}
	for id, n := range ids {
		if n > 1 {
			fault("the id %s is there %d times", id, n)
		}
	}
	for _, n := range all(d.root, func(*html.Node) bool { return true }) {
		for _, a := range n.Attr {
			switch a.Key {
			case "href":
				if to, ok := strings.CutPrefix(a.Val, "#"); ok && ids[to] == 0 {
					fault("a link leads to #%s, which is not there", to)
				} else if !ok && a.Val != "data:," {
					fault("<%s href=%q> leads outside", n.Data, a.Val)
				}
			case "aria-labelledby", "aria-describedby", "for":
				if ids[a.Val] == 0 {
					fault("%s=%q names nothing", a.Key, a.Val)
				}
			case "src", "srcset", "action", "formaction", "data", "poster", "background", "ping", "style":
				fault("<%s> has %s=%q", n.Data, a.Key, a.Val)
			default:
				if strings.HasPrefix(a.Key, "on") || strings.Contains(a.Val, "://") {
					fault("<%s> has %s=%q", n.Data, a.Key, a.Val)
				}
			}
		}
		switch n.Data {
		case "img", "iframe", "object", "embed", "base", "audio", "video", "form", "foreignobject", "image":
			fault("the page has <%s>", n.Data)
		case "svg":
			hidden := attr(n, "aria-hidden") == "true"
			if names := all(n, named("title")); !hidden && (attr(n, "role") != "img" || attr(n, "aria-label") == "" && len(names) == 0) {
				fault("a picture has no name")
			}
		case "table":
			d.tableFaults(n, fault)
		}
	}
	policy := ""
	for _, n := range all(d.root, named("meta")) {
		if attr(n, "http-equiv") == "Content-Security-Policy" {
			policy = attr(n, "content")
		}
	}
	for _, kind := range []string{"style", "script"} {
		found := all(d.root, named(kind))
		if len(found) != 1 {
			fault("the page has %d <%s>", len(found), kind)
			continue
		}
		code := found[0].FirstChild.Data
		sum := sha256.Sum256([]byte(code))
		if want := kind + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			fault("the policy %q does not have %s", policy, want)
		}
		outside := regexp.MustCompile(`@import|https?://|//[a-z]+\.|url\([^#)]|fetch\(|XMLHttpRequest|WebSocket|import\(|innerHTML`)
		if m := outside.FindString(code); m != "" {
			fault("<%s> has %q", kind, m)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none';") {
		fault("the policy %q allows what it does not name", policy)
	}
	level := 0
	for _, n := range all(d.root, named("h1", "h2", "h3", "h4")) {
		next, _ := strconv.Atoi(n.Data[1:])
		if next > level+1 || next == 1 && level > 0 || text(n) == "" {
			fault("the heading %q of level %d comes after one of level %d", text(n), next, level)
		}
		level = next
	}
	if root := all(d.root, named("html"))[0]; attr(root, "lang") == "" {
		fault("the page has no language")
	}
	return faults
}

func (d document) tableFaults(table *html.Node, fault func(string, ...any)) {
	rows := all(table, named("tr"))
	if len(rows) == 0 {
		fault("a table has no rows")
		return
	}
	heads := all(rows[0], named("th", "td"))
	for _, h := range heads {
		if h.Data != "th" || attr(h, "scope") != "col" || text(h) == "" {
			fault("a column's header is <%s scope=%q>%s", h.Data, attr(h, "scope"), text(h))
		}
	}
	for _, row := range rows[1:] {
		cells := all(row, named("th", "td"))
		if len(cells) != len(heads) || cells[0].Data != "th" || text(cells[0]) == "" {
			fault("a row has no header, or %d cells of %d: %s", len(cells), len(heads), text(row))
		}
	}
	if len(all(table, named("caption"))) == 0 && attr(table, "aria-describedby") == "" {
		fault("a table has no caption")
	}
}

func TestContrast(t *testing.T) {
	doc := parse(t, write(t, read(t, lake(t), 90, made)))
	css := all(doc.root, named("style"))[0].FirstChild.Data
	light, dark, ok := strings.Cut(css, "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("no dark scheme")
	}
	dark, _, _ = strings.Cut(dark, "\n}\n")
	light, _, _ = strings.Cut(light, "}")
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		colours := make(map[string]float64)
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{3,6});`).FindAllStringSubmatch(css, -1) {
			colours[m[1]] = luminance(m[2])
		}
		// WCAG 2.2: 4.5 for text, 3 for what has to be made out (https://www.w3.org/TR/WCAG22/#contrast-minimum).
		for _, test := range []struct {
			least         float64
			front, ground []string
		}{
			{4.5, []string{"ink", "quiet", "link", "risk-ink", "lost", "good-ink"}, []string{"page", "soft"}},
			{3, []string{"ok", "risk", "lost", "none", "bad"}, []string{"page", "band"}},
			{3, []string{"on-ok"}, []string{"ok"}},
			{3, []string{"on-risk"}, []string{"risk"}},
			{3, []string{"on-lost"}, []string{"lost"}},
			{3, []string{"on-bad"}, []string{"bad"}},
		} {
			for _, front := range test.front {
				for _, ground := range test.ground {
					a, okA := colours[front]
					b, okB := colours[ground]
					if ratio := (max(a, b) + .05) / (min(a, b) + .05); !okA || !okB || ratio < test.least {
						t.Errorf("%s: %s on %s has a contrast of %.2f, less than %.1f", scheme, front, ground, ratio, test.least)
					}
				}
			}
		}
	}
}

// luminance is a colour's relative luminance (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance).
func luminance(hex string) float64 {
	if len(hex) == 3 {
		hex = strings.Repeat(hex[:1], 2) + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:], 2)
	}
	sum := 0.0
	for i, weight := range []float64{.2126, .7152, .0722} {
		v, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		c := float64(v) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
