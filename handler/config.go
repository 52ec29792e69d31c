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
	warnings    []string
}

const variablePrefix = "CHATLAKE_"

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
		if strings.HasPrefix(name, variablePrefix) && !isVariable(name) && !slices.Contains(later, name) {
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
	c.keys = r.keys(c.lake.Bucket != nil || strings.HasPrefix(c.appsFrom, ssmPrefix))
	c.cloud = r.client(c)
	return c
}

// client makes the client of Tencent Cloud's API, for the secrets and the catalog.
func (r *configReader) client(c config) *cloud.Client {
	region := r.env["TENCENTCLOUD_REGION"] // SCF sets it; on another machine the lake's region stands in
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

// keys reads the first spelling of which the id or the key is set, and none of another: the id of one principal with a key
// or an old token of another would be refused at best.
func (r *configReader) keys(required bool) secret.Keys {
	set := keySets[0]
	for _, s := range keySets {
		if r.env[s.id] != "" || r.env[s.key] != "" {
			set = s
			break
		}
	}
	keys := secret.Keys{ID: secret.New(r.env[set.id]), Key: secret.New(r.env[set.key])}
	if required && keys.ID.IsZero() && keys.Key.IsZero() {
		r.fault(set.id, "and "+set.key+" are required for COS and Secrets Manager and not set: give the function an execution role that SCF makes keys of, or set them")
	} else if required && (keys.ID.IsZero() || keys.Key.IsZero()) {
		missing, other := set.id, set.key
		if keys.Key.IsZero() {
			missing, other = other, missing
		}
		r.fault(missing, "is required and not set, while "+other+" is: keys count only in one spelling, since they may be of several principals")
	}
	for _, name := range set.tokens {
		token := r.env[name]
		switch {
		case token == "":
		case keys.Token.IsZero():
			keys.Token = secret.New(token)
		case required && keys.Token.Reveal() != token:
			r.fault(name, "is another token than "+set.tokens[0]+": unset the one that does not belong to "+set.id)
		}
	}
	return keys
}
