package chat_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"chatlake/internal/chat"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
)

func TestPull(t *testing.T) {
	s := emulator(nil)
	for _, app := range []chattest.App{even, odd} {
		p := pullFrom(t, s, client(app))
		if n := p.ok(t, 1); n != chattest.Days {
			t.Fatalf("%d entries", n)
		}
		var days []stats.Day
		for _, entry := range p.answer.Entries {
			row, err := stats.Parse(app.ID, entry)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(row.Counters[:], stats.Null) || slices.Contains(row.Texts[:], "") || row.Extra != nil {
				t.Errorf("%s is not whole: %+v", row.Day, row)
			}
			days = append(days, row.Day)
		}
		slices.Sort(days)
		if first, last := days[0].String(), days[len(days)-1].String(); first != "2026-10-26" || last != "2026-11-24" {
			t.Errorf("the days are %s to %s", first, last)
		}
		var whole struct{ Result []json.RawMessage }
		if err := json.Unmarshal(p.body(), &whole); err != nil || len(whole.Result) != chattest.Days {
			t.Errorf("the body is not the answer as received: %v", err)
		}
	}
}

func TestPullSomeFields(t *testing.T) {
	s := emulator(nil)
	p := pullFrom(t, s, client(even), "ChainIncrease", "ChainDecrease")
	p.ok(t, 1)
	for _, raw := range p.answer.Entries {
		var entry map[string]string
		if err := json.Unmarshal(raw, &entry); err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(entry)); !slices.Equal(got, []string{"ChainDecrease", "ChainIncrease", "Date"}) {
			t.Errorf("an entry has %q", got)
		}
	}
	if got := p.sent[0].body; got != `{"RequestField":["ChainIncrease","ChainDecrease"]}` {
		t.Errorf("sent %s", got)
	}
	if calls := s.Calls(); len(calls) != 1 || !slices.Equal(calls[0].Fields, []string{"ChainIncrease", "ChainDecrease"}) {
		t.Errorf("arrived: %+v", calls)
	}
}

func TestRequest(t *testing.T) {
	app := client(even)
	app.Endpoint, app.Identifier = "http://127.0.0.1:7/base", "操作员 a&b=c"
	a := even
	a.Identifier = app.Identifier
	s := chattest.New(chattest.Options{Apps: []chattest.App{a}, Now: now})
	// The emulator serves the call's own path alone.
	h := http.StripPrefix("/base", s)
	randoms := map[string]bool{}
	for range 20 {
		p := pullFrom(t, h, app)
		p.ok(t, 1)
		r := p.sent[0]
		if r.Method != http.MethodPost || r.URL.Scheme != "http" || r.URL.Host != "127.0.0.1:7" || r.URL.EscapedPath() != "/base/v4/openconfigsvr/getappinfo" {
			t.Errorf("sent %s %s://%s%s", r.Method, r.URL.Scheme, r.URL.Host, r.URL.EscapedPath())
		}
		if r.body != "{}" || r.ContentLength != 2 || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("sent the body %q of %d bytes as %s", r.body, r.ContentLength, r.Header.Get("Content-Type"))
		}
		for name := range r.Header {
			if name != "Content-Type" {
				t.Errorf("sent the header field %s", name)
			}
		}
		query := r.URL.Query()
		if got := slices.Sorted(maps.Keys(query)); !slices.Equal(got, []string{"contenttype", "identifier", "random", "sdkappid", "usersig"}) {
			t.Errorf("the query has %q", got)
		}
		if query.Get("sdkappid") != "1400000002" || query.Get("identifier") != app.Identifier || query.Get("contenttype") != "json" {
			t.Errorf("the query is of app %s, identifier %s, type %s", query.Get("sdkappid"), query.Get("identifier"), query.Get("contenttype"))
		}
		if _, err := strconv.ParseUint(query.Get("random"), 10, 32); err != nil {
			t.Error(err)
		}
		randoms[query.Get("random")] = true
	}
	if len(randoms) < 19 {
		t.Errorf("random took %d values in 20 calls", len(randoms))
	}
}

// The domains are those of https://www.tencentcloud.com/document/product/1047/34886, Mumbai's of its older copies.
func TestRegions(t *testing.T) {
	hosts := map[string]string{
		"china": "console.tim.qq.com", "singapore": "adminapisgp.im.qcloud.com", "seoul": "adminapikr.im.qcloud.com",
		"frankfurt": "adminapiger.im.qcloud.com", "mumbai": "adminapiind.im.qcloud.com", "silicon-valley": "adminapiusa.im.qcloud.com",
		"jakarta": "adminapiidn.im.qcloud.com", "tokyo": "adminapijpn.im.qcloud.com",
	}
	if got := chat.Regions(); !slices.Equal(got, slices.Sorted(maps.Keys(hosts))) {
		t.Fatalf("the regions are %q", got)
	}
	var apps []chattest.App
	for i, region := range chat.Regions() {
		apps = append(apps, chattest.App{ID: 1400000010 + int64(i), Key: key, Region: region})
	}
	s := chattest.New(chattest.Options{Apps: apps, Now: now})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for region, host := range hosts {
			if r.URL.Scheme == "https" && r.URL.Host == host {
				s.Handler(region).ServeHTTP(w, r)
				return
			}
		}
		t.Errorf("a call to %s", r.URL.Host)
	})
	for i, a := range apps {
		app := client(a)
		for _, region := range chat.Regions() {
			var ok bool
			if app.Endpoint, ok = chat.Endpoint(region); !ok {
				t.Fatalf("%s has no endpoint", region)
			}
			p := pullFrom(t, h, app)
			if region == a.Region {
				p.ok(t, 1)
				continue
			}
			p.failed(t, 1, false, "region")
			if p.failure.Code != 70020-4*(i%2) {
				t.Errorf("an app of another region: %v", p.failure)
			}
		}
	}
	for _, region := range []string{"", "China", "beijing", "ap-singapore"} {
		if url, ok := chat.Endpoint(region); ok {
			t.Errorf("%q has the endpoint %s", region, url)
		}
	}
}

// A retried request is sent whole again.
func TestRetriesSendTheSame(t *testing.T) {
	p := pullFrom(t, emulator(always(chattest.Fault{Drop: true})), client(even), "UpMsgNum")
	p.failed(t, 4, true)
	for i, r := range p.sent {
		if r.body != `{"RequestField":["UpMsgNum"]}` || r.URL.Query().Get("usersig") != p.sent[0].URL.Query().Get("usersig") {
			t.Errorf("attempt %d sent %s %s", i+1, r.URL.RawQuery, r.body)
		}
	}
}

func TestClientKeepsNothingBetweenApps(t *testing.T) {
	s := emulator(nil)
	synctest.Test(t, func(t *testing.T) {
		var shown []chat.Exchange
		c := chat.NewClient(inProcess{s}, chat.MaxQPS, func(e chat.Exchange) { shown = append(shown, e) })
		first, err := c.AppInfo(t.Context(), client(even), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, entry := bytes.Clone(shown[0].Body), bytes.Clone(first.Entries[0])
		if _, err := c.AppInfo(t.Context(), client(odd), nil); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(body, shown[0].Body) || !bytes.Equal(entry, first.Entries[0]) {
			t.Error("the second answer changed the first one")
		}
		if calls, retries := c.Requests(); calls != 2 || retries != 0 {
			t.Errorf("%d calls, %d retries counted", calls, retries)
		}
	})
}
