package chattest

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"chatlake/internal/stats"
)

// request is what a call asks for, as far as it could be read.
type request struct {
	app                 int64
	identifier, userSig string
	fields              []string // nil: all
}

// parse reads the call and refuses what is no call at all. It goes on reading after the first fault, so that a
// refused call is still counted as its app's.
func parse(r *http.Request, body []byte) (request, *refusal) {
	req, refused := parseQuery(r.URL.RawQuery)
	fields, refusedBody := parseBody(body)
	req.fields = fields
	switch {
	case r.URL.EscapedPath() != Path:
		return req, &refusal{60009, "no such resource: check the URL's path"}
	case r.Method != http.MethodPost:
		return req, &refusal{60002, "the method is not POST"}
	case refused != nil:
		return req, refused
	case !usableAsJSON(r.Header.Get("Content-Type")):
		return req, &refusal{60002, "the Content-Type is not JSON's"}
	}
	return req, refusedBody
}

// usableAsJSON accepts what JSON comes as from clients that do not care: nothing at all, plain text, or the form
// type that curl sends by default.
func usableAsJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	switch kind {
	case "application/json", "text/json", "text/plain", "application/x-www-form-urlencoded":
		return true
	}
	return false
}

func parseQuery(raw string) (request, *refusal) {
	var req request
	query, err := url.ParseQuery(raw)
	req.identifier, req.userSig = query.Get("identifier"), query.Get("usersig")
	id, idErr := strconv.ParseInt(query.Get("sdkappid"), 10, 64)
	idOK := idErr == nil && id > 0 && strconv.FormatInt(id, 10) == query.Get("sdkappid")
	if idOK {
		req.app = id
	}
	if err != nil {
		return req, &refusal{60002, "the query is malformed"}
	}
	for name, values := range query {
		switch name {
		case "sdkappid", "identifier", "usersig", "random", "contenttype":
		default:
			return req, &refusal{60002, "the query has a parameter that the call has not"}
		}
		if len(values) != 1 {
			return req, &refusal{60002, "the query has " + name + " twice"}
		}
	}
	random := query.Get("random")
	n, randomErr := strconv.ParseUint(random, 10, 32)
	switch {
	case query.Get("sdkappid") == "":
		return req, &refusal{60012, "the query has no sdkappid"}
	case !idOK:
		return req, &refusal{60006, "sdkappid is not valid"}
	case req.identifier == "":
		return req, &refusal{60004, "the query has no identifier"}
	case req.userSig == "":
		return req, &refusal{60005, "the query has no usersig"}
	case randomErr != nil || strconv.FormatUint(n, 10) != random:
		return req, &refusal{60002, "random is not a 32-bit unsigned integer"}
	case query.Get("contenttype") != "json":
		return req, &refusal{60002, "contenttype is not json"}
	}
	return req, nil
}

// parseBody returns RequestField. An empty array is refused: no page says what it would mean.
func parseBody(body []byte) ([]string, *refusal) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return nil, &refusal{60003, "the body is not a JSON object"}
	}
	var fields []string
	for name, raw := range members {
		if name != "RequestField" {
			return nil, &refusal{70402, "the body has a member that the call has not"}
		}
		if err := json.Unmarshal(raw, &fields); err != nil || len(fields) == 0 {
			return nil, &refusal{70402, "RequestField is not an array of field names"}
		}
	}
	if i := slices.IndexFunc(fields, func(f string) bool { return !stats.IsField(f) }); i >= 0 {
		return fields, &refusal{70402, "RequestField has an unknown field: " + strconv.Quote(fields[i])}
	}
	return fields, nil
}

// admit refuses a well-formed call for what it may not do.
func (s *Server) admit(req request, a arrival, region string) *refusal {
	elsewhere := region != "" && a.app.Region != "" && a.app.Region != region
	if !a.known || elsewhere {
		return unknownApp(req.app)
	}
	if refused := verify(req, a.app.Key, s.wall()); refused != nil {
		return refused
	}
	if req.identifier != a.app.Identifier {
		return notAdmin(req.app)
	}
	return nil
}
