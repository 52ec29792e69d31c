package handler

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"chatlake/internal/chat"
	"chatlake/internal/cloud"
	"chatlake/internal/cloud/dlc"
	"chatlake/internal/endpoint"
	"chatlake/internal/secret"
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
	alertURL    secret.String
	warnings    []string
}

const (
	variablePrefix = "CHATLAKE_"
	regionVariable = "TENCENTCLOUD_REGION"
)

// readConfig reads everything but the list of apps, and returns every fault that it finds.
func readConfig(env map[string]string, transport http.RoundTripper) (config, []string) {
	r := configReader{env: env, transport: transport}
	c := r.read()
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, variablePrefix) && !isVariable(name) {
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
	if target := r.env["CHATLAKE_CATALOG"]; target != "" {
		parsed, err := dlc.Parse(target)
		if err != nil {
			r.fault("CHATLAKE_CATALOG", "is wrong: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		} else if c.lake.Dir != "" {
			r.fault("CHATLAKE_CATALOG", "needs a lake in COS: DLC reads no directory")
		}
		c.catalog = &parsed
	}
	if hook := r.env["CHATLAKE_ALERT_URL"]; hook != "" {
		if _, err := endpoint.ParseHook(hook); err != nil {
			r.fault("CHATLAKE_ALERT_URL", err.Error())
		} else {
			c.alertURL = secret.New(hook)
		}
	}
	c.keys = r.keys(c.lake.Bucket != nil || strings.HasPrefix(c.appsFrom, ssmPrefix))
	c.cloud = r.client(c)
	return c
}

// client makes the client of Tencent Cloud's API, for the secrets and the catalog.
func (r *configReader) client(c config) *cloud.Client {
	region := r.env[regionVariable] // SCF sets it; on another machine the lake's region stands in
	if region == "" {
		bucket, _ := c.lake.COSBucket()
		region = bucket.Region
	}
	client, err := cloud.New(c.keys, region, r.env["CHATLAKE_API_ENDPOINT"], r.transport)
	if err != nil {
		r.fault("CHATLAKE_API_ENDPOINT", err.Error())
	}
	return client
}

// configReader reads variables and collects their faults. It prints no value that may be a secret.
type configReader struct {
	env       map[string]string
	transport http.RoundTripper
	faults    []string
}

func (r *configReader) fault(name, what string) { r.faults = append(r.faults, name+" "+what) }

func (r *configReader) required(name string) string {
	v := r.env[name]
	if v == "" {
		r.fault(name, "is required and not set")
	}
	return v
}

func (r *configReader) number(name string, preset, least, most int) int {
	v := r.env[name]
	if v == "" {
		return preset
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		r.fault(name, fmt.Sprintf("is %s: it must be a whole number from %d to %d", secret.Show(v), least, most))
		return preset
	}
	return n
}

// choice returns one of the words; the first is the default.
func (r *configReader) choice(name string, words ...string) string {
	v := r.env[name]
	if v == "" {
		return words[0]
	}
	if !slices.Contains(words, v) {
		r.fault(name, fmt.Sprintf("is %s: it must be one of %s", secret.Show(v), strings.Join(words, ", ")))
		return words[0]
	}
	return v
}

// keySet is one spelling of a principal's three keys. Some programs spell the token otherwise.
type keySet struct {
	id, key string
	tokens  []string
}

// SCF's own spelling first, then that of the official command line and of Terraform.
var keySets = []keySet{
	{"TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", []string{"TENCENTCLOUD_SESSIONTOKEN"}},
	{"TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", []string{"TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"}},
}

// keys reads the first spelling that has both an id and a key, and what is missing from the other one, as far as that does not
// have a principal of its own there: the id of one with a key or an old token of another would be refused at best.
func (r *configReader) keys(required bool) secret.Keys {
	ids, names, tokens := []string{}, []string{}, []string{}
	whole := slices.IndexFunc(keySets, func(s keySet) bool { return r.env[s.id] != "" && r.env[s.key] != "" })
	for i, s := range keySets {
		if whole >= 0 && i != whole && (r.env[s.id] != "" || r.env[s.key] != "") {
			continue
		}
		ids, names, tokens = append(ids, s.id), append(names, s.key), append(tokens, s.tokens...)
	}
	if whole >= 0 && slices.ContainsFunc(keySets[whole].tokens, func(name string) bool { return r.env[name] != "" }) {
		tokens = keySets[whole].tokens
	}
	return secret.Keys{
		ID: r.one(ids, required, required), Key: r.one(names, required, required), Token: r.one(tokens, false, required),
	}
}

// one reads the one value that several spellings of a name may have.
func (r *configReader) one(names []string, required, matters bool) (value secret.String) {
	for _, name := range names {
		v := r.env[name]
		switch {
		case v == "":
		case value.IsZero():
			value = secret.New(v)
		case matters && value.Reveal() != v:
			r.fault(name, "has another value than another spelling of it: unset the one that does not belong to the other keys")
		}
	}
	if value.IsZero() && required {
		r.fault(names[0], "is required for COS and Secrets Manager and not set: set "+strings.Join(names, " or ")+"; inside SCF, give the function an execution role, of which SCF makes the keys")
	}
	return value
}
