package handler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"chatlake/internal/chat"
	"chatlake/internal/cloud"
	"chatlake/internal/cloud/dlc"
	"chatlake/internal/secret"
	"chatlake/internal/stats"
)

const (
	secretsAtOnce   = 8
	mostForRegister = 60 * time.Second
)

// fetchKeys gets the keys that apps have in Secrets Manager, each secret once, in half of the time at most: what hangs
// there must leave the other apps' pulls theirs. An app whose secret can't be had is that app's error, and is pulled no
// further.
func (r *run) fetchKeys(ctx context.Context) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	var mu sync.Mutex
	keys := make(map[string]secret.String)
	failed := make(map[string]error)
	var group errgroup.Group
	group.SetLimit(secretsAtOnce)
	for _, name := range secretNames(r.config.apps) {
		group.Go(func() error {
			key, err := fetchKey(ctx, r.config.cloud, name)
			mu.Lock()
			defer mu.Unlock()
			keys[name], failed[name] = secret.New(strings.TrimSpace(key.Reveal())), err
			return nil
		})
	}
	group.Wait()
	r.config.apps = slices.DeleteFunc(r.config.apps, func(app chat.App) bool {
		name, ok := secretName(app)
		if !ok || failed[name] == nil {
			return false
		}
		e := RunError{AppID: app.ID, Stage: stageConfig, Message: fmt.Sprintf("its secret_key (ssm:%s) could not be had: %v", name, failed[name])}
		var answer *cloud.Error
		if errors.As(failed[name], &answer) {
			e.Retryable, e.Attempts = answer.Retryable, answer.Attempts
		}
		r.summary.Apps.Failed++
		r.holdings.failed[app.ID] = true
		r.fail(e)
		return true
	})
	for i, app := range r.config.apps {
		if name, ok := secretName(app); ok {
			r.config.apps[i].Key = keys[name]
		}
	}
}

// fetchKey gets one key. A panic is its error, as in [pullApp].
func fetchKey(ctx context.Context, c *cloud.Client, name string) (key secret.String, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = errors.New(panicMessage(v))
		}
	}()
	key, err = cloud.Secret(ctx, c, name)
	if err == nil && key.IsZero() {
		err = errors.New("the secret is empty")
	}
	return key, err
}

func secretName(app chat.App) (string, bool) { return strings.CutPrefix(app.Key.Reveal(), ssmPrefix) }

func secretNames(apps []chat.App) (names []string) {
	for _, app := range apps {
		if name, ok := secretName(app); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// register tells Data Lake Compute of the days of the run's window that the lake has. It keeps no state: a day that is
// known already stays as it is. The data is safe by then, so a failure is a warning.
func (r *run) register(ctx context.Context) {
	if r.config.catalog == nil || r.event.dryRun {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, r.budget.mergeEnd(r.work()))
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, mostForRegister)
	defer cancel()
	days := slices.DeleteFunc(slices.Clone(r.holdings.days), func(day stats.Day) bool {
		return day < r.summary.Window.From || day > r.summary.Window.To
	})
	err := dlc.Register(ctx, r.config.cloud, *r.config.catalog, r.config.lake.TableFolder("cosn"), days)
	if err == nil {
		return
	}
	r.summary.Errors = append(r.summary.Errors, RunError{Stage: stageCatalog, Retryable: true, Message: fmt.Sprintf("the days could not be registered with %s: %v: the next run tries again", r.config.catalog, err)})
	r.warn("the data is safe, but Data Lake Compute may not see new days yet: see errors, stage catalog")
}
