package cloudtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm = "TC3-HMAC-SHA256"
	tolerance = 5 * time.Minute
)

// authorization is the header of that name: ALGORITHM Credential=ID/DATE/SERVICE/tc3_request, SignedHeaders=…, Signature=….
type authorization struct {
	algorithm, id, date, service, end string
	signed                            []string
	signature                         string
}

func parseAuthorization(header string) authorization {
	var a authorization
	var rest string
	a.algorithm, rest, _ = strings.Cut(header, " ")
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			if scope := strings.Split(value, "/"); len(scope) == 4 {
				a.id, a.date, a.service, a.end = scope[0], scope[1], scope[2], scope[3]
			}
		case "SignedHeaders":
			a.signed = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	return a
}

// verify holds a request to https://www.tencentcloud.com/document/product/1084/39391.
func (s *Server) verify(r *http.Request, body []byte) *refusal {
	a := parseAuthorization(r.Header.Get("Authorization"))
	if a.algorithm != algorithm || a.id == "" || a.end != "tc3_request" || a.signature == "" {
		return refuse("AuthFailure.InvalidAuthorization", "The Authorization header is not %s with Credential, SignedHeaders and Signature.", algorithm)
	}
	stamp := r.Header.Get("X-TC-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return refuse("InvalidParameter", "X-TC-Timestamp is not a Unix time.")
	}
	at := time.Unix(seconds, 0).UTC()
	if off := s.o.Now().Sub(at).Abs(); off > tolerance {
		return refuse("AuthFailure.SignatureExpire", "The signature's time differs from the server's by more than five minutes.")
	}
	switch {
	case a.id != s.o.ID:
		return refuse("AuthFailure.SecretIdNotFound", "The SecretId is not found.")
	case r.Header.Get("X-TC-Token") != s.o.Token:
		return refuse("AuthFailure.TokenFailure", "The token is not this key's.")
	case a.date != at.Format(time.DateOnly):
		return refuse("AuthFailure.SignatureFailure", "The credential's date is not the timestamp's UTC day.")
	case !slices.Contains(a.signed, "content-type") || !slices.Contains(a.signed, "host") || !slices.IsSorted(a.signed):
		return refuse("AuthFailure.SignatureFailure", "The signed headers must be in order and have content-type and host.")
	case a.signature != sign(s.o.Key, a, stamp, canonicalRequest(r, a.signed, body)):
		return refuse("AuthFailure.SignatureFailure", "The provided credentials could not be validated. Please check your signature is correct.")
	}
	return nil
}

func canonicalRequest(r *http.Request, signed []string, body []byte) string {
	var headers strings.Builder
	for _, name := range signed {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = r.Host
		}
		headers.WriteString(name + ":" + strings.ToLower(strings.TrimSpace(value)) + "\n")
	}
	return strings.Join([]string{
		r.Method,
		"/", // whatever the path is
		"",  // a POST has no query
		headers.String(),
		strings.Join(signed, ";"),
		hexSHA256(string(body)),
	}, "\n")
}

func sign(key string, a authorization, stamp, canonical string) string {
	scope := a.date + "/" + a.service + "/tc3_request"
	toSign := strings.Join([]string{algorithm, stamp, scope, hexSHA256(canonical)}, "\n")
	derived := []byte("TC3" + key)
	for _, part := range []string{a.date, a.service, "tc3_request"} {
		derived = mac(derived, part)
	}
	return hex.EncodeToString(mac(derived, toSign))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hexSHA256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
