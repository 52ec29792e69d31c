package costest

import (
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// bucketName stands in listings: the host names none.
const bucketName = "examplebucket-1250000000"

func (s *Server) serveBucket(r *http.Request, query url.Values) (response, error) {
	if r.Method == http.MethodPost {
		return response{}, methodNotAllowed()
	}
	if r.Method != http.MethodGet {
		return response{}, notImplemented("The method " + r.Method + " of a bucket is not implemented.")
	}
	if err := onlyHeaders(r, nil); err != nil {
		return response{}, err
	}
	if query.Has("versioning") && len(query) == 1 {
		return s.getVersioning()
	}
	for name := range query {
		if !slices.Contains([]string{"prefix", "delimiter", "marker", "max-keys", "encoding-type"}, name) {
			return response{}, notImplemented("The parameter " + name + " of a bucket is not implemented.")
		}
	}
	return s.listObjects(query)
}

type versioningXML struct {
	XMLName xml.Name `xml:"VersioningConfiguration"`
	Status  string   `xml:",omitempty"`
}

// getVersioning answers an empty configuration where versioning never was on:
// https://cloud.tencent.com/document/product/436/19888.
func (s *Server) getVersioning() (response, error) {
	v := versioningXML{}
	if s.versioned {
		v.Status = "Enabled"
	}
	return xmlResponse(v)
}

type listXML struct {
	XMLName        xml.Name `xml:"ListBucketResult"`
	Name           string
	EncodingType   string `xml:",omitempty"`
	Prefix         string
	Marker         string
	MaxKeys        int
	Delimiter      string `xml:",omitempty"`
	IsTruncated    bool
	NextMarker     string `xml:",omitempty"`
	CommonPrefixes []commonPrefixXML
	Contents       []contentXML
}

type commonPrefixXML struct{ Prefix string }

type contentXML struct {
	Key, LastModified, ETag string
	Size                    int
	Owner                   ownerXML
	StorageClass            string
}

type ownerXML struct{ ID, DisplayName string }

// maxPage is the most entries, keys and common prefixes together, that one listing has.
const maxPage = 1000

// listObjects answers one page: https://cloud.tencent.com/document/product/436/7734.
func (s *Server) listObjects(query url.Values) (response, error) {
	show := func(text string) string { return text }
	switch query.Get("encoding-type") {
	case "":
	case "url":
		show = encode
	default:
		return response{}, invalidArgument("encoding-type can only be url.")
	}
	most := maxPage
	if v := query.Get("max-keys"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return response{}, invalidArgument("max-keys is not a number from 0 to 1000.")
		}
		most = min(n, maxPage)
	}
	keys, err := s.store.keys()
	if err != nil {
		return response{}, err
	}
	prefix, delimiter, marker := query.Get("prefix"), query.Get("delimiter"), query.Get("marker")
	out := listXML{
		Name: bucketName, EncodingType: query.Get("encoding-type"), Prefix: show(prefix),
		Marker: show(marker), MaxKeys: most, Delimiter: show(delimiter),
	}
	last, entries := "", 0
	for _, key := range keys {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		entry, folded := key, false
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			entry, folded = prefix+rest[:i+len(delimiter)], true
		}
		// A common prefix is an entry of its own: a marker that is one skips all keys below it.
		if entry <= marker || entries > 0 && entry == last {
			continue
		}
		if entries == most {
			out.IsTruncated = most > 0
			break
		}
		if folded {
			out.CommonPrefixes = append(out.CommonPrefixes, commonPrefixXML{show(entry)})
		} else if o, err := s.store.get(key); errors.Is(err, errNoKey) {
			continue
		} else if err != nil {
			return response{}, err
		} else {
			out.Contents = append(out.Contents, contentXML{
				Key: show(key), LastModified: o.modified.Format("2006-01-02T15:04:05.000Z"), ETag: o.etag, Size: len(o.body),
				Owner: ownerXML{"1250000000", "1250000000"}, StorageClass: "STANDARD",
			})
		}
		last, entries = entry, entries+1
	}
	if out.IsTruncated {
		out.NextMarker = show(last)
	}
	return xmlResponse(out)
}
