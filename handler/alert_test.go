package handler_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"chatlake/handler"
	"chatlake/internal/chat/chattest"
	"chatlake/storage/costest"
)

const robotKey = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"

// robot is a WeCom group robot: it takes what its page describes, and nothing else
// (https://developer.work.weixin.qq.com/document/path/91770).
type robot struct {
	t      *testing.T
	told   []string
	answer func(http.ResponseWriter, *http.Request) // in place of its own, if set
}

func (w *world) withRobot() *robot {
	r := &robot{t: w.t}
	w.routes["qyapi.weixin.qq.com"] = r
	w.env["CHATLAKE_ALERT_URL"] = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=" + robotKey
	return r
}

func (r *robot) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost || req.URL.Path != "/cgi-bin/webhook/send" || req.URL.Query().Get("key") != robotKey || req.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("the robot got %s %s, %v", req.Method, req.URL, req.Header)
	}
	body, _ := io.ReadAll(req.Body)
	var message struct {
		MsgType string `json:"msgtype"`
		Text    struct {
			Content string `json:"content"`
		} `json:"text"`
	}
	if err := json.Unmarshal(body, &message); err != nil || message.MsgType != "text" || message.Text.Content == "" || len(message.Text.Content) > 2048 || !utf8.Valid(body) {
		r.t.Errorf("the robot got %d bytes: %s", len(message.Text.Content), body)
	}
	r.told = append(r.told, message.Text.Content)
	if r.answer != nil {
		r.answer(rw, req)
		return
	}
	fmt.Fprint(rw, `{"errcode":0,"errmsg":"ok"}`)
}

// news returns what the robot was told since it was last asked.
func (r *robot) news() string {
	told := strings.Join(r.told, "\n---\n")
	r.told = nil
	return told
}

func TestAlerts(t *testing.T) {
	inWorld(t, func(w *world) {
		robot := w.withRobot()
		wantNews := func(when string, wants ...string) {
			t.Helper()
			news := robot.news()
			if len(wants) == 0 && news != "" || strings.Contains(news, "---") {
				t.Errorf("%s, the robot was told %q", when, news)
			}
			for _, want := range wants {
				if !strings.Contains(news, want) {
					t.Errorf("%s, the robot was not told %q, but %q", when, want, news)
				}
			}
		}
		w.mustRun(w.timer())
		wantNews("when all is well")
		time.Sleep(24 * time.Hour)
		w.mustRun(w.timer())
		wantNews("a day later")

		time.Sleep(37 * time.Hour)
		s := w.mustRun("")
		wantNews("after a day without a run", s.RunID, "37 hours after the one before")

		w.failApp(1400000001)
		time.Sleep(time.Hour)
		s, _ = w.run(w.timer())
		wantNews("when an app fails", s.RunID, "partial: 1 of 3 apps and 0 days failed", "app 1400000001, pull: ", "60020")
		s, _ = w.run(`{"dry_run":true}`)
		if s.Status != handler.Partial {
			t.Errorf("the dry run %s", s.JSON())
		}
		wantNews("by a dry run")

		w.env["CHATLAKE_FAIL_ON"] = "never"
		w.runDaily(23)
		robot.news()
		w.runDaily(1)
		wantNews("when a loss is near", "app 1400000001: the lake lacks", "days left")

		w.env["CHATLAKE_QPS"] = "many"
		s, _ = w.run("")
		wantNews("of a bad configuration", s.RunID, "failed", "CHATLAKE_QPS")
		delete(w.env, "CHATLAKE_QPS")
		w.chat.SetFault(nil)
		time.Sleep(time.Hour)
		w.mustRun("")
		wantNews("when all is well again")

		w.bucket.SetFault(func(r costest.Request) costest.Fault {
			if r.Method == http.MethodPut && strings.Contains(r.Key, "_runs/dt=") {
				return costest.Fault{Status: 403, Code: "AccessDenied"}
			}
			return costest.Fault{}
		})
		w.run("")
		wantNews("when the summary can't be stored", "the run's summary could not be stored")
	})
}

// TestAlertThatIsNotTaken costs nothing but an entry of the errors, and never shows the robot's key.
func TestAlertThatIsNotTaken(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   string
	}{
		"an error of its own": {func(rw http.ResponseWriter, req *http.Request) {
			fmt.Fprintf(rw, `{"errcode":93000,"errmsg":"invalid webhook url %s, more info at https://open.work.weixin.qq.com"}`, req.URL)
		}, "93000"},
		"an error of HTTP": {func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(502) }, "502"},
		"elsewhere": {func(rw http.ResponseWriter, req *http.Request) {
			http.Redirect(rw, req, "https://elsewhere.example/", http.StatusTemporaryRedirect)
		}, "307"},
		"no connection": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "connection reset"},
		"no answer":     {func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.env["CHATLAKE_LOG_LEVEL"] = "debug"
				robot := w.withRobot()
				robot.answer = c.answer
				w.mustRun(w.timer())
				w.chat.SetFault(func(call chattest.Call) *chattest.Fault {
					if call.App == 1400000001 {
						return &chattest.Fault{Hang: true}
					}
					return nil
				})
				time.Sleep(24 * time.Hour)
				began := time.Now()
				s, err := w.runFor(5*time.Second, w.timer())
				last := s.Errors[len(s.Errors)-1]
				if time.Since(began) >= 5*time.Second || s.Status != handler.Partial || s.Rows.Inserted != 2 || len(s.Errors) != 2 || last.Stage != "alert" || !strings.Contains(last.Message, c.want) {
					t.Errorf("%s, %v", s.JSON(), err)
				}
				stored, _ := w.bucket.Get(prefix + "_runs/dt=2026-11-26/" + s.RunID + ".json")
				if string(stored) != string(s.JSON()) {
					t.Errorf("stored is %s", stored)
				}
				for _, text := range []string{fmt.Sprint(err), w.log.String(), string(stored)} {
					w.wantNoSecrets("an output", text)
					if strings.Contains(text, robotKey) {
						t.Errorf("the robot's key is in %s", text)
					}
				}
			})
		})
	}
}

// TestAnAlertAloneFails: nothing is amiss in the lake, so that the invocation does not fail.
func TestAnAlertAloneFails(t *testing.T) {
	inWorld(t, func(w *world) {
		robot := w.withRobot()
		robot.answer = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) }
		w.mustRun(w.timer())
		time.Sleep(37 * time.Hour)
		s, err := w.run(w.timer())
		if err != nil || s.Status != handler.Partial || len(s.Errors) != 1 || s.Errors[0].Stage != "alert" {
			t.Errorf("%v %s", err, s.JSON())
		}
	})
}
