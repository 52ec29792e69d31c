package costest_test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tencentyun/cos-go-sdk-v5"

	"chatlake/storage/costest"
)

// stores runs a test for a bucket in memory and for one in a folder.
func stores(t *testing.T, test func(*testing.T, costest.Options)) {
	t.Run("memory", func(t *testing.T) { test(t, costest.Options{}) })
	t.Run("folder", func(t *testing.T) { test(t, costest.Options{Dir: filepath.Join(t.TempDir(), "bucket")}) })
}

func forbid() *cos.ObjectPutOptions {
	return &cos.ObjectPutOptions{ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{
		XOptionHeader: &http.Header{"x-cos-forbid-overwrite": {"true"}},
	}}
}

func TestObject(t *testing.T) {
	stores(t, func(t *testing.T, o costest.Options) {
		clock := time.Now().Truncate(time.Second)
		o.Now = func() time.Time { return clock.Add(500 * time.Millisecond) }
		_, base := start(t, o)
		c := dial(t, base, permanent)
		body := "some bytes"
		etag := fmt.Sprintf(`"%x"`, md5.Sum([]byte(body)))
		crc := fmt.Sprint(crc64.Checksum([]byte(body), crc64.MakeTable(crc64.ECMA)))
		check := func(what string, res *cos.Response, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			for name, want := range map[string]string{"ETag": etag, "x-cos-hash-crc64ecma": crc, "Date": clock.UTC().Format(http.TimeFormat)} {
				if got := res.Header.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", what, name, got, want)
				}
			}
		}
		res, err := c.Object.Put(t.Context(), "a/b", strings.NewReader(body), nil)
		check("put", res, err)
		res, err = c.Object.Head(t.Context(), "a/b", nil)
		check("head", res, err)
		if got := res.ContentLength; got != int64(len(body)) {
			t.Errorf("head: Content-Length is %d", got)
		}
		res, err = c.Object.Get(t.Context(), "a/b", nil)
		check("get", res, err)
		got, err := io.ReadAll(res.Body)
		if err != nil || string(got) != body {
			t.Errorf("get: %q, %v", got, err)
		}
		if got := res.Header.Get("Last-Modified"); got != clock.UTC().Format(http.TimeFormat) {
			t.Errorf("get: Last-Modified is %q", got)
		}
		for range 2 {
			if res, err := c.Object.Delete(t.Context(), "a/b"); err != nil || res.StatusCode != http.StatusNoContent {
				t.Errorf("delete: %v", err)
			}
		}
		_, err = c.Object.Get(t.Context(), "a/b", nil)
		wantError(t, err, http.StatusNotFound, "NoSuchKey")
		if _, err = c.Object.Head(t.Context(), "a/b", nil); !cos.IsNotFoundError(err) {
			t.Errorf("head: %v, want 404", err)
		}
		if e, _ := cos.IsCOSError(err); e == nil || e.Code != "" {
			t.Errorf("head: %v has a body", err)
		}
	})
}

func TestRange(t *testing.T) {
	s, base := start(t, costest.Options{})
	s.Put("k", []byte("0123456789"))
	s.Put("empty", nil)
	c := dial(t, base, permanent)
	tests := []struct{ key, field, want, code string }{
		{"k", "bytes=2-4", "234", ""},
		{"k", "bytes=8-", "89", ""},
		{"k", "bytes=-3", "789", ""},
		{"k", "bytes=-30", "0123456789", ""},
		{"k", "bytes=9-99", "9", ""},
		{"k", "bytes=10-", "", "InvalidRange"},
		{"k", "bytes=-0", "", "InvalidRange"},
		{"empty", "bytes=0-0", "", "InvalidRange"},
		{"k", "bytes=4-2", "", "InvalidArgument"},
		{"k", "bytes=0-1,3-4", "", "InvalidArgument"},
		{"k", "bytes=-", "", "InvalidArgument"},
		{"k", "lines=1-2", "", "InvalidArgument"},
	}
	for _, tt := range tests {
		res, err := c.Object.Get(t.Context(), tt.key, &cos.ObjectGetOptions{Range: tt.field})
		switch {
		case tt.code == "InvalidRange":
			wantError(t, err, http.StatusRequestedRangeNotSatisfiable, tt.code)
		case tt.code != "":
			wantError(t, err, http.StatusBadRequest, tt.code)
		case err != nil:
			t.Errorf("%s: %v", tt.field, err)
		default:
			got, err := io.ReadAll(res.Body)
			if string(got) != tt.want || err != nil || res.StatusCode != http.StatusPartialContent {
				t.Errorf("%s: %d %q, %v", tt.field, res.StatusCode, got, err)
			}
		}
	}
}

func TestConditions(t *testing.T) {
	s, base := start(t, costest.Options{})
	s.Put("k", []byte("x"))
	etag := fmt.Sprintf(`"%x"`, md5.Sum([]byte("x")))
	tests := []struct {
		name, value string
		status      int
	}{
		{"If-Match", etag, 200},
		{"If-Match", strings.Trim(etag, `"`), 200},
		{"If-Match", "*", 200},
		{"If-Match", `"other"`, 412},
		{"If-None-Match", etag, 304},
		{"If-None-Match", `"other"`, 200},
		{"If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT", 501},
	}
	for _, tt := range tests {
		opt := &cos.ObjectGetOptions{XOptionHeader: &http.Header{tt.name: {tt.value}}}
		res, _ := dial(t, base, permanent).Object.Get(t.Context(), "k", opt)
		if res == nil || res.StatusCode != tt.status {
			t.Errorf("%s %s: %v, want %d", tt.name, tt.value, res, tt.status)
		}
	}
}

func TestContentMD5(t *testing.T) {
	s, base := start(t, costest.Options{})
	right, wrong := md5.Sum([]byte("x")), md5.Sum([]byte("y"))
	tests := []struct{ sent, code string }{
		{base64.StdEncoding.EncodeToString(right[:]), ""},
		{base64.StdEncoding.EncodeToString(wrong[:]), "BadDigest"},
		{"short", "InvalidDigest"},
	}
	for _, tt := range tests {
		s.Delete("k")
		opt := &cos.ObjectPutOptions{ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{ContentMD5: tt.sent}}
		_, err := dial(t, base, permanent).Object.Put(t.Context(), "k", strings.NewReader("x"), opt)
		if tt.code != "" {
			wantError(t, err, http.StatusBadRequest, tt.code)
		} else if err != nil {
			t.Error(err)
		}
		if _, ok := s.Get("k"); ok != (tt.code == "") {
			t.Errorf("%s: stored is %v", tt.sent, ok)
		}
	}
}

func TestForbidOverwrite(t *testing.T) {
	stores(t, func(t *testing.T, o costest.Options) {
		s, base := start(t, o)
		var won atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			c := dial(t, base, permanent)
			all.Go(func() {
				if _, err := c.Object.Put(t.Context(), "k", strings.NewReader(fmt.Sprint(i)), forbid()); err == nil {
					won.Add(1)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 8 creations won", won.Load())
		}
		before, _ := s.Get("k")
		_, err := dial(t, base, permanent).Object.Put(t.Context(), "k", strings.NewReader("later"), forbid())
		wantError(t, err, http.StatusConflict, "FileAlreadyExists")
		if after, _ := s.Get("k"); !slices.Equal(before, after) {
			t.Errorf("%q became %q", before, after)
		}
	})
}

func TestVersionedBucketIgnoresForbidOverwrite(t *testing.T) {
	for _, versioned := range []bool{false, true} {
		s, base := start(t, costest.Options{Versioned: versioned})
		c := dial(t, base, permanent)
		s.Put("k", []byte("old"))
		_, err := c.Object.Put(t.Context(), "k", strings.NewReader("new"), forbid())
		if got := err == nil; got != versioned {
			t.Errorf("versioned %v: %v", versioned, err)
		}
		v, _, err := c.Bucket.GetVersioning(t.Context())
		if err != nil || (v.Status == "Enabled") != versioned || !versioned && v.Status != "" {
			t.Errorf("versioned %v: %+v, %v", versioned, v, err)
		}
	}
}

func TestFolder(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "bucket")
	s, base := start(t, costest.Options{Dir: dir})
	c := dial(t, base, permanent)
	put := func(key string) error {
		_, err := c.Object.Put(t.Context(), key, strings.NewReader("x"), nil)
		return err
	}
	if err := put("t/dt=1/f"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "t", "dt=1", "f")); err != nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
	for _, key := range []string{"a/../../out", "../out", "a/./b", "a//b", "a/", `..\out`, "nul\x00"} {
		wantError(t, put(key), http.StatusBadRequest, "InvalidArgument")
	}
	wantError(t, put("t"), http.StatusNotImplemented, "NotImplemented")
	wantError(t, put("t/dt=1/f/g"), http.StatusNotImplemented, "NotImplemented")
	_, err := c.Object.Get(t.Context(), "t/dt=1", nil)
	wantError(t, err, http.StatusNotFound, "NoSuchKey")
	if got := s.Keys(""); !slices.Equal(got, []string{"t/dt=1/f"}) {
		t.Errorf("keys %q", got)
	}
	if again := costest.New(costest.Options{Dir: dir}).Keys("t/"); len(again) != 1 {
		t.Errorf("a second server sees %q", again)
	}
	s.Delete("t/dt=1/f")
	if err := put("t"); err != nil {
		t.Errorf("an emptied folder is in the way: %v", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
		t.Errorf("beside the bucket: %v, %v", left, err)
	}
}
