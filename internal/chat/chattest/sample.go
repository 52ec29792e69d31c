package chattest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"chatlake/internal/stats"
)

//go:embed sample.json
var sample string

const (
	sampleID          = 1104620500
	sampleDay         = stats.Day(16959) // 2016-06-07
	sampleRegistered  = 53091
	sampleGroups      = 41913
	sampleActiveUsers = 2014
)

// Sample returns the answer that the API's page gives as its example, byte for byte but for white space: also with
// the comma after the last member, which makes it no JSON.
//
// The app of that answer, SDKAppID 1104620500, serves its values on 2016-06-07 and every 30 days before and
// after, so that each answer has them once, with the day's own Date. Its running totals start again from there.
func Sample() []byte { return []byte(sample) }

var sampleFields = sync.OnceValue(func() map[string]string {
	var answer struct{ Result []map[string]string }
	if err := json.Unmarshal([]byte(strings.Replace(sample, `",}`, `"}`, 1)), &answer); err != nil {
		panic(fmt.Sprintf("sample.json: %v", err)) // embedded: wrong in every build or in none
	}
	return answer.Result[0]
})

// lastSampleDay returns the newest day up to this one that has the sample's values.
func lastSampleDay(day stats.Day) stats.Day {
	return day - ((day-sampleDay)%Days+Days)%Days
}

func sampleValues(day stats.Day) map[string]any {
	values := make(map[string]any, len(sampleFields()))
	for name, v := range sampleFields() {
		values[name] = v
	}
	values["Date"] = date(day)
	return values
}
