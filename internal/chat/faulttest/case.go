// Package faulttest is a corpus of answers that a real network can give to a call of the Chat API, each with what must
// come of it, and a network within the process that gives them, byte for byte.
//
// A case is a file of testdata: lines of what it is about, which begin with #, lines of what must come of it, and the
// answers in the order in which the calls get them, each behind a line ---; the last one is repeated.
//
//	# A proxy's page in place of the API's answer.
//	class: retry        ok, retry, config (the app's configuration) or permanent
//	attempts: 4         calls made
//	stage: parse        pull or parse, of a failure
//	code: 60008         the API's, if it gave one
//	says: …             a piece of the message that says what happened; may come more than once
//	do: …               a piece of it that says what to do
//	rows: 29            of an answer that is good
//	refused: 1          rows that are refused, besides
//	reason: …           a piece of why
//	network: refused    what happens before HTTP (see networks)
//	---
//	HTTP/1.1 200 OK
//	Content-Type: text/html
//
//	<html>{{repeat 100 "x"}}{{cut}}
//
// An answer is a text/template (see render for its functions). Its head gets CRLF line ends, and a Content-Length unless it
// says itself how long the body is; its body loses the file's last line end.
package faulttest

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed testdata/*.http
var files embed.FS

// Case is one file.
type Case struct {
	Name     string
	Class    string
	Attempts int
	Stage    string
	Code     int
	Says, Do []string
	Rows     int
	Refused  int
	Reason   string
	Network  string

	answers []answer
}

// answer is the head and the body of one answer, without the empty line between them.
type answer struct{ head, body *template.Template }

// Corpus returns all cases, by name.
func Corpus() ([]Case, error) {
	entries, err := files.ReadDir("testdata")
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, e := range entries {
		text, err := files.ReadFile(path.Join("testdata", e.Name()))
		if err != nil {
			return nil, err
		}
		c, err := parse(strings.TrimSuffix(e.Name(), ".http"), string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func parse(name, text string) (Case, error) {
	c := Case{Name: name}
	parts := strings.Split("\n"+strings.TrimSuffix(text, "\n"), "\n---\n")
	about := false
	for _, line := range strings.Split(strings.TrimPrefix(parts[0], "\n"), "\n") {
		if strings.HasPrefix(line, "# ") {
			about = true
			continue
		}
		key, value, ok := strings.Cut(line, ": ")
		if !ok {
			return c, fmt.Errorf("%q is neither about the case nor key: value", line)
		}
		if err := c.set(key, value); err != nil {
			return c, fmt.Errorf("%s: %w", key, err)
		}
	}
	for i, text := range parts[1:] {
		head, body, _ := strings.Cut(text, "\n\n")
		var a answer
		var err error
		if a.head, err = template.New("head").Funcs(functions).Parse(strings.ReplaceAll(head, "\n", "\r\n")); err == nil {
			a.body, err = template.New("body").Funcs(functions).Parse(body)
		}
		if err != nil {
			return c, fmt.Errorf("answer %d: %w", i+1, err)
		}
		c.answers = append(c.answers, a)
	}
	switch {
	case !about:
		return c, fmt.Errorf("nothing says what it is about")
	case !slices.Contains([]string{"ok", "retry", "config", "permanent"}, c.Class) || c.Attempts < 1:
		return c, fmt.Errorf("class %q, %d attempts", c.Class, c.Attempts)
	case c.Class != "ok" && (c.Stage != "pull" && c.Stage != "parse" || c.Says == nil || c.Do == nil):
		return c, fmt.Errorf("a failure needs a stage, what it says and what is to be done")
	case !slices.Contains(networks, c.Network):
		return c, fmt.Errorf("no network %q", c.Network)
	case (c.answers == nil) != silent(c.Network):
		return c, fmt.Errorf("%d answers on the network %q", len(c.answers), c.Network)
	}
	return c, nil
}

func (c *Case) set(key, value string) (err error) {
	texts := map[string]*string{"class": &c.Class, "stage": &c.Stage, "reason": &c.Reason, "network": &c.Network}
	numbers := map[string]*int{"attempts": &c.Attempts, "code": &c.Code, "rows": &c.Rows, "refused": &c.Refused}
	lists := map[string]*[]string{"says": &c.Says, "do": &c.Do}
	switch {
	case texts[key] != nil:
		*texts[key] = value
	case numbers[key] != nil:
		*numbers[key], err = strconv.Atoi(value)
	case lists[key] != nil:
		*lists[key] = append(*lists[key], value)
	default:
		err = fmt.Errorf("no such key")
	}
	return err
}
