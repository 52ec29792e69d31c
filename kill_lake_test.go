package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
	"chatlake/storage"
	"chatlake/storage/costest"
)

const (
	tableFolder = "data/" + storage.Table + "/"
	latestRun   = "data/_runs/latest.json"
)

var killedKey = costest.Credentials{SecretID: "id", SecretKey: "key", SessionToken: "token"}

// lake is a bucket with a lake, whose clock a test can put forward.
type lake struct {
	bucket   *costest.Server
	ahead    atomic.Int64 // nanoseconds
	requests []string     // of the newest run
	killed   bool         // it was
}

func newLake(objects map[string]string) *lake {
	l := new(lake)
	l.bucket = costest.New(costest.Options{
		Credentials: []costest.Credentials{killedKey},
		Now:         func() time.Time { return time.Now().Add(time.Duration(l.ahead.Load())) },
	})
	for key, body := range objects {
		l.bucket.Put(key, []byte(body))
	}
	return l
}

func (l *lake) body(key string) string {
	body, _ := l.bucket.Get(key)
	return string(body)
}

func (l *lake) objects(prefix string) map[string]string {
	objects := make(map[string]string)
	for _, key := range l.bucket.Keys(prefix) {
		objects[key] = l.body(key)
	}
	return objects
}

func (l *lake) table() map[string]string { return l.objects(tableFolder) }

// changed returns the keys of the table that differ from those before.
func (l *lake) changed(before map[string]string) (keys []string) {
	for key, body := range l.table() {
		if body != before[key] {
			keys = append(keys, key)
		}
	}
	return keys
}

// rowsOf reads a file of the table, by column.
func rowsOf(t *testing.T, file string) []map[string]any {
	t.Helper()
	values, err := parquet.Read[any](strings.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatalf("a file of the table can't be read: %v", err)
	}
	rows := make([]map[string]any, len(values))
	for i, value := range values {
		rows[i] = value.(map[string]any)
	}
	return rows
}

// door is where the requests of one run come in. It names each and kills the process at one of them.
type door struct {
	bucket *costest.Server
	point  string // the name of the request; empty: none
	after  bool   // it has had its effect
	kill   func()

	mu     sync.Mutex
	seen   []string
	killed bool
}

var runID = regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-f]{8}`)

// name names a request so that another run makes one of the same name.
func (d *door) name(r *http.Request) string {
	name := r.Method + " " + runID.ReplaceAllString(strings.TrimPrefix(r.URL.Path, "/")+r.URL.Query().Get("prefix"), "RUN")
	d.mu.Lock()
	defer d.mu.Unlock()
	again := name
	for n := 2; slices.Contains(d.seen, again); n++ {
		again = name + " again " + strconv.Itoa(n)
	}
	d.seen = append(d.seen, again)
	return again
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.name(r) != d.point {
		d.bucket.ServeHTTP(w, r)
		return
	}
	if d.after {
		d.bucket.ServeHTTP(httptest.NewRecorder(), r)
	}
	d.kill()
	d.mu.Lock()
	d.killed = true
	d.mu.Unlock()
	panic(http.ErrAbortHandler)
}

// killing makes the stories.
type killing struct {
	t      *testing.T
	binary string
	ports  sync.Mutex
	clock  time.Time // of the runs that are killed: 11:30 of today in Beijing
}

var killedApps = []chattest.App{{ID: 1400000001, Key: "secret-of-app-1"}, {ID: 1400000002, Key: "secret-of-app-2"}}

func newKilling(t *testing.T) *killing {
	today := stats.DayIn(time.Now(), stats.Beijing).Time()
	return &killing{t: t, binary: binary(t), clock: today.Add(3*time.Hour + 30*time.Minute)}
}

func (k *killing) today() stats.Day { return stats.DayIn(k.clock, stats.Beijing) }

// serve serves the Chat API as of a time. The apps have begun five days ago.
func (k *killing) serve(at time.Time, revised map[stats.Day]map[string]any) string {
	server := httptest.NewServer(chattest.New(chattest.Options{
		Apps: killedApps,
		Now:  func() time.Time { return at },
		Data: func(app chattest.App, day stats.Day, _ time.Time) map[string]any {
			if day < k.today()-5 {
				return nil
			}
			row := chattest.Values(app, day, k.clock.AddDate(0, 0, 10))
			if app.ID == killedApps[0].ID {
				maps.Copy(row, revised[day])
			}
			return row
		},
	}))
	k.t.Cleanup(server.Close)
	return server.URL
}

// timer is the event of a timer at a time.
func timer(at time.Time, request string) string {
	event, _ := json.Marshal(map[string]string{"Type": "Timer", "TriggerName": "daily", "Time": at.Format(time.RFC3339), "Message": request})
	return string(event)
}

func (k *killing) story(name string, before map[string]string, api, request string) *story {
	next := k.clock.Add(time.Hour)
	return &story{
		name: name, binary: k.binary, ports: &k.ports, api: api, before: before,
		event: timer(k.clock, request), next: timer(next, request), nextClock: next,
	}
}

func (k *killing) emptyLake() *story { return k.story("an empty lake", nil, k.serve(k.clock, nil), "") }

// knownLake is the lake of a run of yesterday, before the API had a new day, revised two and got a field of one.
func (k *killing) knownLake() *story {
	yesterday := k.clock.AddDate(0, 0, -1)
	first := k.story("", nil, k.serve(yesterday, nil), "")
	l := newLake(nil)
	if answer, err := first.invoke(k.t, l, timer(yesterday, ""), "", false); err != nil {
		k.t.Fatalf("the run of yesterday: %s, %v", answer, err)
	}
	return k.story("a new day and revised values", l.objects(""), k.serve(k.clock, map[stats.Day]map[string]any{
		k.today() - 5: {"ActiveUserNum": "7", "MaxOnlineNum": "8"},
		k.today() - 2: {"ActiveUserNum": "0", "Newcomer": "new"},
	}), "")
}

// damagedLake is the lake of two runs, of which one file is damaged and two are missing.
func (k *killing) damagedLake() *story {
	s := k.knownLake()
	before := s.run(k.t, newLake(s.before), s.event).objects("")
	partition := func(back stats.Day) string { return "data/" + storage.PartitionKey(k.today()-back) }
	damaged := partition(2)
	before[damaged] = before[damaged][:len(before[damaged])-9]
	delete(before, partition(5))
	delete(before, partition(1))
	s = k.story("a repair from the raw archive", before, s.api, fmt.Sprintf(`{"source":"raw","from":%q,"to":%q}`, k.today()-5, k.today()-1))
	s.unreadable = before[damaged]
	return s
}
