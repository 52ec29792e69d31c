package costest

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"hash/crc64"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is one stored object. Its body is never changed.
type object struct {
	body     []byte
	etag     string // quoted MD5, as of a simple upload
	crc      string // CRC-64/ECMA in decimal
	modified time.Time
}

func newObject(body []byte, modified time.Time) object {
	return object{
		body:     body,
		etag:     fmt.Sprintf(`"%x"`, md5.Sum(body)),
		crc:      strconv.FormatUint(crc64.Checksum(body, crc64.MakeTable(crc64.ECMA)), 10),
		modified: modified.UTC().Truncate(time.Second),
	}
}

func (o object) header() http.Header {
	h := make(http.Header)
	h.Set("ETag", o.etag)
	h.Set("x-cos-hash-crc64ecma", o.crc)
	return h
}

// maxKey is the longest key in bytes: https://cloud.tencent.com/document/product/436/13324.
const maxKey = 850

func (s *Server) serveObject(r *http.Request, q Request, body []byte) (response, error) {
	if len(q.Key) > maxKey {
		return response{}, &apiError{status: http.StatusBadRequest, code: "KeyTooLong", message: "The key is too long."}
	}
	if r.Method == http.MethodPost {
		return response{}, methodNotAllowed()
	}
	if len(q.Query) > 0 {
		return response{}, notImplemented("The parameter " + slices.Min(slices.Collect(maps.Keys(q.Query))) + " of an object is not implemented.")
	}
	switch r.Method {
	case http.MethodPut:
		return s.putObject(r, q.Key, body)
	case http.MethodGet, http.MethodHead:
		return s.getObject(r, q.Key)
	case http.MethodDelete:
		if err := onlyHeaders(r, nil); err != nil {
			return response{}, err
		}
		return response{status: http.StatusNoContent}, s.store.delete(q.Key)
	}
	return response{}, methodNotAllowed()
}

func methodNotAllowed() *apiError {
	return &apiError{
		status: http.StatusMethodNotAllowed, code: "MethodNotAllowed",
		message: "The specified method is not allowed against this resource.",
	}
}

// onlyHeaders refuses a header that asks for more than is implemented.
func onlyHeaders(r *http.Request, allowed []string) error {
	for name := range r.Header {
		name = strings.ToLower(name)
		switch {
		case name == tokenHeader, name == "x-cos-sdk-retry", slices.Contains(allowed, name):
		case strings.HasPrefix(name, "x-cos-"), strings.HasPrefix(name, "if-"):
			return notImplemented("The header " + name + " is not implemented for " + r.Method + ".")
		}
	}
	return nil
}

// putObject stores the body whole or not at all: https://cloud.tencent.com/document/product/436/7749.
func (s *Server) putObject(r *http.Request, key string, body []byte) (response, error) {
	if err := onlyHeaders(r, []string{"x-cos-forbid-overwrite"}); err != nil {
		return response{}, err
	}
	if r.ContentLength <= 0 && r.Header.Get("Content-Length") == "" && len(r.TransferEncoding) == 0 {
		return response{}, &apiError{
			status: http.StatusLengthRequired, code: "MissingContentLength",
			message: "You must provide the Content-Length HTTP header.",
		}
	}
	if sent := r.Header.Get("Content-MD5"); sent != "" {
		want, err := base64.StdEncoding.DecodeString(sent)
		if got := md5.Sum(body); err != nil || len(want) != md5.Size {
			return response{}, &apiError{status: http.StatusBadRequest, code: "InvalidDigest", message: "Content-MD5 is not valid."}
		} else if !bytes.Equal(want, got[:]) {
			return response{}, &apiError{
				status: http.StatusBadRequest, code: "BadDigest",
				message: "The Content-MD5 you specified did not match what we received.",
			}
		}
	}
	forbid := false
	if v := r.Header.Get("x-cos-forbid-overwrite"); v == "true" {
		forbid = !s.versioned
	} else if v != "" && v != "false" {
		return response{}, invalidArgument("x-cos-forbid-overwrite is true or false.")
	}
	o := newObject(body, s.now())
	stored, err := s.store.put(key, o, forbid)
	if err == nil && !stored {
		err = &apiError{status: http.StatusConflict, code: "FileAlreadyExists", message: "The object already exists."}
	}
	return response{status: http.StatusOK, header: o.header()}, err
}

// getObject answers GET and HEAD: https://cloud.tencent.com/document/product/436/7753.
func (s *Server) getObject(r *http.Request, key string) (response, error) {
	if err := onlyHeaders(r, []string{"if-match", "if-none-match"}); err != nil {
		return response{}, err
	}
	o, err := s.store.get(key)
	if err != nil {
		return response{}, err
	}
	h := o.header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Last-Modified", o.modified.Format(http.TimeFormat))
	h.Set("Accept-Ranges", "bytes")
	if v := r.Header.Get("If-Match"); v != "" && !matches(v, o.etag) {
		return response{}, &apiError{
			status: http.StatusPreconditionFailed, code: "PreconditionFailed",
			message: "At least one of the preconditions you specified did not hold.",
		}
	}
	if v := r.Header.Get("If-None-Match"); v != "" && matches(v, o.etag) {
		return response{status: http.StatusNotModified, header: h}, nil
	}
	if v := r.Header.Get("Range"); v != "" && r.Method == http.MethodGet {
		from, to, err := parseRange(v, len(o.body))
		if err != nil {
			return response{}, err
		}
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(o.body)))
		return response{status: http.StatusPartialContent, header: h, body: o.body[from:to]}, nil
	}
	return response{status: http.StatusOK, header: h, body: o.body}, nil
}

// matches takes an ETag with or without its quotes, since the SDKs' users pass both.
func matches(field, etag string) bool {
	for v := range strings.SplitSeq(field, ",") {
		if v = strings.TrimSpace(v); v == "*" || strings.Trim(v, `"`) == strings.Trim(etag, `"`) {
			return true
		}
	}
	return false
}

// parseRange reads bytes=A-B, bytes=A- or bytes=-N as the half-open [from, to).
func parseRange(field string, size int) (from, to int, err error) {
	first, last, ok := strings.Cut(strings.TrimPrefix(field, "bytes="), "-")
	a, errA := strconv.ParseUint(first, 10, 62)
	b, errB := strconv.ParseUint(last, 10, 62)
	switch {
	case !ok || !strings.HasPrefix(field, "bytes=") || errA != nil && first != "" || errB != nil && last != "" || first+last == "":
		return 0, 0, invalidArgument("Range is not one range of bytes.")
	case first == "":
		from, to = max(0, size-int(min(b, uint64(size)))), size
	case last == "":
		from, to = int(min(a, uint64(size))), size
	case b < a:
		return 0, 0, invalidArgument("Range ends before it starts.")
	default:
		from, to = int(min(a, uint64(size))), int(min(b+1, uint64(size)))
	}
	if from >= to {
		return 0, 0, &apiError{
			status: http.StatusRequestedRangeNotSatisfiable, code: "InvalidRange",
			message: "The requested range is not satisfiable.",
		}
	}
	return from, to, nil
}
