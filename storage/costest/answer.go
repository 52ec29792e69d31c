package costest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// response is an answer before it is written: a fault may still spoil it or lose it.
type response struct {
	status int
	header http.Header
	body   []byte
	err    *apiError // set instead of header and body
}

// apiError is an error of COS: https://cloud.tencent.com/document/product/436/7730.
type apiError struct {
	status        int
	code, message string

	stringToSign, formatString string // what the server calculated, with SignatureDoesNotMatch
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func notImplemented(message string) *apiError {
	return &apiError{status: http.StatusNotImplemented, code: "NotImplemented", message: message}
}

func invalidArgument(message string) *apiError {
	return &apiError{status: http.StatusBadRequest, code: "InvalidArgument", message: message}
}

// refusal turns any error into an answer.
func refusal(err error) response {
	var e *apiError
	switch {
	case errors.As(err, &e):
	case errors.Is(err, errNoKey):
		e = &apiError{status: http.StatusNotFound, code: "NoSuchKey", message: "The specified key does not exist."}
	case errors.Is(err, errUnsafeKey):
		e = invalidArgument("The key is not a path below the folder of the bucket.")
	case errors.Is(err, errClash):
		e = notImplemented("A bucket in a folder cannot hold one key as the folder of another.")
	default:
		e = &apiError{status: http.StatusInternalServerError, code: "InternalError", message: err.Error()}
	}
	return response{status: e.status, err: e}
}

func xmlResponse(v any) (response, error) {
	body, err := marshal(v)
	return response{status: http.StatusOK, header: http.Header{"Content-Type": {"application/xml"}}, body: body}, err
}

func marshal(v any) ([]byte, error) {
	body, err := xml.MarshalIndent(v, "", "\t")
	return append([]byte("<?xml version='1.0' encoding='utf-8' ?>\n"), body...), err
}

// errorXML has the members that COS's errors have, in their order. A client that shows an error whole shows
// FormatString too, which holds the token where that was signed: just as with COS itself.
type errorXML struct {
	XMLName      xml.Name `xml:"Error"`
	Code         string
	Message      string
	StringToSign string `xml:",omitempty"`
	FormatString string `xml:",omitempty"`
	ServerTime   string // clients set their clock by it
	Resource     string
	RequestID    string `xml:"RequestId"`
	TraceID      string `xml:"TraceId"`
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, q Request, res response) {
	now, id := s.now().UTC(), requestID(q.N)
	h := w.Header()
	for k, v := range res.header {
		h[k] = v
	}
	h.Set("Date", now.Format(http.TimeFormat))
	h.Set("Server", "tencent-cos")
	h.Set("x-cos-request-id", id)
	if e := res.err; e != nil {
		h.Set("x-cos-trace-id", id)
		if r.Method != http.MethodHead {
			h.Set("Content-Type", "application/xml")
			res.body, _ = marshal(errorXML{
				Code: e.code, Message: e.message, StringToSign: e.stringToSign, FormatString: e.formatString,
				ServerTime: now.Format(time.RFC3339), Resource: hostOf(r) + r.URL.Path, RequestID: id, TraceID: id,
			})
		}
	}
	if res.status != http.StatusNoContent && res.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(res.body)))
	}
	if r.Context().Value(http.ServerContextKey) != nil {
		respell(h)
	}
	w.WriteHeader(res.status)
	if r.Method != http.MethodHead {
		_, _ = bytes.NewReader(res.body).WriteTo(w)
	}
}

// respell gives the headers the case in which COS sends them: the Python SDK hands them on in a plain dict, whose
// users ask for ETag. Only on a connection, since Go's http.Header finds nothing but its own case.
func respell(h http.Header) {
	for _, name := range []string{"ETag", "x-cos-hash-crc64ecma", "x-cos-request-id", "x-cos-trace-id"} {
		if own := http.CanonicalHeaderKey(name); h[own] != nil {
			h[name] = h[own]
			delete(h, own)
		}
	}
}

// hostOf also serves a client's own request that never crossed a connection.
func hostOf(r *http.Request) string {
	if r.Host != "" {
		return r.Host
	}
	return r.URL.Host
}
