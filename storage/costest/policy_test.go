package costest_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tencentyun/cos-go-sdk-v5"

	"chatlake/storage/costest"
)

const lakeBucket = "qcs::cos:ap-singapore:uid/1250000000:lake-1250000000/"

// operations are what a client of a bucket with the objects im/a, im/b/c and other/d tries.
var operations = map[string]func(t *testing.T, c *cos.Client) error{
	"get": func(t *testing.T, c *cos.Client) error { _, err := c.Object.Get(t.Context(), "im/a", nil); return err },
	"get deep": func(t *testing.T, c *cos.Client) error {
		_, err := c.Object.Get(t.Context(), "im/b/c", nil)
		return err
	},
	"get other": func(t *testing.T, c *cos.Client) error {
		_, err := c.Object.Get(t.Context(), "other/d", nil)
		return err
	},
	"head":         func(t *testing.T, c *cos.Client) error { _, err := c.Object.Head(t.Context(), "im/a", nil); return err },
	"delete":       func(t *testing.T, c *cos.Client) error { _, err := c.Object.Delete(t.Context(), "im/gone"); return err },
	"list":         list("im/"),
	"list deep":    list("im/b/c"),
	"list sibling": list("im2/"),
	"list all":     list(""),
	"versioning":   func(t *testing.T, c *cos.Client) error { _, _, err := c.Bucket.GetVersioning(t.Context()); return err },
	"lookup absent": func(t *testing.T, c *cos.Client) error {
		_, err := c.Object.Get(t.Context(), "im/none", nil)
		return absent(err)
	},
	"put": func(t *testing.T, c *cos.Client) error {
		_, err := c.Object.Put(t.Context(), "im/a", strings.NewReader("new"), nil)
		return err
	},
}

func list(prefix string) func(t *testing.T, c *cos.Client) error {
	return func(t *testing.T, c *cos.Client) error {
		_, _, err := c.Bucket.Get(t.Context(), &cos.BucketGetOptions{Prefix: prefix})
		return err
	}
}

// absent is no error for an object of which COS says that it is not there.
func absent(err error) error {
	if e, ok := cos.IsCOSError(err); ok && e.Code == "NoSuchKey" {
		return nil
	}
	return err
}

// dialPublic returns a client for the bucket at its public host, without a network.
func dialPublic(t *testing.T, s *costest.Server, key costest.Credentials) *cos.Client {
	t.Helper()
	return dialThrough(t, "https://lake-1250000000.cos.ap-singapore.myqcloud.com", key, roundTrip(func(r *http.Request) (*http.Response, error) {
		in := r.Clone(r.Context())
		if in.Body == nil {
			in.Body = http.NoBody
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, in)
		return w.Result(), nil
	}))
}

func parsePolicy(t *testing.T, statements string) *costest.Policy {
	t.Helper()
	p, err := costest.ParsePolicy([]byte(`{"version":"2.0","statement":[` + statements + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func allow(actions, resource, more string) string {
	return `{"effect":"allow","action":` + actions + `,"resource":"` + strings.Replace(resource, "BUCKET/", lakeBucket, 1) + `"` + more + `}`
}

func deny(actions, resource, more string) string {
	return strings.Replace(allow(actions, resource, more), "allow", "deny", 1)
}

func prefixed(operator, values string) string {
	return `,"condition":{"` + operator + `":{"cos:prefix":` + values + `}}`
}

func TestPolicy(t *testing.T) {
	everything := slices.Sorted(maps.Keys(operations))
	but := func(names ...string) []string {
		return slices.DeleteFunc(slices.Clone(everything), func(name string) bool { return slices.Contains(names, name) })
	}
	all := allow(`"*"`, "*", "")
	for _, test := range []struct {
		name, statements string
		may              []string
	}{
		{"all", all, everything},
		{"all of COS", allow(`"name/cos:*"`, "*", ""), everything},
		{"all of the bucket", allow(`"name/cos:*"`, "BUCKET/*", ""), everything},
		{"no prefix name/", allow(`["cos:GetObject"]`, "BUCKET/im/*", ""), []string{"get", "get deep"}},
		{"one action", allow(`["name/cos:GetObject"]`, "BUCKET/im/*", ""), []string{"get", "get deep"}},
		{"two actions", allow(`["name/cos:GetObject","name/cos:PutObject"]`, "BUCKET/im/*", ""), []string{"get", "get deep", "put"}},
		{"HEAD is a right of its own", allow(`"name/cos:HeadObject"`, "BUCKET/im/*", ""), []string{"head"}},
		{"actions by wildcard", allow(`"name/cos:Get*"`, "BUCKET/im/*", ""), []string{"get", "get deep", "list", "list deep", "lookup absent"}},
		{"an action is not a prefix of one", allow(`"name/cos:Get"`, "*", ""), nil},
		{"an action's case", allow(`"name/cos:getobject"`, "*", ""), nil},
		{"one object", allow(`"name/cos:GetObject"`, "BUCKET/im/a", ""), []string{"get"}},
		{"a key is not a prefix of one", allow(`"name/cos:GetObject"`, "BUCKET/im/b", ""), nil},
		{"wildcard in the middle", allow(`"name/cos:GetObject"`, "BUCKET/im/*/c", ""), []string{"get deep"}},
		{"wildcard at the start", allow(`"name/cos:GetObject"`, "BUCKET/*c", ""), []string{"get deep"}},
		{"several wildcards", allow(`"name/cos:GetObject"`, "BUCKET/*m/*/*c", ""), []string{"get deep"}},
		{"wildcard that overlaps itself", allow(`"name/cos:GetObject"`, "BUCKET/im/a*a", ""), nil},
		{"another bucket", allow(`"*"`, "qcs::cos:ap-singapore:uid/1250000000:lake2-1250000000/*", ""), nil},
		{"a bucket's name by wildcard", allow(`"*"`, "qcs::cos:ap-singapore:uid/1250000000:lake-*", ""), everything},
		{"another region", allow(`"*"`, "qcs::cos:ap-tokyo:uid/1250000000:lake-1250000000/*", ""), nil},
		{"every region", allow(`"*"`, "qcs::cos::uid/1250000000:lake-1250000000/*", ""), everything},
		{"every region by wildcard", allow(`"*"`, "qcs::cos:*:uid/1250000000:lake-1250000000/*", ""), everything},
		{"another account", allow(`"*"`, "qcs::cos:ap-singapore:uid/1250000001:lake-1250000000/*", ""), nil},
		{"the bucket without its objects", allow(`"*"`, "BUCKET/", ""), []string{"list all", "versioning"}},
		{"listing anything", allow(`"name/cos:GetBucket"`, "BUCKET/*", ""), []string{"list", "list all", "list deep", "list sibling"}},
		{"listing a folder", allow(`"name/cos:GetBucket"`, "BUCKET/im/*", ""), []string{"list", "list deep"}},
		{"listing one prefix", allow(`"name/cos:GetBucket"`, "BUCKET/*", prefixed("string_equal", `"im%2F"`)), []string{"list"}},
		{"listing one of two", allow(`"name/cos:GetBucket"`, "BUCKET/*", prefixed("string_equal", `["x","im%2Fb%2Fc"]`)), []string{"list deep"}},
		{"listing below a prefix", allow(`"name/cos:GetBucket"`, "BUCKET/*", prefixed("string_like", `"im%2F*"`)), []string{"list", "list deep"}},
		{"a prefix that is not encoded", allow(`"name/cos:GetBucket"`, "BUCKET/*", prefixed("string_like", `"im/*"`)), nil},
		{"no wildcard in string_equal", allow(`"name/cos:GetBucket"`, "BUCKET/*", prefixed("string_equal", `"im%2F*"`)), nil},
		{"any prefix but one", allow(`"name/cos:GetBucket"`, "BUCKET/*", prefixed("string_not_equal", `"im%2F"`)), []string{"list deep", "list sibling"}},
		{"a prefix, or none", allow(`"name/cos:GetBucket"`, "BUCKET/*", prefixed("string_like_if_exist", `"im%2F*"`)), []string{"list", "list all", "list deep"}},
		{"two conditions", allow(`"name/cos:GetBucket"`, "BUCKET/*", `,"condition":{"string_like":{"cos:prefix":"im%2F*"},"string_not_equal":{"cos:prefix":"im%2F"}}`), []string{"list deep"}},
		{"a condition on what has no prefix", allow(`"*"`, "BUCKET/*", prefixed("string_like", `"im%2F*"`)), []string{"list", "list deep"}},
		{"an absent object that may be listed", allow(`["cos:GetObject","cos:GetBucket"]`, "BUCKET/im/*", ""), []string{"get", "get deep", "list", "list deep", "lookup absent"}},
		{
			"an absent object that may be listed by its prefix",
			allow(`"cos:GetObject"`, "BUCKET/im/*", "") + "," + allow(`"cos:GetBucket"`, "BUCKET/*", prefixed("string_like", `"im%2F*"`)),
			[]string{"get", "get deep", "list", "list deep", "lookup absent"},
		},
		{
			"an absent object that may not be listed",
			allow(`"cos:GetObject"`, "BUCKET/im/*", "") + "," + allow(`"cos:GetBucket"`, "BUCKET/*", prefixed("string_like", `"im%2Fb%2F*"`)),
			[]string{"get", "get deep", "list deep"},
		},
		{"deny over allow", all + "," + deny(`"name/cos:DeleteObject"`, "*", ""), but("delete")},
		{"deny before allow", deny(`"name/cos:DeleteObject"`, "*", "") + "," + all, but("delete")},
		{"deny a folder", all + "," + deny(`"*"`, "BUCKET/other/*", ""), but("get other")},
		{"deny by a condition", all + "," + deny(`"name/cos:GetBucket"`, "*", prefixed("string_equal", `"im%2F"`)), but("list")},
		{"deny all but", all + "," + deny(`"name/cos:GetBucket"`, "*", prefixed("string_not_equal_if_exist", `"im%2F"`)), but("list all", "list deep", "list sibling", "lookup absent")},
		{"deny alone", deny(`"name/cos:DeleteObject"`, "*", ""), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			key := permanent
			key.Policy = parsePolicy(t, test.statements)
			for name, do := range operations {
				s := costest.New(costest.Options{Credentials: []costest.Credentials{key}})
				for _, object := range []string{"im/a", "im/b/c", "other/d"} {
					s.Put(object, []byte("old"))
				}
				err := do(t, dialPublic(t, s, key))
				if slices.Contains(test.may, name) {
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					continue
				}
				e, ok := cos.IsCOSError(err)
				if !ok || e.Response.StatusCode != http.StatusForbidden || name != "head" && e.Code != "AccessDenied" { // HEAD has no body
					t.Errorf("%s: %v, want a denial", name, err)
				}
				if body, _ := s.Get("im/a"); string(body) != "old" {
					t.Errorf("%s was denied and took effect", name)
				}
			}
		})
	}
}

// A key may look like another bucket's resource.
func TestWildcardStaysInItsSegment(t *testing.T) {
	key := permanent
	key.Policy = parsePolicy(t, allow(`"*"`, "qcs::cos:*:uid/1250000000:other-1250000000/*", ""))
	s := costest.New(costest.Options{Credentials: []costest.Credentials{key}})
	name := "x:uid/1250000000:other-1250000000/y"
	s.Put(name, nil)
	_, err := dialPublic(t, s, key).Object.Get(t.Context(), name, nil)
	wantError(t, err, http.StatusForbidden, "AccessDenied")
}

// A policy is of a bucket, so that a request must name one.
func TestPolicyNeedsTheBucket(t *testing.T) {
	key := permanent
	key.Policy = parsePolicy(t, allow(`"*"`, "*", ""))
	s, base := start(t, costest.Options{Credentials: []costest.Credentials{key}})
	s.Put("a", nil)
	_, err := dial(t, base, key).Object.Get(t.Context(), "a", nil)
	wantError(t, err, http.StatusForbidden, "AccessDenied")
}

// The signature comes first: a key's rights are nobody else's.
func TestPolicyIsOfItsKey(t *testing.T) {
	may, mayNot := permanent, temporary
	mayNot.Policy = parsePolicy(t, allow(`"name/cos:PutObject"`, "*", ""))
	s := costest.New(costest.Options{Credentials: []costest.Credentials{may, mayNot}})
	s.Put("a", nil)
	if _, err := dialPublic(t, s, may).Object.Get(t.Context(), "a", nil); err != nil {
		t.Error(err)
	}
	_, err := dialPublic(t, s, mayNot).Object.Get(t.Context(), "a", nil)
	wantError(t, err, http.StatusForbidden, "AccessDenied")
	mayNot.SecretKey = may.SecretKey
	_, err = dialPublic(t, s, mayNot).Object.Get(t.Context(), "a", nil)
	wantError(t, err, http.StatusForbidden, "SignatureDoesNotMatch")
}

// What is denied says so before it says that it is not implemented.
func TestPolicyOnTheBucketItself(t *testing.T) {
	key := permanent
	key.Policy = parsePolicy(t, allow(`["cos:GetBucket","cos:PutBucket","cos:DeleteBucket","cos:GetObject","cos:PutObject"]`, "*", ""))
	s := costest.New(costest.Options{Credentials: []costest.Credentials{key}})
	b := dialPublic(t, s, key).Bucket
	for name, do := range map[string]func() error{
		"GetBucketVersioning":   func() error { _, _, err := b.GetVersioning(t.Context()); return err },
		"PutBucketVersioning":   func() error { _, err := b.PutVersioning(t.Context(), &cos.BucketPutVersionOptions{}); return err },
		"GetBucketLifecycle":    func() error { _, _, err := b.GetLifecycle(t.Context()); return err },
		"DeleteBucketLifecycle": func() error { _, err := b.DeleteLifecycle(t.Context()); return err },
		"GetBucketPolicy":       func() error { _, _, err := b.GetPolicy(t.Context()); return err },
		"GetBucketACL":          func() error { _, _, err := b.GetACL(t.Context()); return err },
		"DeleteBucketCORS":      func() error { _, err := b.DeleteCORS(t.Context()); return err },
		"HeadBucket":            func() error { _, err := b.Head(t.Context()); return err },
	} {
		if e, ok := cos.IsCOSError(do()); !ok || e.Response.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v", name, e)
		}
	}
	_, err := b.Delete(t.Context())
	wantError(t, err, http.StatusNotImplemented, "NotImplemented")
	_, _, err = b.GetTagging(t.Context())
	wantError(t, err, http.StatusNotImplemented, "NotImplemented")
}

func TestPoliciesThatAreNone(t *testing.T) {
	const good = `{"effect":"allow","action":"name/cos:GetObject","resource":"*"}`
	for text, want := range map[string]string{
		``:              "not JSON",
		`{"version":`:   "not JSON",
		`[]`:            "not an object",
		`{}`:            "version",
		`{"version":2}`: "version",
		`{"version":"1.0","statement":[` + good + `]}`:                                                              "1.0",
		`{"version":"2.0"}`:                                                                                         "no statement",
		`{"version":"2.0","statement":[]}`:                                                                          "no statement",
		`{"version":"2.0","statement":` + good + `}`:                                                                "statement",
		`{"Version":"2.0","statement":[` + good + `]}`:                                                              "Version is unknown",
		`{"version":"2.0","statement":[` + good + `],"principal":{}}`:                                               "principal is unknown",
		`{"version":"2.0","version":"2.0","statement":[` + good + `]}`:                                              "version is there twice",
		statementOf(`"effect":"Allow","action":"*","resource":"*"`):                                                 `effect is "Allow"`,
		statementOf(`"action":"*","resource":"*"`):                                                                  "effect",
		statementOf(`"Effect":"allow","action":"*","resource":"*"`):                                                 "Effect is unknown",
		statementOf(`"effect":"allow","resource":"*"`):                                                              "action is missing",
		statementOf(`"effect":"allow","action":[],"resource":"*"`):                                                  "action",
		statementOf(`"effect":"allow","action":[""],"resource":"*"`):                                                "action",
		statementOf(`"effect":"allow","action":7,"resource":"*"`):                                                   "action",
		statementOf(`"effect":"allow","action":"GetObject","resource":"*"`):                                         "no action of COS",
		statementOf(`"effect":"allow","action":"s3:GetObject","resource":"*"`):                                      "no action of COS",
		statementOf(`"effect":"allow","action":"name/cos:*Object","resource":"*"`):                                  "no action of COS",
		statementOf(`"effect":"allow","action":"*"`):                                                                "resource is missing",
		statementOf(`"effect":"allow","action":"*","resource":"lake-1250000000/*"`):                                 "no resource of COS",
		statementOf(`"effect":"allow","action":"*","resource":"qcs::cos:ap-singapore:uid/*:b-1250000000/*"`):        "no resource of COS",
		statementOf(`"effect":"allow","action":"*","resource":"qcs::cvm:ap-singapore:uid/1:b-1250000000/*"`):        "no resource of COS",
		statementOf(`"effect":"allow","action":"*","resource":"qcs::cos:ap-singapore:uid/1:b-1250000000/a?"`):       "wildcard ?",
		statementOf(`"effect":"allow","action":"*","resource":"*","resource":"*"`):                                  "resource is there twice",
		statementOf(`"effect":"allow","action":"*","resource":"*","sid":"x"`):                                       "sid is unknown",
		statementOf(`"effect":"allow","action":"*","resource":"*","condition":{}`):                                  "condition is empty",
		statementOf(`"effect":"allow","action":"*","resource":"*"` + prefixed("string_equals", `"x"`)):              "string_equals is unknown",
		statementOf(`"effect":"allow","action":"*","resource":"*"` + prefixed("ip_equal", `"10.0.0.1"`)):            "ip_equal is unknown",
		statementOf(`"effect":"allow","action":"*","resource":"*"` + prefixed("string_equal", `[]`)):                "cos:prefix is empty",
		statementOf(`"effect":"allow","action":"*","resource":"*"` + prefixed("string_like", `"a?"`)):               "wildcard ?",
		statementOf(`"effect":"allow","action":"*","resource":"*","condition":{"string_equal":{"cos:Prefix":"x"}}`): "cos:Prefix is unknown",
	} {
		if _, err := costest.ParsePolicy([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := costest.ParsePolicy([]byte(`{"statement":[` + good + `],"version":"2.0"}`)); err != nil {
		t.Error(err)
	}
}

func statementOf(elements string) string {
	return `{"version":"2.0","statement":[{` + elements + `}]}`
}
