package costest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tencentyun/cos-go-sdk-v5"

	"chatlake/storage/costest"
)

func TestList(t *testing.T) {
	stores(t, func(t *testing.T, o costest.Options) {
		s, base := start(t, o)
		c := dial(t, base, permanent)
		for _, key := range []string{"a", "b-c", "b/c", "b/d/e", "b/d/f", "bb", "c d+é%/x", "z"} {
			s.Put(key, []byte(key))
		}
		tests := []struct {
			opt  cos.BucketGetOptions
			want string // keys, then common prefixes in braces
		}{
			{cos.BucketGetOptions{}, "a b-c b/c b/d/e b/d/f bb c d+é%/x z"},
			{cos.BucketGetOptions{Delimiter: "/"}, "a b-c bb z {b/} {c d+é%/}"},
			{cos.BucketGetOptions{Prefix: "b/"}, "b/c b/d/e b/d/f"},
			{cos.BucketGetOptions{Prefix: "b/", Delimiter: "/"}, "b/c {b/d/}"},
			{cos.BucketGetOptions{Prefix: "b/", Delimiter: "/", Marker: "b/d/"}, ""},
			{cos.BucketGetOptions{Marker: "b/d/e"}, "b/d/f bb c d+é%/x z"},
			{cos.BucketGetOptions{Prefix: "none"}, ""},
		}
		for _, tt := range tests {
			for _, page := range []int{0, 1, 2} {
				if got := listAll(t, c, tt.opt, page); got != tt.want {
					t.Errorf("%+v in pages of %d: %q, want %q", tt.opt, page, got, tt.want)
				}
			}
		}
	})
}

// listAll follows the pages as a client does.
func listAll(t *testing.T, c *cos.Client, opt cos.BucketGetOptions, page int) string {
	t.Helper()
	opt.EncodingType, opt.MaxKeys = "url", page
	decode := func(s string) string {
		d, err := cos.DecodeURIComponent(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	var keys, prefixes []string
	for range 10 {
		got, _, err := c.Bucket.Get(t.Context(), &opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range got.Contents {
			key := decode(o.Key)
			keys = append(keys, key)
			if o.Size != int64(len(key)) || o.ETag == "" || o.LastModified == "" {
				t.Errorf("%+v", o)
			}
		}
		for _, p := range got.CommonPrefixes {
			prefixes = append(prefixes, "{"+decode(p)+"}")
		}
		if n := len(got.Contents) + len(got.CommonPrefixes); page > 0 && n > page || got.IsTruncated != (got.NextMarker != "") {
			t.Fatalf("page of %d with %d entries: %+v", page, n, got)
		}
		if !got.IsTruncated {
			return strings.Join(append(keys, prefixes...), " ")
		}
		opt.Marker = decode(got.NextMarker)
	}
	t.Fatalf("%+v: the pages do not end", opt)
	return ""
}

func TestListPage(t *testing.T) {
	s, base := start(t, costest.Options{})
	c := dial(t, base, permanent)
	for i := range 1001 {
		s.Put(fmt.Sprintf("%04d", i), nil)
	}
	got, _, err := c.Bucket.Get(t.Context(), &cos.BucketGetOptions{MaxKeys: 5000})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Contents) != 1000 || !got.IsTruncated || got.NextMarker != "0999" {
		t.Errorf("%d keys, truncated %v at %q", len(got.Contents), got.IsTruncated, got.NextMarker)
	}
	s.Delete("1000")
	if got, _, err = c.Bucket.Get(t.Context(), nil); err != nil || got.IsTruncated {
		t.Errorf("a full last page is truncated: %v", err)
	}
	_, _, err = c.Bucket.Get(t.Context(), &cos.BucketGetOptions{MaxKeys: -1})
	wantError(t, err, http.StatusBadRequest, "InvalidArgument")
	_, _, err = c.Bucket.Get(t.Context(), &cos.BucketGetOptions{EncodingType: "gzip"})
	wantError(t, err, http.StatusBadRequest, "InvalidArgument")
}

// What is not implemented must not look as if it had been done.
func TestRefusedOperations(t *testing.T) {
	s, base := start(t, costest.Options{})
	s.Put("k", []byte("x"))
	c := dial(t, base, permanent)
	header := func(name, value string) *cos.ObjectPutOptions {
		return &cos.ObjectPutOptions{ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{XOptionHeader: &http.Header{name: {value}}}}
	}
	put := func(opt *cos.ObjectPutOptions) error {
		_, err := c.Object.Put(t.Context(), "k", strings.NewReader("new"), opt)
		return err
	}
	tests := []struct {
		name   string
		do     func() error
		status int
		code   string
	}{
		{"get the ACL", func() error { _, _, err := c.Object.GetACL(t.Context(), "k"); return err }, 501, "NotImplemented"},
		{"get a version", func() error { _, err := c.Object.Get(t.Context(), "k", nil, "1"); return err }, 501, "NotImplemented"},
		{"delete a version", func() error {
			_, err := c.Object.Delete(t.Context(), "k", &cos.ObjectDeleteOptions{VersionId: "1"})
			return err
		}, 501, "NotImplemented"},
		{"start a multipart upload", func() error { _, _, err := c.Object.InitiateMultipartUpload(t.Context(), "k", nil); return err }, 405, "MethodNotAllowed"},
		{"get the lifecycle", func() error { _, _, err := c.Bucket.GetLifecycle(t.Context()); return err }, 501, "NotImplemented"},
		{"set versioning", func() error {
			_, err := c.Bucket.PutVersioning(t.Context(), &cos.BucketPutVersionOptions{Status: "Enabled"})
			return err
		}, 501, "NotImplemented"},
		{"delete the bucket", func() error { _, err := c.Bucket.Delete(t.Context()); return err }, 501, "NotImplemented"},
		{"put with If-Match", func() error { return put(header("If-Match", `"x"`)) }, 501, "NotImplemented"},
		{"put metadata", func() error { return put(header("x-cos-meta-a", "b")) }, 501, "NotImplemented"},
		{"copy", func() error { return put(header("x-cos-copy-source", "b/k")) }, 501, "NotImplemented"},
		{"forbid perhaps", func() error { return put(header("x-cos-forbid-overwrite", "perhaps")) }, 400, "InvalidArgument"},
		{"long key", func() error {
			_, err := c.Object.Get(t.Context(), strings.Repeat("k", 851), nil)
			return err
		}, 400, "KeyTooLong"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantError(t, tt.do(), tt.status, tt.code) })
	}
	if b, _ := s.Get("k"); string(b) != "x" || !slices.Equal(s.Keys(""), []string{"k"}) {
		t.Errorf("%q, keys %q", b, s.Keys(""))
	}
}
