package costest

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// authorize holds a request to the key's policy, if it has one.
func (c Credentials) authorize(r *http.Request, q Request) error {
	if c.Policy == nil {
		return nil
	}
	bucket, ok := resourceOf(r)
	if !ok {
		return denied("Policies are for requests to BUCKET-APPID.cos.REGION.myqcloud.com.")
	}
	action, known := actionOf(q)
	if !known {
		return notImplemented("Which right this request needs is not implemented.")
	}
	resource, keys := bucket+q.Key, map[string]string(nil)
	if action == listing {
		resource, keys = bucket+q.Query.Get("prefix"), listingKeys(q.Query)
	}
	if !c.Policy.allows(action, resource, keys) {
		return denied("Access Denied.")
	}
	return nil
}

// missing is the answer for an object that is not there. No page says whether COS, like S3, hides that from a key that may
// not list it; the worst case is that it does, and so does this. A key may list an object if it may list with its whole name
// as the prefix: that COS answers 404 where the right to list is bound to a prefix is likely by what a public project relies on
// (DjangoAILab/blog-studio, whose releases read such objects by such a role).
func (c Credentials) missing(r *http.Request, q Request) error {
	if c.Policy == nil {
		return errNoKey
	}
	bucket, _ := resourceOf(r)
	if !c.Policy.allows(listing, bucket+q.Key, listingKeys(url.Values{"prefix": {q.Key}})) {
		return denied("Access Denied.")
	}
	return errNoKey
}

const listing = "cos:GetBucket"

func listingKeys(query url.Values) map[string]string {
	if !query.Has("prefix") {
		return nil
	}
	return map[string]string{prefixKey: encode(query.Get("prefix"))}
}

var publicHost = regexp.MustCompile(`^([a-z0-9-]+-([0-9]+))\.cos\.([a-z0-9-]+)\.myqcloud\.com$`)

// resourceOf returns the six segments of the bucket, up to the key
// (https://www.tencentcloud.com/document/product/598/57092). A listing's key is its prefix: it is by a folder's resource
// that CAM's own example lets a folder be listed (https://www.tencentcloud.com/document/product/598/11085).
func resourceOf(r *http.Request) (string, bool) {
	m := publicHost.FindStringSubmatch(hostOf(r))
	if m == nil {
		return "", false
	}
	return "qcs::cos:" + m[3] + ":uid/" + m[2] + ":" + m[1] + "/", true
}

// subresources are a bucket's, by the end of their actions' names.
var subresources = map[string]string{
	"acl": "ACL", "cors": "CORS", "lifecycle": "Lifecycle", "policy": "Policy", "versioning": "Versioning",
}

// actionOf returns the action that a request needs, by https://www.tencentcloud.com/document/product/436/30580.
func actionOf(q Request) (action string, known bool) {
	verb, known := map[string]string{
		http.MethodGet: "Get", http.MethodPut: "Put", http.MethodHead: "Head", http.MethodDelete: "Delete", http.MethodPost: "Post",
	}[q.Method]
	if q.Key != "" {
		return "cos:" + verb + "Object", known && len(q.Query) == 0
	}
	for name := range q.Query {
		if end, ok := subresources[name]; ok {
			return "cos:" + verb + "Bucket" + end, known && slices.Contains([]string{"Get", "Put", "Delete"}, verb)
		}
	}
	return "cos:" + verb + "Bucket", known && !strings.Contains(verb, "Post")
}
