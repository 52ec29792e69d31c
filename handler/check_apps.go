package handler

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"chatlake/internal/chat"
	"chatlake/internal/stats"
)

// fewApps is up to how many apps each has its line, also where all is well.
const fewApps = 20

// probe is a request for one counter, which is enough to learn whether the API answers, and for which days.
var probe = request{fields: []string{"ActiveUserNum"}}

// complete is from which hour on, in Beijing, the API has the day before: at about 10, sometimes later
// (https://cloud.tencent.com/document/api/269/6696).
const complete = 11

// selectWhole keeps the apps that are asked for and that a call can be made for, also where the list has faults.
func (c *checker) selectWhole() {
	seen := make(map[int64]bool)
	c.config.apps = slices.DeleteFunc(c.config.apps, func(app chat.App) bool {
		base, err := url.Parse(app.Endpoint)
		if err != nil || base.Host == "" || app.ID == 0 || app.Key.IsZero() || seen[app.ID] || !c.asksFor(app.ID) {
			return true
		}
		seen[app.ID] = true
		c.asked = append(c.asked, app.ID)
		return false
	})
}

// checkSecrets gets the apps' keys from Secrets Manager. An app whose key can't be had is called no further.
func (c *checker) checkSecrets(ctx context.Context) (lines []Checked) {
	names := secretNames(c.config.apps)
	if len(names) == 0 {
		return nil
	}
	if c.config.cloud == nil {
		c.config.apps = slices.DeleteFunc(c.config.apps, func(app chat.App) bool { _, ok := secretName(app); return ok })
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*stepTime) // of which a run's rule gives it half
	defer cancel()
	c.fetchKeys(ctx)
	c.holdings = newHoldings(c.holdings.window) // an app without a key is no failed pull
	if n := len(c.summary.Errors); n > 0 {
		return []Checked{checked("secrets", Failed, "the keys of %d apps could not be had from Secrets Manager: see their own lines", n)}
	}
	return []Checked{checked("secrets", OK, "%d secrets were fetched", len(names))}
}

// askForApps calls the API once for each app, side by side. What comes of them are the apps' lines of the report; none of their rows is
// kept, of which there may be more than memory has room for.
func (c *checker) askForApps(ctx context.Context) <-chan []Checked {
	if !c.sound {
		c.config.apps = nil
	}
	lines := make([]Checked, len(c.config.apps))
	var group errgroup.Group
	group.SetLimit(c.config.concurrency)
	done := make(chan []Checked, 1)
	go func() {
		for i, app := range c.config.apps {
			group.Go(func() error {
				lines[i] = c.lineOf(pullApp(ctx, c.chat, app, probe))
				return nil
			})
		}
		group.Wait()
		for _, e := range c.summary.Errors { // of the keys
			lines = append(lines, checked(appName(e.AppID), Failed, "%s", e.Message))
		}
		done <- lines
	}()
	return done
}

func appName(id int64) string { return fmt.Sprintf("app %d", id) }

func (c *checker) lineOf(p pulled) Checked {
	name, yesterday := appName(p.app.ID), c.holdings.window.To
	switch {
	case p.err != nil:
		return checked(name, Failed, "%s", p.err.Message)
	case len(p.answered) == 0 && len(p.refused) > 0:
		return checked(name, Failed, "the API answers, but no day of its answer can be read: %s", p.refused[0].reason)
	case len(p.answered) == 0:
		return checked(name, Warning, "the API answers and has no day yet: that is right for a new app; else check that sdk_app_id is the app's that is in use")
	case slices.Contains(p.answered, yesterday):
		return checked(name, OK, "the API answers and has yesterday, %s", yesterday)
	}
	newest := slices.Max(p.answered)
	if newest == yesterday-1 && c.event.clock.In(stats.Beijing).Hour() < complete {
		return checked(name, OK, "the API answers and has %s; yesterday, %s, comes at about 10:00 in Beijing", newest, yesterday)
	}
	return checked(name, Warning, "the API answers, but its newest day is %s, and yesterday was %s: see whether a later run has it, else ask Tencent Cloud's support", newest, yesterday)
}

func (c *checker) addApps(apps []Checked) {
	if len(apps) == 0 {
		return
	}
	good := 0
	for _, app := range apps {
		if app.Status == OK {
			good++
		}
	}
	status := OK
	if good < len(apps) {
		status = newReport(apps).Status
	}
	c.add("apps", status, "%d of %d are as they should be", good, len(apps))
	for _, app := range apps {
		if app.Status != OK || len(apps) <= fewApps {
			c.lines = append(c.lines, app)
		}
	}
}

// A function of 128 MB was seen to hold a run of so many apps.
const measuredApps, measuredMemory = 10_000, 128

// checkLimits holds the time and the memory that runs have to the number of apps. Half of a run's time is surely for pulling.
func (c *checker) checkLimits() {
	const name = "limits"
	apps := len(c.configured)
	if apps == 0 {
		return
	}
	pulling := time.Duration(apps) * time.Second / time.Duration(c.config.qps)
	limit := c.budget.whole().Round(time.Second)
	memory := int64(math.Round(float64(debug.SetMemoryLimit(-1)) / 0.9 / (1 << 20))) // see [Function.Invoke]
	enough := int64(apps) * measuredMemory / measuredApps
	switch {
	case pulling > longestRun/2:
		c.add(name, Warning, "%d apps take %v at CHATLAKE_QPS %d, for which no function has the time: make several functions, each with a part of the apps and a lake of its own", apps, pulling, c.config.qps)
	case pulling > limit/2:
		c.add(name, Warning, "%d apps take %v at CHATLAKE_QPS %d, and a run of %v has %v for sure to pull in: raise the function's timeout to %v or more", apps, pulling, c.config.qps, limit, limit/2, (2 * pulling).Round(time.Second))
	case apps > measuredApps && memory < enough:
		c.add(name, Warning, "%d MB of memory may be too few for %d apps: give the function %d MB", memory, apps, enough)
	default:
		c.add(name, OK, "%d apps take %v at CHATLAKE_QPS %d, of a run's %v", apps, pulling.Round(10*time.Millisecond), c.config.qps, limit)
	}
}
