package handler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"chatlake/internal/secret"
	"chatlake/internal/stats"
)

// event is what an invocation asks for. README's table describes the keys of a request.
type event struct {
	trigger string    // timer or manual
	clock   time.Time // the run's clock, UTC
	request
}

// Sources of rows.
const (
	sourceAPI = "api"
	sourceRaw = "raw" // the raw archive
)

type request struct {
	from, to *stats.Day
	apps     []int64
	fields   []string
	source   string // api or raw
	dryRun   bool
	check    bool // the operator's checks, instead of a run
}

// AsksForCheck reports whether an event is one for [Check], and not for [Run].
func AsksForCheck(payload []byte) bool {
	e, faults := parseEvent(payload, time.Now())
	return e.check && len(faults) == 0
}

// parseEvent reads a timer's event, a request, or nothing. now is the run's clock where the event has none.
// https://cloud.tencent.com/document/product/583/9708 describes the timer's event.
func parseEvent(payload []byte, now time.Time) (event, []string) {
	e := event{trigger: "manual", clock: now.UTC(), request: request{source: sourceAPI}}
	p := eventParser{where: "the event"}
	keys := p.object(payload)
	if _, ok := keys["Type"]; !ok {
		e.request = p.request(keys)
		return e, p.faults
	}
	var kind, clock, message string
	if !read(&p, keys, "Type", "Timer", &kind) {
		return e, p.faults
	}
	if kind != "Timer" {
		p.fault("is of the Type %s: only a Timer, or a request, can start a run", secret.Show(kind))
		return e, p.faults
	}
	e.trigger = "timer"
	const clockForm = "as 2026-11-25T03:30:00Z"
	if read(&p, keys, "Time", clockForm, &clock) {
		if t, err := time.Parse(time.RFC3339, clock); err == nil {
			e.clock = t.UTC()
		} else {
			p.fault("has a bad or no Time: it must be %s", clockForm)
		}
	}
	if read(&p, keys, "Message", "a text", &message) {
		p.where = "the event's Message"
		e.request = p.request(p.object([]byte(message)))
	}
	return e, p.faults
}

// eventParser collects faults.
type eventParser struct {
	where  string
	faults []string
}

func (p *eventParser) fault(format string, args ...any) {
	p.faults = append(p.faults, p.where+" "+fmt.Sprintf(format, args...))
}

// object reads a JSON object; nothing and null are an empty one.
func (p *eventParser) object(text []byte) map[string]json.RawMessage {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	keys, twice, err := readObject(text)
	if err != nil {
		p.fault("is not a request: it must be a JSON object, such as {\"from\":\"2026-11-01\"}")
	}
	for _, key := range twice {
		p.fault("has the key %s twice", secret.Show(key))
	}
	return keys
}

// read reads a key's value; null is as good as none. Of a value that is no such thing nothing is kept, not even the part
// that could be read, so that it makes no other fault.
func read[T any](p *eventParser, keys map[string]json.RawMessage, key, kind string, into *T) (ok bool) {
	raw, there := keys[key]
	if !there || string(raw) == "null" {
		return true
	}
	var value T
	if json.Unmarshal(raw, &value) != nil {
		p.fault("has a bad %s: it must be %s", key, kind)
		return false
	}
	*into = value
	return true
}

var requestKeys = []string{"apps", "check", "dry_run", "fields", "from", "source", "to"}

func (p *eventParser) request(keys map[string]json.RawMessage) request {
	r := request{source: sourceAPI}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(requestKeys, key) {
			p.fault("has the unknown key %s: a request's keys are %s", secret.Show(key), strings.Join(requestKeys, ", "))
		}
	}
	const dayForm, appsForm = "a day as YYYY-MM-DD", "an array of sdk_app_ids"
	read(p, keys, "from", dayForm, &r.from)
	read(p, keys, "to", dayForm, &r.to)
	read(p, keys, "apps", appsForm, &r.apps)
	read(p, keys, "fields", "an array of the API's field names", &r.fields)
	read(p, keys, "source", `"api" or "raw"`, &r.source)
	read(p, keys, "dry_run", "true or false", &r.dryRun)
	read(p, keys, "check", "true or false", &r.check)
	if r.from != nil && r.to != nil && *r.from > *r.to {
		p.fault("has from %s after to %s", *r.from, *r.to)
	}
	switch {
	case r.apps != nil && len(r.apps) == 0:
		p.fault("has an empty apps: leave it out for all apps")
	case slices.ContainsFunc(r.apps, func(id int64) bool { return id <= 0 }):
		p.fault("has a bad apps: it must be %s", appsForm)
		r.apps = nil
	}
	if r.fields != nil && len(r.fields) == 0 {
		p.fault("has an empty fields: leave it out for all fields")
	}
	for _, name := range r.fields {
		if !stats.IsField(name) {
			p.fault("has the unknown field %s: the API's are %s", secret.Show(name), strings.Join(stats.FieldNames(), ", "))
		}
	}
	switch {
	case r.source != sourceAPI && r.source != sourceRaw:
		p.fault("has the source %s: it must be api or raw", secret.Show(r.source))
		r.source = sourceAPI // the summary has it
	case r.source == sourceRaw && r.fields != nil:
		p.fault("has fields, which the source raw has no use for: a replay takes the fields that its runs pulled")
	}
	if r.check {
		for _, key := range []string{"dry_run", "fields", "from", "source", "to"} {
			if value, there := keys[key]; there && string(value) != "null" {
				p.fault("asks for check with %s: checks take apps, and no other key", key)
			}
		}
	}
	slices.Sort(r.apps)
	r.apps = slices.Compact(r.apps)
	return r
}

// window is a range of days, both ends in it.
type window struct {
	From stats.Day `json:"from"`
	To   stats.Day `json:"to"`
}

func (w window) String() string {
	if w.From == w.To {
		return w.From.String()
	}
	return w.From.String() + " to " + w.To.String()
}

// APIDays is how many whole days the API keeps.
const APIDays = 30

// apiWindow returns the days that the API surely has at a time: the last 30 that are over in Beijing.
func apiWindow(clock time.Time) window {
	yesterday := stats.DayIn(clock, stats.Beijing) - 1
	return window{yesterday - (APIDays - 1), yesterday}
}

// window returns the days that the request asks for and its source can have, and what is to be said of the others. What the
// archive has is known only later.
func (r request) window(api window) (w window, warnings, faults []string) {
	w = api
	if r.source == sourceRaw {
		if r.from != nil {
			w.From = *r.from
		}
		if r.to != nil {
			w.To = *r.to
		}
		w.From = min(w.From, w.To)
		return w, nil, nil
	}
	if r.from != nil {
		w.From = max(w.From, *r.from)
	}
	if r.to != nil {
		w.To = min(w.To, *r.to)
	}
	if w.From > w.To {
		advice := "older ones can be rebuilt from the raw archive by \"source\":\"raw\""
		if w.From > api.To {
			advice = "later ones are not over yet in Beijing"
		}
		return api, nil, []string{fmt.Sprintf("the event asks for no day that the API has, which are %s to %s: %s", api.From, api.To, advice)}
	}
	if r.from != nil && *r.from < api.From {
		gone := min(api.From-1, w.To)
		warnings = append(warnings, fmt.Sprintf("the API no longer has %s to %s, since it keeps %d days: what earlier runs pulled of them can be rebuilt from the raw archive by the request {\"source\":\"raw\",\"from\":%q,\"to\":%q}",
			*r.from, gone, APIDays, *r.from, gone))
	}
	if r.to != nil && *r.to > api.To {
		warnings = append(warnings, fmt.Sprintf("%s to %s are not over yet in Beijing: a later run pulls them whole", api.To+1, *r.to))
	}
	return w, warnings, nil
}

// wants reports whether a row of the day is asked for. A request without an end takes all that the API gives.
func (r request) wants(day stats.Day) bool {
	return (r.from == nil || day >= *r.from) && (r.to == nil || day <= *r.to)
}
