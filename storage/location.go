package storage

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"strings"
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
		if !IsLoopback(u.Hostname()) {
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

// COSBucket returns the bucket's name, with its APPID, and its region, where the host tells them:
// BUCKET-APPID.cos.REGION.myqcloud.com.
func (l Location) COSBucket() (name, region string, ok bool) {
	if l.Bucket == nil {
		return "", "", false
	}
	name, rest, found := strings.Cut(l.Bucket.Hostname(), ".cos.")
	region, domain, found2 := strings.Cut(rest, ".")
	if !found || !found2 || domain != "myqcloud.com" && domain != "tencentcos.cn" {
		return "", "", false
	}
	return name, region, true
}

// IsLoopback reports whether a host is this machine's own.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
