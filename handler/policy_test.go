package handler_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tencentyun/cos-go-sdk-v5"

	"chatlake/handler"
	"chatlake/storage/costest"
)

// enforce sets a policy for the role's key.
func (w *world) enforce(d document) {
	w.t.Helper()
	key := bucketKey
	var err error
	if key.Policy, err = costest.ParsePolicy([]byte(d.text())); err != nil {
		w.t.Fatal(err)
	}
	w.bucket.SetCredentials(key)
}

// deploy sets a world up as README's example has it, and returns what lists the requests that the bucket denied.
func (w *world) deploy(d document) (denied func() []string) {
	w.enforce(d)
	w.env["CHATLAKE_LAKE"] = "https://" + bucketHost + "/" + strings.TrimSuffix(exampleLake, "/")
	w.env["CHATLAKE_APPS"] = "cos:" + exampleApps
	w.bucket.Put(exampleApps, []byte(w.appList()))
	var (
		mu      sync.Mutex
		refused []string
	)
	w.routes[bucketHost] = http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		rec := httptest.NewRecorder()
		w.bucket.ServeHTTP(rec, req)
		if rec.Code == http.StatusForbidden {
			mu.Lock()
			refused = append(refused, req.Method+" "+req.URL.String())
			mu.Unlock()
		}
		for name, values := range rec.Header() {
			rw.Header()[name] = values
		}
		rw.WriteHeader(rec.Code)
		rw.Write(rec.Body.Bytes())
	})
	return func() []string { return refused }
}

// operate does all that an operator has chatlake do, and returns the first error of it, with the job that it was.
func (w *world) operate() error {
	w.t.Helper()
	do := func(job, payload string, good func(handler.Summary) bool) error {
		s, err := w.run(payload)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", job, err)
		case len(s.Errors) > 0 || strings.Contains(strings.Join(s.Warnings, " "), "COS answered") || !good(s):
			return fmt.Errorf("%s: %s", job, s.JSON())
		}
		return nil
	}
	ok := func(s handler.Summary) bool { return s.Status == handler.OK }
	damaged := "2026-11-20"
	for _, job := range []struct {
		name, payload string
		before        func()
		good          func(handler.Summary) bool
	}{
		{"first daily run", "timer", nil, func(s handler.Summary) bool { return ok(s) && s.Rows.Inserted == 90 }},
		{"second daily run", "timer", func() {
			w.revise(1400000001, day(damaged), map[string]any{"ActiveUserNum": "424242"})
		}, func(s handler.Summary) bool { return ok(s) && s.Rows.Inserted == 3 && s.Rows.Updated > 0 }},
		{"run with a refused row", "timer", func() {
			w.revise(1400000001, day(damaged), map[string]any{"ActiveUserNum": "many"})
		}, func(s handler.Summary) bool { return s.Status == handler.Partial && s.Rows.Rejected == 1 }},
		{"backfill by hand", `{"apps":[1400000001],"from":"2026-11-10","to":"2026-11-12"}`, nil, ok},
		{"dry run", `{"dry_run":true}`, nil, func(s handler.Summary) bool { return s.Rows.Rejected == 1 }},
		{"replay of everything", `{"source":"raw"}`, func() {
			w.bucket.Delete(exampleLake + "app_daily_stats/dt=2026-11-15/part-0.parquet")
		}, func(s handler.Summary) bool { return s.Rows.Inserted == 3 }},
		{"repair of a damaged day", `{"source":"raw","from":"` + damaged + `","to":"` + damaged + `"}`, func() {
			key := exampleLake + "app_daily_stats/dt=" + damaged + "/part-0.parquet"
			whole, _ := w.bucket.Get(key)
			w.bucket.Put(key, whole[:len(whole)/2])
		}, func(s handler.Summary) bool {
			return s.Rows.Inserted == 3 && len(w.bucket.Keys(exampleLake+"_damaged/")) == 1
		}},
	} {
		if job.before != nil {
			job.before()
		}
		if job.payload == "timer" {
			job.payload = w.timer()
		}
		if err := do(job.name, job.payload, job.good); err != nil {
			return err
		}
		time.Sleep(24 * time.Hour)
	}
	return nil
}

func TestPolicySuffices(t *testing.T) {
	inWorld(t, func(w *world) {
		denied := w.deploy(rolePolicy(t))
		if err := w.operate(); err != nil {
			t.Error(err)
		}
		if refused := denied(); len(refused) > 0 {
			t.Errorf("denied: %v", refused)
		}
	})
}

// listsBelow is a condition on the prefix of a listing.
func listsBelow(operator, prefix string) map[string]map[string][]string {
	return map[string]map[string][]string{operator: {"cos:prefix": {prefix}}}
}

func TestEachPartOfThePolicyIsNeeded(t *testing.T) {
	policy := rolePolicy(t)
	without := policy.parts()
	if len(without) < len(policy.Statement)*2 {
		t.Fatalf("%d parts", len(without))
	}
	last := len(policy.Statement) - 1
	for part, prefix := range map[string]string{"a condition for the whole prefix": "im%2F_raw%2F*", "the condition's encoding": "im/*"} {
		c := policy.clone()
		c.Statement[last].Condition = listsBelow("string_like", prefix)
		without[part] = c
	}
	// What the wildcards of the policy cover.
	denied := func(action, resource string, condition map[string]map[string][]string) {
		c := policy.clone()
		c.Statement = append(c.Statement, policyElement{"deny", []string{action}, []string{exampleResource + resource}, condition})
		without[action+" on "+resource] = c
	}
	denied("name/cos:GetBucket", "*", listsBelow("string_equal", "im%2F_raw%2Fdt%3D"))
	for _, folder := range []string{"app_daily_stats", "_raw", "_rejects", "_runs", "_damaged", "_lock"} {
		denied("name/cos:PutObject", exampleLake+folder+"/*", nil)
	}
	for _, folder := range []string{"app_daily_stats", "_raw", "_runs", "_lock"} {
		denied("name/cos:GetObject", exampleLake+folder+"/*", nil)
	}
	for part, reduced := range without {
		t.Run(part, func(t *testing.T) {
			inWorld(t, func(w *world) {
				denied := w.deploy(reduced)
				err := w.operate()
				if err == nil {
					w.t.Fatal("everything went well without it")
				}
				refused := denied()
				if len(refused) == 0 {
					w.t.Fatalf("nothing was denied: %v", err)
				}
				// The object or listing that was denied, COS's own word, and what to do.
				u, _ := url.Parse(strings.Fields(refused[0])[1])
				what := strings.TrimPrefix(u.Path, "/") + u.Query().Get("prefix")
				for _, want := range []string{what, "403 AccessDenied", "allow the execution role name/cos:"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("the error does not say %q: %v", want, err)
					}
				}
			})
		})
	}
}

// client is the official SDK's, with the role's key.
func (w *world) client() *cos.Client {
	c := cos.NewClient(&cos.BaseURL{BucketURL: &url.URL{Scheme: "https", Host: bucketHost}}, &http.Client{Transport: &cos.AuthorizationTransport{
		SecretID: bucketKey.SecretID, SecretKey: bucketKey.SecretKey, SessionToken: bucketKey.SessionToken, Transport: w,
	}})
	c.Conf.RetryOpt.Count = 1
	return c
}

// trespass tries what the role must not be able to do, and returns what it could.
func (w *world) trespass() (could []string) {
	c, ctx := w.client(), w.t.Context()
	put := func(key string) func() error {
		return func() error { _, err := c.Object.Put(ctx, key, strings.NewReader("[]"), nil); return err }
	}
	get := func(key string) func() error {
		return func() error { _, err := c.Object.Get(ctx, key, nil); return err }
	}
	list := func(prefix string) func() error {
		return func() error { _, _, err := c.Bucket.Get(ctx, &cos.BucketGetOptions{Prefix: prefix}); return err }
	}
	remove := func(key string) func() error {
		return func() error { _, err := c.Object.Delete(ctx, key); return err }
	}
	for _, key := range []string{"other/object", "im2/object", "chatlake/other.json", "imprint"} {
		w.bucket.Put(key, []byte("{}"))
	}
	for _, attempt := range []struct {
		name string
		do   func() error
	}{
		{"delete a day", remove(exampleLake + "app_daily_stats/dt=2026-11-20/part-0.parquet")},
		{"delete from the archive", remove(w.bucket.Keys(exampleLake + "_raw/")[0])},
		{"delete the apps", remove(exampleApps)},
		{"write the apps", put(exampleApps)},
		{"write beside the apps", put("chatlake/new.json")},
		{"write another prefix", put("other/new")},
		{"write a sibling prefix", put("im2/new")},
		{"read beside the apps", get("chatlake/other.json")},
		{"read another prefix", get("other/object")},
		{"read a sibling prefix", get("im2/object")},
		{"read a key that begins as the prefix does", get("imprint")},
		{"list the bucket", list("")},
		{"list what begins as the prefix does", list("im")},
		{"list another prefix", list("other/")},
		{"list beside the apps", list("chatlake/")},
		{"see the versioning", func() error { _, _, err := c.Bucket.GetVersioning(ctx); return err }},
		{"set the versioning", func() error {
			_, err := c.Bucket.PutVersioning(ctx, &cos.BucketPutVersionOptions{Status: "Enabled"})
			return err
		}},
		{"see the policy", func() error { _, _, err := c.Bucket.GetPolicy(ctx); return err }},
		{"set the policy", func() error { _, err := c.Bucket.PutPolicy(ctx, &cos.BucketPutPolicyOptions{}); return err }},
		{"remove the policy", func() error { _, err := c.Bucket.DeletePolicy(ctx); return err }},
		{"see the ACL", func() error { _, _, err := c.Bucket.GetACL(ctx); return err }},
		{"remove the lifecycle", func() error { _, err := c.Bucket.DeleteLifecycle(ctx); return err }},
		{"delete the bucket", func() error { _, err := c.Bucket.Delete(ctx); return err }},
	} {
		e, ok := cos.IsCOSError(attempt.do())
		if !ok || e.Response.StatusCode != http.StatusForbidden || e.Code != "AccessDenied" {
			could = append(could, attempt.name)
		}
	}
	return could
}

func TestPolicyDenies(t *testing.T) {
	policy := rolePolicy(t)
	withoutCondition := policy.clone()
	for i := range withoutCondition.Statement {
		withoutCondition.Statement[i].Condition = nil
	}
	anyObject := policy.clone()
	anyObject.Statement[0].Resource[0] = strings.TrimSuffix(anyObject.Statement[0].Resource[0], "/*") + "*"
	for name, test := range map[string]struct {
		policy document
		could  []string
	}{
		"the role's policy": {policy, nil},
		"without its condition": {withoutCondition, []string{
			"list the bucket", "list what begins as the prefix does", "list another prefix", "list beside the apps",
		}},
		"without its slash": {anyObject, []string{
			"write a sibling prefix", "read a sibling prefix", "read a key that begins as the prefix does",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.deploy(test.policy)
				w.mustRun(w.timer())
				if could := w.trespass(); !slices.Equal(could, test.could) {
					t.Errorf("it could %q, want %q", could, test.could)
				}
			})
		})
	}
}

// TestReadersPolicy reads the lake as docs/security.md lets its readers.
func TestReadersPolicy(t *testing.T) {
	readers := policiesOf(t, "docs/security.md", "## Readers of the lake")[0]
	inWorld(t, func(w *world) {
		w.deploy(rolePolicy(t))
		w.mustRun(w.timer())
		table := exampleLake + "app_daily_stats/"
		summary := w.bucket.Keys(exampleLake + "_runs/")[0]
		w.enforce(readers)
		c, ctx := w.client(), w.t.Context()
		page, _, err := c.Bucket.Get(ctx, &cos.BucketGetOptions{Prefix: table})
		if err != nil || len(page.Contents) != 30 {
			w.t.Fatalf("listing the table: %v", err)
		}
		key := page.Contents[0].Key
		if _, err := c.Object.Get(ctx, key, nil); err != nil {
			w.t.Error(err)
		}
		if _, err := c.Object.Head(ctx, key, nil); err != nil {
			w.t.Error(err)
		}
		for what, do := range map[string]func() error{
			"write the table": func() error { _, err := c.Object.Put(ctx, key, strings.NewReader("x"), nil); return err },
			"delete from it":  func() error { _, err := c.Object.Delete(ctx, key); return err },
			"read the apps":   func() error { _, err := c.Object.Get(ctx, exampleApps, nil); return err },
			"read a summary":  func() error { _, err := c.Object.Get(ctx, summary, nil); return err },
			"list the lake":   func() error { _, _, err := c.Bucket.Get(ctx, &cos.BucketGetOptions{Prefix: exampleLake}); return err },
		} {
			if e, ok := cos.IsCOSError(do()); !ok || e.Code != "AccessDenied" {
				w.t.Errorf("a reader could %s", what)
			}
		}
	})
}
