package storage_test

import (
	"path/filepath"
	"strings"
	"testing"

	"chatlake/storage"
)

func TestParseLocation(t *testing.T) {
	const bucket = "https://lake-1250000000.cos.ap-guangzhou.myqcloud.com"
	tests := map[string]struct{ bucket, prefix, dir string }{
		bucket:                        {bucket, "", ""},
		bucket + "/":                  {bucket, "", ""},
		bucket + "/chat":              {bucket, "chat/", ""},
		bucket + "/chat/":             {bucket, "chat/", ""},
		bucket + "/a/b-c/d=1":         {bucket, "a/b-c/d=1/", ""},
		bucket + "/a%20b/%E5%BA%93/":  {bucket, "a b/库/", ""},
		bucket + "/a..b/...":          {bucket, "a..b/.../", ""},
		"HTTPS://lake.example:8443/p": {"https://lake.example:8443", "p/", ""},
		"http://127.0.0.1:9000":       {"http://127.0.0.1:9000", "", ""},
		"http://127.8.9.1/p":          {"http://127.8.9.1", "p/", ""},
		"http://[::1]:9000/p":         {"http://[::1]:9000", "p/", ""},
		"http://localhost/p/":         {"http://localhost", "p/", ""},
		"file:///var/lake":            {"", "", "/var/lake"},
		"file:///var/lake/":           {"", "", "/var/lake"},
		"file:///a%20b":               {"", "", "/a b"},
	}
	for in, want := range tests {
		got, err := storage.ParseLocation(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		host := ""
		if got.Bucket != nil {
			host = got.Bucket.String()
		}
		if host != want.bucket || got.Prefix != want.prefix || filepath.ToSlash(got.Dir) != want.dir {
			t.Errorf("%s: got %q %q %q, want %q", in, host, got.Prefix, got.Dir, want)
		}
	}
}

func TestBucketAndFolder(t *testing.T) {
	for in, want := range map[string]struct {
		bucket storage.Bucket
		folder string
	}{
		"https://lake-1250000000.cos.ap-guangzhou.myqcloud.com/a/b": {
			storage.Bucket{Name: "lake-1250000000", Region: "ap-guangzhou", Endpoint: "cos.ap-guangzhou.myqcloud.com"},
			"cosn://lake-1250000000/a/b/app_daily_stats/",
		},
		"https://L-a-1.cos.EU-frankfurt.tencentcos.cn": {
			storage.Bucket{Name: "l-a-1", Region: "eu-frankfurt", Endpoint: "cos.eu-frankfurt.tencentcos.cn"},
			"cosn://l-a-1/app_daily_stats/",
		},
		"https://lake.cos.ap-guangzhou.myqcloud.com":             {}, // no APPID
		"https://lake-1.cos.ap-guangzhou.myqcloud.com:8443":      {},
		"https://lake-1.cos.ap-guangzhou.myqcloud.com.example":   {},
		"https://lake-1.cos.ap-guangzhou.x.myqcloud.com":         {},
		"https://lake-1.cos-website.ap-guangzhou.myqcloud.com/p": {},
		"https://lake.example/p":                                 {},
		"http://127.0.0.1:9000/p":                                {},
		"file:///var/lake":                                       {},
	} {
		l, err := storage.ParseLocation(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		bucket, ok := l.COSBucket()
		if bucket != want.bucket || ok != (want.folder != "") || l.TableFolder("cosn") != want.folder {
			t.Errorf("%s: %+v %v %q, want %+v %q", in, bucket, ok, l.TableFolder("cosn"), want.bucket, want.folder)
		}
	}
}

func TestParseLocationRefuses(t *testing.T) {
	tests := map[string]string{
		"nothing":                     "",
		"a path":                      "/var/lake",
		"a relative path":             "lake",
		"another scheme":              "s3://bucket/p",
		"COS's own scheme":            "cosn://bucket/p",
		"no scheme":                   "lake.cos.ap-guangzhou.myqcloud.com/p",
		"no host":                     "https:///p",
		"a port alone":                "https://:443/p",
		"no URL":                      "https://a b/p",
		"a broken escape":             "https://b.example/%zz",
		"a line break":                "https://b.example/p\nq",
		"http":                        "http://lake-1250000000.cos.ap-guangzhou.myqcloud.com",
		"http on a public address":    "http://10.0.0.1/p",
		"http on all addresses":       "http://0.0.0.0/p",
		"http on a lookalike name":    "http://localhost.example/p",
		"http on a lookalike address": "http://127.0.0.1.example/p",
		"http on a lookalike user":    "http://127.0.0.1@b.example/p",
		"..":                          "https://b.example/a/../b",
		".. at the end":               "https://b.example/a/..",
		".. in escapes":               "https://b.example/a/%2e%2e/b",
		".":                           "https://b.example/./a",
		"//":                          "https://b.example/a//b",
		"a query":                     "https://b.example/p?versioning",
		"a query of nothing":          "https://b.example/p?",
		"a fragment":                  "https://b.example/p#x",
		"a user":                      "https://AKIDexample@b.example/p",
		"a user and a key":            "https://AKIDexample:topsecret@b.example/p",
		"file with a host":            "file://var/lake",
		"file, relative":              "file:lake",
		"file, the root":              "file:///",
		"file, the root again":        "file:////",
		"file, the root as .":         "file:///.",
		"file, the root as ..":        "file:///lake/..",
		"file with a query":           "file:///lake?x=1",
		"file with nothing":           "file:",
	}
	for name, in := range tests {
		got, err := storage.ParseLocation(in)
		if err == nil {
			t.Errorf("%s: %q was taken as %+v", name, in, got)
		} else if strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %q prints the key", name, err)
		}
	}
}
