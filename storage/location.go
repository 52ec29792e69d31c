package storage

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"chatlake/internal/endpoint"
)

// Location says where a lake is: below a prefix in a COS bucket, or in a directory.
type Location struct {
	Bucket *url.URL // scheme and host of the bucket; nil for a directory
	Prefix string   // keys' prefix in the bucket: empty, or ending with a slash
	Dir    string   // absolute path
}

// ParseLocation reads https://BUCKET-APPID.cos.REGION.myqcloud.com/PREFIX or file:///DIR. Plain http is taken for a
// loopback address only.
func ParseLocation(s string) (Location, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Location{}, errors.New("is not a URL")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		return Location{}, errors.New("must be a plain URL, without credentials, query or fragment")
	}
	switch u.Scheme {
	case "file":
		dir := path.Clean(u.Path)
		if u.Host != "" || !path.IsAbs(u.Path) || dir == "/" {
			return Location{}, errors.New("must name a directory with an absolute path, as file:///DIR")
		}
		return Location{Dir: filepath.FromSlash(dir)}, nil
	case "http":
		if !endpoint.IsLoopback(u.Hostname()) {
			return Location{}, errors.New("must be https, except on a loopback address")
		}
	case "https":
	default:
		return Location{}, errors.New("must be https://BUCKET-APPID.cos.REGION.myqcloud.com/PREFIX or file:///DIR")
	}
	if u.Hostname() == "" {
		return Location{}, errors.New("has no host")
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		for part := range strings.SplitSeq(prefix, "/") {
			if part == "" || part == "." || part == ".." {
				return Location{}, fmt.Errorf("has the part %q in its path", part)
			}
		}
		prefix += "/"
	}
	return Location{Bucket: &url.URL{Scheme: u.Scheme, Host: u.Host}, Prefix: prefix}, nil
}

// Bucket is a bucket of COS, as its public host tells it.
type Bucket struct {
	Name     string // BUCKET-APPID
	Region   string
	Endpoint string // the region's host
}

// Hosts: https://www.tencentcloud.com/document/product/436/6224.
var bucketHost = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*-[0-9]+)\.(cos\.([a-z0-9-]+)\.(?:myqcloud\.com|tencentcos\.cn))$`)

// COSBucket returns the lake's bucket where the host tells it, as BUCKET-APPID.cos.REGION.myqcloud.com does.
func (l Location) COSBucket() (Bucket, bool) {
	if l.Bucket == nil {
		return Bucket{}, false
	}
	m := bucketHost.FindStringSubmatch(strings.ToLower(l.Bucket.Host))
	if m == nil {
		return Bucket{}, false
	}
	return Bucket{Name: m[1], Endpoint: m[2], Region: m[3]}, true
}

// TableFolder returns the table's folder as programs write it that take a bucket's name for the host: cosn://, s3:// or
// s3a://. It ends with a slash; it is empty where [Location.COSBucket] knows no bucket.
func (l Location) TableFolder(scheme string) string {
	bucket, ok := l.COSBucket()
	if !ok {
		return ""
	}
	return scheme + "://" + bucket.Name + "/" + l.Prefix + Table + "/"
}
