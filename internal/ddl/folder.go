package ddl

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"chatlake/storage"
)

// cos is where a bucket is.
//
// Every engine that speaks S3 gets the endpoint and virtual-hosted style: COS refuses path-style requests to buckets made
// since 2024 (https://www.tencentcloud.com/document/product/436/57456). Its S3 API:
// https://www.tencentcloud.com/document/product/436/32537.
type cos struct {
	Bucket   string // BUCKET-APPID
	Region   string
	Endpoint string // host
}

// Hosts: https://www.tencentcloud.com/document/product/436/6224.
var cosHost = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*-[0-9]+)\.(cos\.([a-z0-9-]+)\.myqcloud\.com)$`)

func parseCOS(lake storage.Location) (cos, error) {
	m := cosHost.FindStringSubmatch(lake.Bucket.Host)
	if m == nil || lake.Bucket.Scheme != "https" {
		return cos{}, fmt.Errorf("the lake's host %q does not tell bucket and region, as in https://BUCKET-APPID.cos.REGION.myqcloud.com/PREFIX", lake.Bucket.Host)
	}
	return cos{Bucket: m[1], Endpoint: m[2], Region: m[3]}, nil
}

// The forms of the table's folder, each with a slash at its end.

// cosnFolder is for engines on Hadoop: cosn:// is of https://github.com/tencentyun/hadoop-cos.
func cosnFolder(lake storage.Location, at cos) string {
	return hadoopFolder("cosn", lake, at)
}

// s3aFolder is for Trino, whose own S3 file system knows s3a:// as well as s3://, and for its metastore, which is a Hadoop
// one and knows s3a:// alone.
func s3aFolder(lake storage.Location, at cos) string {
	return hadoopFolder("s3a", lake, at)
}

func hadoopFolder(scheme string, lake storage.Location, at cos) string {
	if lake.Bucket == nil {
		return "file://" + pathFolder(lake, at)
	}
	return scheme + "://" + at.Bucket + "/" + lake.Prefix + storage.Table + "/"
}

func s3Folder(lake storage.Location, at cos) string {
	if lake.Bucket == nil {
		return pathFolder(lake, at)
	}
	return "s3://" + at.Bucket + "/" + lake.Prefix + storage.Table + "/"
}

// httpsFolder is the URL of the folder itself, from which ClickHouse, which knows COS's hosts, tells the bucket.
func httpsFolder(lake storage.Location, _ cos) string {
	if lake.Bucket == nil {
		return pathFolder(lake, cos{})
	}
	u := url.URL{Scheme: lake.Bucket.Scheme, Host: lake.Bucket.Host, Path: "/" + lake.Prefix + storage.Table + "/"}
	return u.String()
}

func pathFolder(lake storage.Location, _ cos) string {
	return strings.TrimSuffix(filepath.ToSlash(lake.Dir), "/") + "/" + storage.Table + "/"
}

// checkFolder refuses what the engine would take for something else than a name.
func (e Engine) checkFolder(folder string) error {
	for _, r := range folder {
		switch {
		case unicode.IsControl(r):
			return fmt.Errorf("the lake's path has the control character %q", r)
		case strings.ContainsRune(e.globs, r):
			return fmt.Errorf("the lake's path has the character %q, which %s takes for a wildcard", r, e.Name)
		}
	}
	return nil
}
