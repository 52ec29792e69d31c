package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"chatlake/internal/chat"
	"chatlake/internal/cloud"
	"chatlake/internal/endpoint"
	"chatlake/internal/secret"
	"chatlake/internal/stats"
	"chatlake/storage"
)

// What stands before a path, before a key of the bucket, and before the name of a secret of Secrets Manager.
const (
	filePrefix = "file:"
	cosPrefix  = "cos:"
	ssmPrefix  = "ssm:"
)

const maxAppList = 4 << 20 // bytes, of some 40,000 apps

// appsAreRemote reports whether the list of apps has to be fetched.
func (c *config) appsAreRemote() bool {
	return strings.HasPrefix(c.appsFrom, cosPrefix) || strings.HasPrefix(c.appsFrom, ssmPrefix)
}

// loadApps reads the list of apps from where CHATLAKE_APPS says that it is, and returns its faults, or why it could not be
// read, where again says that this may pass. bucket is the lake's bucket, without its prefix; nil for a directory.
func (c *config) loadApps(ctx context.Context, bucket storage.Store) (faults []string, again bool) {
	from, list := "CHATLAKE_APPS", []byte(c.appsFrom)
	if !strings.HasPrefix(c.appsFrom, "[") {
		err := c.checkPlace(bucket)
		if err == nil {
			from += " (" + c.appsFrom + ")"
			list, again, err = c.readList(ctx, bucket)
		}
		if err != nil {
			return []string{from + ": " + err.Error()}, again
		}
	}
	if len(list) > maxAppList {
		return []string{fmt.Sprintf("%s: has %d bytes, which no list of apps has: at most %d", from, len(list), maxAppList)}, false
	}
	c.apps, faults = parseApps(list)
	for i := range faults {
		faults[i] = from + faults[i]
	}
	return faults, false
}

// checkPlace checks where the list is said to be. Its errors do not quote it, since it may be a list in the wrong form.
func (c *config) checkPlace(bucket storage.Store) error {
	scheme, place, _ := strings.Cut(c.appsFrom, ":")
	switch {
	case !slices.Contains([]string{filePrefix, cosPrefix, ssmPrefix}, scheme+":"):
		return errors.New("must be a JSON array of apps, or file:PATH, cos:KEY or ssm:SECRET")
	case place == "":
		return fmt.Errorf("names nothing behind %s:", scheme)
	case strings.ContainsAny(place, `"{`):
		return fmt.Errorf("what stands behind %s: is not the name of a place; a JSON array stands there without it", scheme)
	case scheme+":" != cosPrefix:
		return nil
	case bucket == nil:
		return errors.New("cos: needs a lake in COS, whose bucket holds the list")
	case c.lake.Prefix != "" && strings.HasPrefix(place, c.lake.Prefix), c.lake.Prefix == "" && storage.IsLakeKey(place):
		return errors.New("the key is inside the lake, where everyone who may read the data would read the secrets too: put the list elsewhere in the bucket")
	case c.lake.Prefix == "":
		c.warnings = append(c.warnings, "CHATLAKE_APPS is in the bucket whose root is the lake: who may read the whole bucket reads the secrets too; give CHATLAKE_LAKE a prefix, and the readers of the data that prefix only")
	}
	return nil
}

func (c *config) readList(ctx context.Context, bucket storage.Store) (list []byte, again bool, err error) {
	if path, ok := strings.CutPrefix(c.appsFrom, filePrefix); ok {
		list, err = os.ReadFile(path)
		if info, statErr := os.Stat(path); statErr == nil && info.Mode().Perm()&0o077 != 0 {
			c.warnings = append(c.warnings, fmt.Sprintf("%s can be read by others on this machine (mode %o), and it holds the apps' keys: chmod 600 %s", path, info.Mode().Perm(), path))
		}
		return list, false, err
	}
	if key, ok := strings.CutPrefix(c.appsFrom, cosPrefix); ok {
		list, err = bucket.Get(ctx, key)
		return list, err != nil && retryable(err), err
	}
	text, err := cloud.Secret(ctx, c.cloud, strings.TrimPrefix(c.appsFrom, ssmPrefix))
	var answer *cloud.Error
	return []byte(text.Reveal()), errors.As(err, &answer) && answer.Retryable, err
}

// parseApps reads the JSON array of apps. Each fault says where in the list it is.
func parseApps(list []byte) (apps []chat.App, faults []string) {
	var items []json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(list, []byte("\xef\xbb\xbf")), &items); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, []string{fmt.Sprintf(": is not valid JSON (byte %d)", syntax.Offset)}
		}
		return nil, []string{": is not a JSON array of apps"}
	}
	if len(items) == 0 {
		return nil, []string{": has no app"}
	}
	seen := make(map[int64]bool)
	for i, item := range items {
		p := appParser{where: fmt.Sprintf("[%d]", i)}
		app := p.parse(item)
		if app.ID != 0 && seen[app.ID] {
			p.fault("sdk_app_id", "is there twice")
		}
		seen[app.ID] = true
		apps = append(apps, app)
		faults = append(faults, p.faults...)
	}
	return apps, faults
}

// appParser reads one app and collects its faults.
type appParser struct {
	where  string
	faults []string
}

func (p *appParser) fault(key, what string) {
	p.faults = append(p.faults, fmt.Sprintf("%s: %s %s", p.where, key, what))
}

var appKeys = []string{"sdk_app_id", "secret_key", "region", "endpoint", "identifier"}

func (p *appParser) parse(item json.RawMessage) chat.App {
	keys, twice, err := readObject(item)
	if err != nil {
		p.faults = append(p.faults, p.where+": is not an object with sdk_app_id, secret_key and region")
		return chat.App{}
	}
	app := chat.App{Identifier: "administrator"}
	if raw, ok := keys["sdk_app_id"]; !ok {
		p.fault("sdk_app_id", "is missing")
	} else if id, err := stats.ParseCounter(string(raw)); err != nil || id == 0 {
		p.fault("sdk_app_id", "is not a whole number above 0")
	} else {
		app.ID = id
		p.where += fmt.Sprintf(" (app %d)", id)
	}
	for _, key := range twice {
		p.faults = append(p.faults, fmt.Sprintf("%s: has the key %s twice", p.where, secret.Show(key)))
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(appKeys, key) {
			p.fault(secret.Show(key), "is not a key of an app")
		}
	}
	if key, ok := p.text(keys, "secret_key"); !ok {
		p.fault("secret_key", "is missing")
	} else if key == ssmPrefix {
		p.fault("secret_key", "names no secret behind ssm:")
	} else {
		app.Key = secret.New(key)
	}
	region, hasRegion := p.text(keys, "region")
	base, hasEndpoint := p.text(keys, "endpoint")
	if region != "" {
		var known bool
		if app.Endpoint, known = chat.Endpoint(region); !known {
			p.fault("region", fmt.Sprintf("%s is unknown: it is one of %s", secret.Show(region), strings.Join(chat.Regions(), ", ")))
		}
		app.Region = region
	}
	if base != "" {
		if u, err := endpoint.Parse(base); err != nil {
			p.fault("endpoint", err.Error())
		} else {
			app.Endpoint = u.String()
		}
	}
	if !hasRegion && !hasEndpoint {
		p.fault("region", "is missing: it is one of "+strings.Join(chat.Regions(), ", "))
	}
	if id, ok := p.text(keys, "identifier"); ok {
		app.Identifier = id
	}
	return app
}

// text reads a key whose value must be a string that is not empty; it is empty where the value is none or the key not there.
func (p *appParser) text(keys map[string]json.RawMessage, key string) (value string, there bool) {
	raw, there := keys[key]
	if !there {
		return "", false
	}
	if raw[0] != '"' || json.Unmarshal(raw, &value) != nil {
		p.fault(key, "is not a string")
	} else if strings.TrimSpace(value) == "" {
		p.fault(key, "is empty")
		return "", true
	}
	return value, true
}
