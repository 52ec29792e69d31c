package chat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"chatlake/internal/chat"
	"chatlake/internal/chat/chattest"
)

// FuzzEnvelope holds that reading an answer never panics, that whatever is a valid answer to encoding/json is read, and
// that commas behind the last member or element change nothing.
func FuzzEnvelope(f *testing.F) {
	f.Add(chattest.Sample())
	for _, seed := range []string{
		`{"ErrorCode":0,"ErrorInfo":"OK","Result":[{"Date":"20160607","AppName":",}\\\",]"},{},[[],{"a":[1,2]}]]}`,
		`{"ErrorCode":"60008","ErrorInfo":{"a":[]}}`, `{"ErrorCode":0,"Result":null}`, `{"ErrorCode":-0}`,
		"\xef\xbb\xbf{\"ErrorCode\" : 0 ,\r\n\"Result\" : [ \"\\\\\" , \",\" ]\t}", `{"ErrorCode":0,"Result":[1,,2,]}`,
		`{"":"\"`, `{"ErrorCode":7,"ErrorCode":0}`, `{"ErrorCode":0,"ActionStatus":"FAIL","Result":[]}`, `{,}`, `[,]`, `null`, "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := read(body)
		want, ok := valid(body)
		switch {
		case ok && want.err != "" && !strings.Contains(got.err, want.err):
			t.Fatalf("%q is read as %+v, want the API's error %s", body, got, want.err)
		case ok && want.err == "" && !got.same(want):
			t.Fatalf("%q is read as %+v, want %+v", body, got, want)
		}
		if !json.Valid(body) {
			if got.err == "" && !json.Valid(withoutCommas(body)) {
				t.Fatalf("%q is read as %+v", body, got)
			}
			return
		}
		more := withCommas(body)
		if read := read(more); !read.same(got) {
			t.Fatalf("%q is read as %+v, with more commas as %+v", body, got, read)
		}
	})
}

// answer is what an answer says: its entries, or why there are none.
type answer struct {
	entries []json.RawMessage
	err     string
}

func read(body []byte) (a answer) {
	entries, err := chat.ParseAnswer(body)
	if err != nil {
		return answer{err: err.Error()}
	}
	return answer{entries: entries}
}

func (a answer) same(b answer) bool {
	return a.err == b.err && slices.EqualFunc(a.entries, b.entries, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
}

// valid reads what the API's page describes with encoding/json alone, but for answers that contradict themselves.
func valid(body []byte) (a answer, ok bool) {
	var members map[string]json.RawMessage
	var code int
	var info string
	if json.Unmarshal(body, &members) != nil || json.Unmarshal(members["ErrorCode"], &code) != nil || string(members["ErrorCode"]) == "null" {
		return a, false
	}
	if raw, has := members["ErrorInfo"]; has && json.Unmarshal(raw, &info) != nil {
		return a, false
	}
	if contradicts(body) {
		return a, false
	}
	if code != 0 {
		return answer{err: fmt.Sprintf("%d %q", code, info)}, true
	}
	raw, has := members["Result"]
	return a, !has || json.Unmarshal(raw, &a.entries) == nil
}

// contradicts reports whether a JSON object has a member of the envelope twice, or an ActionStatus FAIL.
func contradicts(object []byte) bool {
	d := json.NewDecoder(bytes.NewReader(object))
	seen := map[json.Token]int{}
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return seen["ErrorCode"] > 1 || seen["ErrorInfo"] > 1 || seen["ActionStatus"] > 1 || seen["Result"] > 1
		}
		if _, opens := token.(json.Delim); opens {
			depth++
			continue
		}
		var value json.RawMessage
		if depth != 1 || d.Decode(&value) != nil {
			return false
		}
		seen[token]++
		if token == "ActionStatus" && string(value) == `"FAIL"` {
			return true
		}
	}
}

// withCommas puts a comma behind the last member or element of each object and array of a JSON text that has one.
func withCommas(text []byte) []byte {
	return closings(text, func(out []byte, last byte) []byte {
		if last == '{' || last == '[' {
			return out
		}
		return append(out, ',')
	})
}

// withoutCommas takes such commas away, also from a text that is no JSON for other reasons.
func withoutCommas(text []byte) []byte {
	return closings(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), func(out []byte, last byte) []byte {
		if last != ',' {
			return out
		}
		return bytes.TrimSuffix(bytes.TrimRight(out, " \t\r\n"), []byte(","))
	})
}

// closings copies a text and lets edit change what is before each closing bracket; last is the token's end before it.
func closings(text []byte, edit func(out []byte, last byte) []byte) []byte {
	var out []byte
	var last byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '"' {
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end, len(text)-1)
			out, last, i = append(out, text[i:end+1]...), '"', end
			continue
		}
		if c == '}' || c == ']' {
			out = edit(out, last)
		}
		if out = append(out, c); !bytes.ContainsRune([]byte(" \t\r\n"), rune(c)) {
			last = c
		}
	}
	return out
}
