package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parquet-go/parquet-go"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/internal/stats"
	"chatlake/storage/costest"
)

const (
	bucketHost = "lake-1250000000.cos.ap-singapore.myqcloud.com"
	prefix     = "data/"
)

// world is a Chat API, a bucket and what a run is given, in a bubble of virtual time without sockets.
type world struct {
	t      *testing.T
	chat   *chattest.Server
	bucket *costest.Server
	apps   []chattest.App
	env    map[string]string
	log    bytes.Buffer
	routes map[string]http.Handler
	panics bool // a handler's panic goes up to the caller, and does not just cut the connection
}

var bucketKey = costest.Credentials{SecretID: "id-of-the-role", SecretKey: "key-of-the-role", SessionToken: "token-of-the-role"}

// inWorld runs a test at 11:30 of a day in Beijing, with three apps in two regions.
func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	inWorldAlone(t, test)
}

// inWorldAlone runs a test that changes the process, and so must not run beside another.
func inWorldAlone(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 25, 3, 30, 0, 0, time.UTC)))
		w := &world{t: t, apps: []chattest.App{
			{ID: 1400000001, Key: "secret-of-app-1", Region: "singapore", Name: "One"},
			{ID: 1400000002, Key: "secret-of-app-2", Region: "singapore", Name: "Two"},
			{ID: 1400000003, Key: "secret-of-app-3", Region: "china", Name: "三", Company: "公司"},
		}}
		w.chat = chattest.New(chattest.Options{Apps: w.apps})
		w.bucket = costest.New(costest.Options{Credentials: []costest.Credentials{bucketKey}})
		w.routes = map[string]http.Handler{
			"adminapisgp.im.qcloud.com": w.chat.Handler("singapore"),
			"console.tim.qq.com":        w.chat.Handler("china"),
			bucketHost:                  w.bucket,
		}
		w.env = map[string]string{
			"CHATLAKE_LAKE":             "https://" + bucketHost + "/" + prefix,
			"CHATLAKE_APPS":             w.appList(),
			"TENCENTCLOUD_SECRETID":     bucketKey.SecretID,
			"TENCENTCLOUD_SECRETKEY":    bucketKey.SecretKey,
			"TENCENTCLOUD_SESSIONTOKEN": bucketKey.SessionToken,
		}
		test(w)
	})
}

func (w *world) appList() string {
	list := make([]map[string]any, len(w.apps))
	for i, app := range w.apps {
		list[i] = map[string]any{"sdk_app_id": app.ID, "secret_key": app.Key, "region": app.Region}
	}
	text, err := json.Marshal(list)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// RoundTrip serves a request by the handler of its host.
func (w *world) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	h, ok := w.routes[req.URL.Host]
	if !ok {
		return nil, errors.New("no such host " + req.URL.Host)
	}
	defer func() {
		if p := recover(); p != nil {
			if w.panics {
				panic(p)
			}
			resp, err = nil, errors.New("connection reset by peer")
			if req.Context().Err() != nil {
				err = req.Context().Err()
			}
		}
	}()
	in := req.Clone(req.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = req.URL.RequestURI()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, in)
	if err := req.Context().Err(); err != nil {
		return nil, err // the client is gone
	}
	return rec.Result(), nil
}

// run runs a job with a minute to its deadline.
func (w *world) run(payload string) (handler.Summary, error) {
	w.t.Helper()
	return w.runFor(time.Minute, payload)
}

func (w *world) runFor(limit time.Duration, payload string) (handler.Summary, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	return handler.Run(ctx, handler.Job{
		Env: w.env, Payload: []byte(payload), Transport: w,
		Logger: func(level slog.Level) *slog.Logger {
			return slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{Level: level}))
		},
	})
}

// mustRun runs a job that must do what was asked.
func (w *world) mustRun(payload string) handler.Summary {
	w.t.Helper()
	s, err := w.run(payload)
	if err != nil || s.Status != handler.OK {
		w.t.Fatalf("run %s: %v", s.JSON(), err)
	}
	return s
}

// timer is the event of the daily timer at the wall clock.
func (w *world) timer() string {
	return `{"Type":"Timer","TriggerName":"daily","Time":"` + time.Now().UTC().Format(time.RFC3339) + `","Message":""}`
}

// storedRow is the lake's row as another program would declare it.
type storedRow struct {
	AppID         int64             `parquet:"sdk_app_id"`
	Date          int32             `parquet:"stat_date,date"`
	AppName       *string           `parquet:"app_name,optional"`
	Company       *string           `parquet:"company,optional"`
	Active        *int64            `parquet:"active_user_num,optional"`
	Up            *int64            `parquet:"up_msg_num,optional"`
	APNS          *int64            `parquet:"apns_msg_num,optional"`
	CallBackRsp   *int64            `parquet:"call_back_rsp,optional"`
	Extra         map[string]string `parquet:"extra,optional"`
	FirstPulledAt *int64            `parquet:"first_pulled_at,optional,timestamp(millisecond)"`
	UpdatedAt     *int64            `parquet:"updated_at,optional,timestamp(millisecond)"`
	Revision      *int32            `parquet:"revision,optional"`
}

func partitionKey(day string) string {
	return prefix + "app_daily_stats/dt=" + day + "/part-0.parquet"
}

// rows reads a stored day, by app.
func (w *world) rows(day string) map[int64]storedRow {
	w.t.Helper()
	body, ok := w.bucket.Get(partitionKey(day))
	if !ok {
		return nil
	}
	rows, err := parquet.Read[storedRow](bytes.NewReader(body), int64(len(body)))
	if err != nil {
		w.t.Fatalf("reading %s: %v", day, err)
	}
	byApp := make(map[int64]storedRow)
	for _, r := range rows {
		byApp[r.AppID] = r
	}
	return byApp
}

// table returns all objects of the table.
func (w *world) table() map[string]string {
	objects := make(map[string]string)
	for _, key := range w.bucket.Keys(prefix + "app_daily_stats/") {
		body, _ := w.bucket.Get(key)
		objects[key] = string(body)
	}
	return objects
}

// changed returns the keys whose objects differ.
func changed(before, after map[string]string) []string {
	var keys []string
	for key, body := range after {
		if before[key] != body {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// runDaily lets the timer fire once a day for some days, and lets each run have the outcome that it has.
func (w *world) runDaily(days int) (last handler.Summary) {
	w.t.Helper()
	for range days {
		time.Sleep(24 * time.Hour)
		last, _ = w.run(w.timer())
	}
	return last
}

// failApp makes each call for an app fail.
func (w *world) failApp(id int64) {
	w.chat.SetFault(func(c chattest.Call) *chattest.Fault {
		if c.App == id {
			return &chattest.Fault{Code: 60020}
		}
		return nil
	})
}

// drop removes objects of the lake by the beginning of their keys below its prefix.
func (w *world) drop(beginning string) {
	for _, key := range w.bucket.Keys(prefix + beginning) {
		w.bucket.Delete(key)
	}
}

// writes returns the keys that were PUT since the n-th request.
func (w *world) writes(since int) []string {
	var keys []string
	for _, r := range w.bucket.Requests()[since:] {
		if r.Method == http.MethodPut {
			keys = append(keys, r.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// revise makes the API serve changed values of some days of an app from now on.
func (w *world) revise(app int64, day stats.Day, values map[string]any) {
	w.chat.SetData(func(a chattest.App, d stats.Day, asOf time.Time) map[string]any {
		row := chattest.Values(a, d, asOf)
		if a.ID == app && d == day {
			maps.Copy(row, values)
		}
		return row
	})
}

func day(s string) stats.Day {
	d, err := stats.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

// wantNoSecrets fails where a text holds a secret of the world.
func (w *world) wantNoSecrets(what, text string) {
	w.t.Helper()
	secrets := []string{bucketKey.SecretID, bucketKey.SecretKey, bucketKey.SessionToken, "usersig=", "q-signature"}
	for _, app := range w.apps {
		secrets = append(secrets, app.Key)
	}
	for _, s := range secrets {
		if strings.Contains(text, s) {
			w.t.Errorf("%s holds %q: %s", what, s, text)
		}
	}
}
