package ddl

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"unicode"

	"chatlake/storage"
)

// bucketOf returns the lake's bucket.
//
// Every engine that speaks S3 gets the endpoint and virtual-hosted style: COS refuses path-style requests to buckets made
// since 2024 (https://www.tencentcloud.com/document/product/436/57456). Its S3 API:
// https://www.tencentcloud.com/document/product/436/32537.
func bucketOf(lake storage.Location) (storage.Bucket, error) {
	bucket, ok := lake.COSBucket()
	if !ok {
		return bucket, fmt.Errorf("the lake's host %q does not tell bucket and region, as in https://BUCKET-APPID.cos.REGION.myqcloud.com/PREFIX", lake.Bucket.Host)
	}
	return bucket, nil
}

// The forms of the table's folder, each with a slash at its end.

// cosnFolder is for engines on Hadoop: cosn:// is of https://github.com/tencentyun/hadoop-cos.
func cosnFolder(lake storage.Location) string { return hadoopFolder("cosn", lake) }

// s3aFolder is for Trino, whose own S3 file system knows s3a:// as well as s3://, and for its metastore, which is a Hadoop
// one and knows s3a:// alone.
func s3aFolder(lake storage.Location) string { return hadoopFolder("s3a", lake) }

func hadoopFolder(scheme string, lake storage.Location) string {
	if lake.Bucket == nil {
		return "file://" + pathFolder(lake)
	}
	return lake.TableFolder(scheme)
}

func s3Folder(lake storage.Location) string {
	if lake.Bucket == nil {
		return pathFolder(lake)
	}
	return lake.TableFolder("s3")
}

// httpsFolder is the URL of the folder itself, from which ClickHouse, which knows COS's hosts, tells the bucket.
func httpsFolder(lake storage.Location) string {
	if lake.Bucket == nil {
		return pathFolder(lake)
	}
	u := url.URL{Scheme: lake.Bucket.Scheme, Host: lake.Bucket.Host, Path: "/" + lake.Prefix + storage.Table + "/"}
	return u.String()
}

func pathFolder(lake storage.Location) string {
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
