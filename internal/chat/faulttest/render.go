package faulttest

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"text/template"
	"time"
	"unicode/utf16"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

// functions are what a template can call, besides those of text/template, with the call at hand as its dot.
var functions = template.FuncMap{
	// what a good answer has
	"answer": func(app string, n int) string {
		return `{"ErrorCode":0,"ErrorInfo":"OK","Result":[` + rows(app, n) + `]}`
	},
	"rows":   rows,
	"day":    day,
	"sample": func() string { return string(chattest.Sample()) },
	// what becomes of a text on its way
	"repeat":  func(n int, s string) string { return strings.Repeat(s, n) },
	"first":   func(n int, s string) string { return s[:n] },
	"bytes":   func(digits string) (string, error) { b, err := hex.DecodeString(digits); return string(b), err },
	"gzip":    packed(func(w io.Writer) io.WriteCloser { z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed); return z }),
	"deflate": packed(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
	"utf16":   utf16LE,
	"chunk":   func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) },
	"damaged": func(s string) string { return s[:len(s)/2] + string([]byte{^s[len(s)/2]}) + s[len(s)/2+1:] },
	// how a secret may be written
	"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"hex":    func(s string) string { return hex.EncodeToString([]byte(s)) },
	"quoted": func(s string) string { b, _ := json.Marshal(s); return string(b) },
	// what happens at this place of the answer
	"cut":   func() string { return mark("cut", "") },  // the connection is closed
	"hang":  func() string { return mark("hang", "") }, // nothing comes any more, until the client goes away
	"pause": func(d string) string { return mark("pause", d) },
	"drip":  func(d string) string { return mark("drip", d) }, // from here on a byte at a time, that far apart
}

func mark(what, duration string) string { return "\x00" + what + " " + duration + "\x00" }

var marks = regexp.MustCompile(`\x00(cut|hang|pause|drip) ([0-9a-z]*)\x00`)

// day is so many days ago in Beijing, as the API writes it.
func day(ago int) string {
	return (stats.DayIn(time.Now(), stats.Beijing) - stats.Day(ago)).Time().Format("20060102")
}

// rows are the last n days' rows, the newest first.
func rows(app string, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"AppId":%q,"Date":%q,"UpMsgNum":"%d","AppName":"一"}`, app, day(i+1), 1000-i%1000)
	}
	return strings.Join(list, ",")
}

func packed(by func(io.Writer) io.WriteCloser) func(string) string {
	return func(s string) string {
		var b bytes.Buffer
		w := by(&b)
		_, _ = io.WriteString(w, s) // a buffer takes all
		_ = w.Close()
		return b.String()
	}
}

func utf16LE(s string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return string(b)
}

// Request is one call as it arrived.
type Request struct {
	App, Sig string // the query's sdkappid and usersig
	URL      string // path and query
}

func newRequest(r *http.Request) Request {
	query := r.URL.Query()
	return Request{App: query.Get("sdkappid"), Sig: query.Get("usersig"), URL: r.URL.RequestURI()}
}

// render returns the answer's bytes, with marks in them, and whether the connection ends behind it.
func (a answer) render(r Request) (text string, last bool, err error) {
	var head, body strings.Builder
	if err := a.head.Execute(&head, r); err != nil {
		return "", false, err
	}
	if err := a.body.Execute(&body, r); err != nil {
		return "", false, err
	}
	lower := strings.ToLower(head.String())
	last = strings.Contains(lower, "connection: close")
	length := ""
	if !last && !strings.Contains(lower, "content-length:") && !strings.Contains(lower, "transfer-encoding:") && !bodiless.MatchString(lower) {
		length = fmt.Sprintf("\r\nContent-Length: %d", len(marks.ReplaceAllString(body.String(), "")))
	}
	return head.String() + length + "\r\n\r\n" + body.String(), last, nil
}

var bodiless = regexp.MustCompile(`^http/1.1 (1..|204|304)`)
