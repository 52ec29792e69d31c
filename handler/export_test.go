package handler

import (
	"fmt"
	"time"
)

// CheckEvent parses an event and panics where what it returns contradicts itself.
func CheckEvent(payload []byte) {
	now := time.Date(2026, 11, 25, 3, 30, 0, 0, time.UTC)
	e, faults := parseEvent(payload, now)
	if len(faults) > 0 {
		return
	}
	api := apiWindow(e.clock)
	w, _, faults := e.window(api)
	if len(faults) == 0 && e.source == sourceAPI && (w.From > w.To || w.From < api.From || w.To > api.To) {
		panic(fmt.Sprintf("the window %v is not within %v", w, api))
	}
}

// CheckApps parses a list of apps and panics where it takes an app that no call can be made for.
func CheckApps(list []byte) {
	apps, faults := parseApps(list)
	if len(faults) > 0 {
		return
	}
	for _, app := range apps {
		if app.ID <= 0 || app.Key.IsZero() || app.Endpoint == "" || app.Identifier == "" {
			panic(fmt.Sprintf("took the app %+v", app))
		}
	}
}
