package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"chatlake/internal/stats"
)

// request is the event that the flags make: one of README's requests.
type request struct {
	From   string   `json:"from,omitempty"`
	To     string   `json:"to,omitempty"`
	Apps   []int64  `json:"apps,omitempty"`
	Fields []string `json:"fields,omitempty"`
	Source string   `json:"source,omitempty"`
	DryRun bool     `json:"dry_run,omitempty"`
	Check  bool     `json:"check,omitempty"`
}

var regionForm = regexp.MustCompile(`^[a-z]{2}-[a-z]+(-[a-z0-9]+)*$`)

// parse reads the flags. What they ask for is checked here as far as that can be, since nobody sees what a function says to an
// event that it refuses asynchronously.
func parse(args []string, env map[string]string, stdout io.Writer) (options, error) {
	var o options
	var r request
	var event string
	f := flag.NewFlagSet("invoke", flag.ContinueOnError)
	f.StringVar(&o.function, "function", "chatlake", "`name` of the function")
	f.StringVar(&o.region, "region", env["TENCENTCLOUD_REGION"], "`region` of the function, such as ap-singapore (default: TENCENTCLOUD_REGION)")
	f.StringVar(&o.namespace, "namespace", "default", "`namespace` of the function")
	f.BoolVar(&o.async, "async", false, "don't wait for the run: for one of more than 300 s")
	f.BoolVar(&o.json, "json", false, "print the summary as one line of JSON; of an -async event, its request_id")
	f.StringVar(&event, "event", "", "the whole event as `JSON`, in place of the flags below")
	f.StringVar(&r.From, "from", "", "first `day`, YYYY-MM-DD (default: the first that the source has)")
	f.StringVar(&r.To, "to", "", "last `day`, YYYY-MM-DD (default: the last that the source has)")
	f.Func("apps", "`sdk_app_ids` to pull, with commas between them (default: all configured)", func(list string) (err error) {
		r.Apps, err = parseApps(list)
		return err
	})
	f.Func("fields", "the API's `names` of the fields to pull, with commas between them (default: all)", func(list string) error {
		r.Fields = strings.Split(list, ",")
		return nil
	})
	f.StringVar(&r.Source, "source", "", "api, or raw for the raw archive (default: api)")
	f.BoolVar(&r.DryRun, "dry-run", false, "compute the summary, write nothing")
	f.BoolVar(&r.Check, "check", false, "run the operator's checks in place of a pull")
	f.SetOutput(io.Discard)
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		io.WriteString(stdout, help)
		f.SetOutput(stdout)
		f.PrintDefaults()
		return o, err
	case err != nil:
		return o, err
	case f.NArg() > 0:
		return o, fmt.Errorf("what is %q for? All is said by flags", f.Arg(0))
	}
	if err := o.check(); err != nil {
		return o, err
	}
	byFlags, err := json.Marshal(r)
	if err != nil {
		return o, err
	}
	o.event = []byte(cmp.Or(event, string(byFlags)))
	switch {
	case event != "" && string(byFlags) != "{}":
		err = errors.New("-event is the whole event: leave out the flags that make one")
	case event != "":
		var object map[string]json.RawMessage
		if json.Unmarshal(o.event, &object) != nil || object == nil {
			err = errors.New(`-event is not a JSON object, such as '{"from":"2026-11-01"}'`)
		}
	default:
		err = r.validate(o.async)
	}
	if most := o.mostEvent(); err == nil && len(o.event) > most {
		err = fmt.Errorf("the event has %d bytes, and SCF takes %d at most", len(o.event), most)
	}
	return o, err
}

func (o options) check() error {
	switch {
	case o.region == "":
		return errors.New("where is the function? Give -region, such as ap-singapore, or set TENCENTCLOUD_REGION")
	case !regionForm.MatchString(o.region):
		return fmt.Errorf("-region %q is none of Tencent Cloud's, such as ap-singapore", o.region)
	case o.function == "":
		return errors.New("-function is empty: it is the name in serverless.yml, chatlake")
	case o.namespace == "":
		return errors.New("-namespace is empty: leave it out for default")
	}
	return nil
}

func (o options) mostEvent() int {
	if o.async {
		return mostAsyncEvent
	}
	return mostEvent
}

func parseApps(list string) (apps []int64, err error) {
	for _, text := range strings.Split(list, ",") {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id <= 0 {
			return nil, fmt.Errorf("%q is no sdk_app_id", text)
		}
		apps = append(apps, id)
	}
	return apps, nil
}

func (r request) validate(async bool) error {
	var days [2]stats.Day
	for i, day := range []struct{ flag, text string }{{"-from", r.From}, {"-to", r.To}} {
		var err error
		if day.text == "" {
			continue
		}
		if days[i], err = stats.ParseDay(day.text); err != nil {
			return fmt.Errorf("%s %q is no day as YYYY-MM-DD", day.flag, day.text)
		}
	}
	for _, name := range r.Fields {
		if !stats.IsField(name) {
			return fmt.Errorf("-fields has %q, which the API has not: it has %s", name, strings.Join(stats.FieldNames(), ", "))
		}
	}
	switch {
	case r.From != "" && r.To != "" && days[0] > days[1]:
		return fmt.Errorf("-from %s is after -to %s", r.From, r.To)
	case r.Source != "" && r.Source != "api" && r.Source != "raw":
		return fmt.Errorf("-source %q must be api or raw", r.Source)
	case r.Source == "raw" && r.Fields != nil:
		return errors.New("-source raw takes no -fields: a replay takes the fields that its runs pulled")
	case r.Check && (r.From != "" || r.To != "" || r.Source != "" || r.Fields != nil || r.DryRun):
		return errors.New("-check takes -apps, and nothing else of a run")
	case async && (r.Check || r.DryRun):
		return errors.New("-async has no answer: leave it out, since a dry run or checks are for their answer alone")
	}
	return nil
}
