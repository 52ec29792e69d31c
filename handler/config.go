package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"chatlake/internal/chat"
	"chatlake/internal/cloud"
	"chatlake/internal/cloud/dlc"
	"chatlake/internal/endpoint"
	"chatlake/internal/secret"
	"chatlake/internal/stats"
	"chatlake/storage"
)

// config is what the environment of an invocation says. README's table describes the variables.
type config struct {
	lake        storage.Location
	keys        secret.Keys
	appsFrom    string // CHATLAKE_APPS as given
	apps        []chat.App
	qps         int
	concurrency int
	failOn      string
	raw         bool
	logLevel    slog.Level
	catalog     *dlc.Target // nil for none
	cloud       *cloud.Client
	warnings    []string
}

const variablePrefix = "CHATLAKE_"

// What stands before a key of the bucket, and before the name of a secret of Secrets Manager.
const (
	cosPrefix = "cos:"
	ssmPrefix = "ssm:"
)

// later are the variables of jobs that this version does not do yet: one that is set must not be ignored.
var later = []string{"CHATLAKE_ALERT_URL"}

// readConfig reads everything but the list of apps, and returns every fault that it finds.
func readConfig(env map[string]string, transport http.RoundTripper) (config, []string) {
	r := configReader{env: env, transport: transport}
	c := r.read()
	for _, name := range later {
		if env[name] != "" {
			r.fault(name, "is not supported by this version yet: unset it")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, variablePrefix) && !slices.Contains(r.known, name) && !slices.Contains(later, name) {
			c.warnings = append(c.warnings, name+" is not a variable of chatlake: check its spelling")
		}
	}
	return c, r.faults
}

func (r *configReader) read() config {
	c := config{
		qps:         r.number("CHATLAKE_QPS", chat.MaxQPS, 1, chat.MaxQPS),
		concurrency: r.number("CHATLAKE_CONCURRENCY", 64, 1, 512),
		failOn:      r.choice("CHATLAKE_FAIL_ON", "any", "all", "never"),
		raw:         r.choice("CHATLAKE_RAW", "on", "off") == "on",
		appsFrom:    strings.TrimSpace(r.required("CHATLAKE_APPS")),
	}
	if err := c.logLevel.UnmarshalText([]byte(r.choice("CHATLAKE_LOG_LEVEL", "info", "debug", "warn", "error"))); err != nil {
		r.fault("CHATLAKE_LOG_LEVEL", err.Error())
	}
	if where := r.required("CHATLAKE_LAKE"); where != "" {
		var err error
		if c.lake, err = storage.ParseLocation(where); err != nil {
			r.fault("CHATLAKE_LAKE", err.Error())
		}
	}
	if target := r.get("CHATLAKE_CATALOG"); target != "" {
		parsed, err := dlc.Parse(target)
		if err != nil {
			r.fault("CHATLAKE_CATALOG", "is wrong: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		} else if c.lake.Dir != "" {
			r.fault("CHATLAKE_CATALOG", "needs a lake in COS: DLC reads no directory")
		}
		c.catalog = &parsed
	}
	c.keys = r.keys(c.lake.Bucket != nil || strings.HasPrefix(c.appsFrom, ssmPrefix))
	c.cloud = r.client(c)
	return c
}

// client makes the client of Tencent Cloud's API, for the secrets and the catalog.
func (r *configReader) client(c config) *cloud.Client {
	region := r.get("TENCENTCLOUD_REGION") // SCF sets it; on another machine the lake's region stands in
	if region == "" {
		bucket, _ := c.lake.COSBucket()
		region = bucket.Region
	}
	client, err := cloud.New(c.keys, region, r.get("CHATLAKE_API_ENDPOINT"), r.transport)
	if err != nil {
		r.fault("CHATLAKE_API_ENDPOINT", err.Error())
	}
	return client
}

// Variables returns the names of the variables that a run reads.
func Variables() []string {
	c := configReader{env: map[string]string{"CHATLAKE_LAKE": "https://bucket"}}
	c.read()
	return append(slices.Concat(keyVariables...), c.known...)
}

// configReader reads variables and collects their faults. It prints no value that may be a secret.
type configReader struct {
	env       map[string]string
	transport http.RoundTripper
	known     []string
	faults    []string
}

func (r *configReader) fault(name, what string) { r.faults = append(r.faults, name+" "+what) }

func (r *configReader) get(name string) string {
	r.known = append(r.known, name)
	return r.env[name]
}

func (r *configReader) required(name string) string {
	v := r.get(name)
	if v == "" {
		r.fault(name, "is required and not set")
	}
	return v
}

func (r *configReader) number(name string, preset, least, most int) int {
	v := r.get(name)
	if v == "" {
		return preset
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		r.fault(name, fmt.Sprintf("is %q: it must be a whole number from %d to %d", v, least, most))
		return preset
	}
	return n
}

// choice returns one of the words; the first is the default.
func (r *configReader) choice(name string, words ...string) string {
	v := r.get(name)
	if v == "" {
		return words[0]
	}
	if !slices.Contains(words, v) {
		r.fault(name, fmt.Sprintf("is %q: it must be one of %s", v, strings.Join(words, ", ")))
		return words[0]
	}
	return v
}

// The spellings of each key: SCF's own first, then those of the official command line and of Terraform.
var keyVariables = [][]string{
	{"TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRET_ID"},
	{"TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SECRET_KEY"},
	{"TENCENTCLOUD_SESSIONTOKEN", "TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"},
}

func (r *configReader) keys(required bool) secret.Keys {
	var found [3]secret.String
	for i, spellings := range keyVariables {
		for _, name := range spellings {
			if v := r.env[name]; v != "" && found[i].IsZero() {
				found[i] = secret.New(v)
			}
		}
		if required && i < 2 && found[i].IsZero() {
			r.fault(spellings[0], "is required for COS and Secrets Manager and not set: give the function an execution role that SCF makes keys of, or set "+strings.Join(spellings, " or "))
		}
	}
	return secret.Keys{ID: found[0], Key: found[1], Token: found[2]}
}

// loadApps reads the list of apps from where CHATLAKE_APPS says that it is. bucket is the lake's bucket, without its
// prefix; nil for a directory.
func (c *config) loadApps(ctx context.Context, bucket storage.Store) []string {
	from, list := "CHATLAKE_APPS", []byte(c.appsFrom)
	var err error
	switch scheme, rest, _ := strings.Cut(c.appsFrom, ":"); {
	case strings.HasPrefix(c.appsFrom, "["):
	case scheme == "file":
		from += " (" + c.appsFrom + ")"
		list, err = os.ReadFile(rest)
		if info, statErr := os.Stat(rest); statErr == nil && info.Mode().Perm()&0o077 != 0 {
			c.warnings = append(c.warnings, fmt.Sprintf("%s can be read by others on this machine (mode %o), and it holds the apps' keys: chmod 600 %s", rest, info.Mode().Perm(), rest))
		}
	case scheme == "cos":
		from += " (" + c.appsFrom + ")"
		list, err = c.loadFromBucket(ctx, bucket, rest)
	case scheme == "ssm":
		from += " (" + c.appsFrom + ")"
		var text secret.String
		text, err = cloud.Secret(ctx, c.cloud, rest)
		list = []byte(text.Reveal())
	default:
		err = errors.New("must be a JSON array of apps, or file:PATH, cos:KEY or ssm:SECRET")
	}
	if err != nil {
		return []string{from + ": " + err.Error()}
	}
	apps, faults := parseApps(list)
	for i := range faults {
		faults[i] = from + faults[i]
	}
	c.apps = apps
	return faults
}

func (c *config) loadFromBucket(ctx context.Context, bucket storage.Store, key string) ([]byte, error) {
	switch {
	case bucket == nil:
		return nil, errors.New("cos: needs a lake in COS, whose bucket holds the list")
	case key == "":
		return nil, errors.New("cos: needs a key")
	case c.lake.Prefix != "" && strings.HasPrefix(key, c.lake.Prefix), c.lake.Prefix == "" && storage.IsLakeKey(key):
		return nil, errors.New("the key is inside the lake, where everyone who may read the data would read the secrets too: put the list elsewhere in the bucket")
	case c.lake.Prefix == "":
		c.warnings = append(c.warnings, "CHATLAKE_APPS is in the bucket whose root is the lake: who may read the whole bucket reads the secrets too; give CHATLAKE_LAKE a prefix, and the readers of the data that prefix only")
	}
	return bucket.Get(ctx, key)
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

func (p *appParser) parse(item json.RawMessage) chat.App {
	var keys map[string]json.RawMessage
	if json.Unmarshal(item, &keys) != nil || keys == nil {
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
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains([]string{"sdk_app_id", "secret_key", "region", "endpoint", "identifier"}, key) {
			p.fault(fmt.Sprintf("%q", key), "is not a key of an app")
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
	app.Region = region
	if hasRegion {
		var known bool
		if app.Endpoint, known = chat.Endpoint(region); !known {
			p.fault("region", fmt.Sprintf("%q is unknown: it is one of %s", region, strings.Join(chat.Regions(), ", ")))
		}
	}
	if hasEndpoint {
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

// text reads a key whose value must be a string that is not empty. ok says whether the key is there at all.
func (p *appParser) text(keys map[string]json.RawMessage, key string) (value string, ok bool) {
	raw, ok := keys[key]
	if !ok {
		return "", false
	}
	if raw[0] != '"' || json.Unmarshal(raw, &value) != nil {
		p.fault(key, "is not a string")
	} else if strings.TrimSpace(value) == "" {
		p.fault(key, "is empty")
	}
	return value, true
}
