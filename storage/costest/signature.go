package costest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const tokenHeader = "x-cos-security-token"

// authorization is the Authorization header, taken apart.
type authorization struct {
	id, keyTime, signature string
	headers, params        []string
}

// verify checks a request's signature: https://cloud.tencent.com/document/product/436/7778.
//
// Where that page leaves a choice, this is the strict side of it: the lists are sorted, q-sign-time equals q-key-time,
// host is signed, and so is every query parameter and every x-cos- header but the token,
// which the Node SDK adds after signing. A host is taken with or without its port: the Python SDK signs it without.
// Which code COS gives for a list that leaves something out is on no page: AccessDenied here.
// A signature in the query (a presigned URL) is refused as none.
func (s *Server) verify(r *http.Request) (key Credentials, err error) {
	a, err := parseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		return key, err
	}
	key, err = s.credentialsOf(a.id, r.Header.Get(tokenHeader))
	if err != nil {
		return key, err
	}
	if err := s.inTime(a.keyTime); err != nil {
		return key, err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return key, invalidArgument("The query is malformed.")
	}
	params := make(map[string][]string)
	for name, values := range query {
		name = signedName(name)
		params[name] = append(params[name], values...)
		if !slices.Contains(a.params, name) {
			return key, denied("The query parameter " + name + " is not signed.")
		}
	}
	headers := make(map[string][]string)
	for name, values := range r.Header {
		name = signedName(name)
		headers[name] = append(headers[name], values...)
		if strings.HasPrefix(name, "x-cos-") && name != tokenHeader && !slices.Contains(a.headers, name) {
			return key, denied("The header " + name + " is not signed.")
		}
	}
	if !slices.Contains(a.headers, "host") {
		return key, denied("The header host is not signed.")
	}
	if len(headers["content-length"]) == 0 && r.ContentLength > 0 {
		headers["content-length"] = []string{strconv.FormatInt(r.ContentLength, 10)}
	}
	if len(r.TransferEncoding) > 0 {
		headers["transfer-encoding"] = r.TransferEncoding
	}

	hosts := []string{hostOf(r)}
	if name, _, err := net.SplitHostPort(hosts[0]); err == nil {
		hosts = append(hosts, name)
	}
	mismatch := &apiError{status: http.StatusForbidden, code: "SignatureDoesNotMatch", message: "The Signature you specified is invalid."}
	for _, host := range hosts {
		headers["host"] = []string{host}
		paramPart, paramsThere := signedPart(a.params, params)
		headerPart, headersThere := signedPart(a.headers, headers)
		format := strings.ToLower(r.Method) + "\n" + r.URL.Path + "\n" + paramPart + "\n" + headerPart + "\n"
		toSign := "sha1\n" + a.keyTime + "\n" + hexSHA1(format) + "\n"
		want := hexHMAC(hexHMAC(key.SecretKey, a.keyTime), toSign)
		if hmac.Equal([]byte(want), []byte(a.signature)) && paramsThere && headersThere {
			return key, nil
		}
		if mismatch.formatString == "" {
			mismatch.stringToSign, mismatch.formatString = toSign, format
		}
	}
	return key, mismatch
}

func denied(message string) *apiError {
	return &apiError{status: http.StatusForbidden, code: "AccessDenied", message: message}
}

func parseAuthorization(header string) (a authorization, err error) {
	if header == "" {
		return a, denied("Access Denied.")
	}
	fields := make(map[string]string)
	for pair := range strings.SplitSeq(header, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if _, twice := fields[name]; !ok || twice {
			return a, denied("The Authorization header is malformed.")
		}
		fields[name] = value
	}
	for _, name := range []string{"q-sign-algorithm", "q-ak", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list", "q-signature"} {
		if _, ok := fields[name]; !ok {
			return a, denied("The Authorization header has no " + name + ".")
		}
	}
	a = authorization{
		id: fields["q-ak"], keyTime: fields["q-key-time"], signature: fields["q-signature"],
		headers: list(fields["q-header-list"]), params: list(fields["q-url-param-list"]),
	}
	switch {
	case len(fields) != 7:
		return a, denied("The Authorization header has an unknown field.")
	case fields["q-sign-algorithm"] != "sha1":
		return a, denied("The signature's algorithm is not sha1.")
	case fields["q-sign-time"] != a.keyTime:
		return a, denied("q-sign-time and q-key-time differ.")
	case !slices.IsSorted(a.headers) || !slices.IsSorted(a.params):
		return a, denied("A list of the Authorization header is not sorted.")
	}
	return a, nil
}

func list(field string) []string {
	if field == "" {
		return nil
	}
	return strings.Split(field, ";")
}

// credentialsOf returns the key of the ID. COS says InvalidAccessKeyId of a temporary key that has ended;
// what it says of a token that is missing, wrong or too much is on no page, and the same here.
func (s *Server) credentialsOf(id, token string) (Credentials, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.credentials {
		if c.SecretID == id && c.SessionToken == token {
			return c, nil
		}
	}
	return Credentials{}, &apiError{
		status: http.StatusForbidden, code: "InvalidAccessKeyId",
		message: "The Access Key Id you provided does not exist in our records",
	}
}

// maxSkew is how far a client's clock may be ahead. COS names no number; without any, a test with a fixed clock would
// fail as soon as a second has passed.
const maxSkew = 15 * 60

// inTime holds a START;END of Unix seconds against the clock. The code and text of an expired signature, and the code
// of one from the future, are those by which the Node SDK corrects its clock.
func (s *Server) inTime(keyTime string) error {
	from, until, _ := strings.Cut(keyTime, ";")
	start, err1 := strconv.ParseInt(from, 10, 64)
	end, err2 := strconv.ParseInt(until, 10, 64)
	now := s.now().Unix()
	switch {
	case err1 != nil || err2 != nil || start > end:
		return denied("q-key-time is not START;END.")
	case start > now+maxSkew:
		return &apiError{
			status: http.StatusForbidden, code: "RequestTimeTooSkewed",
			message: "The difference between the request time and the current time is too large.",
		}
	case end <= now:
		return denied("Request has expired")
	}
	return nil
}

// signedPart joins what the list names, in its order, and reports whether all of it is there.
// A name that has several values may stand in the list several times, as the Go SDK puts it.
func signedPart(names []string, values map[string][]string) (part string, ok bool) {
	var pairs []string
	ok = true
	for _, name := range slices.Compact(slices.Clone(names)) {
		sorted := slices.Sorted(slices.Values(values[name]))
		ok = ok && len(sorted) > 0
		for _, v := range sorted {
			pairs = append(pairs, fmt.Sprintf("%s=%s", name, encode(v)))
		}
	}
	return strings.Join(pairs, "&"), ok
}

func signedName(name string) string { return strings.ToLower(encode(name)) }

// encode leaves letters, digits and -_.~ alone, as the page on signatures asks for.
func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func hexHMAC(key, text string) string {
	m := hmac.New(sha1.New, []byte(key))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

func hexSHA1(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
