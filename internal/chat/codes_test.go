package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"chatlake/internal/chat/chattest"
)

// What each public code is worth: how many attempts, whether a later run may succeed, and what the operator is told.
// Sources: https://cloud.tencent.com/document/product/679/131708 and
// https://www.tencentcloud.com/document/product/1047/34886. The wrong region gives odd errors for what is wrong with
// neither key nor UserSig (https://github.com/dobyte/tencent-im/pull/5), so that all advice on those names it.
var codeTests = []struct {
	codes     []int
	attempts  int
	retryable bool
	says      []string
}{
	{[]int{60002, 60003, 60009, 60012, 60015, 130001}, 1, false, []string{"endpoint"}},
	{[]int{60004, 60005, 70003, 70009, 70050}, 1, false, []string{"secret_key", "region"}},
	{[]int{60006, 70016, 70020}, 1, false, []string{"region"}},
	{[]int{60016, 60017}, 1, false, []string{"enable"}},
	{[]int{60007, 60011, 60018, 60019}, 4, true, []string{"CHATLAKE_QPS"}},
	{[]int{60008, 60013, 60014, 70169, 70202, 70500}, 4, true, []string{"later"}},
	{[]int{130009, 130010, 130011, 130012}, 4, true, []string{"later"}},
	{[]int{60010, 70403, 70051, 70107}, 1, false, []string{"identifier"}},
	{[]int{60020}, 1, false, []string{"renew"}},
	{[]int{60021}, 1, false, []string{"allow list"}},
	{[]int{70001}, 2, false, []string{"clock"}},
	{[]int{70013}, 1, false, []string{"identifier", "region"}},
	{[]int{70014}, 1, false, []string{"sdk_app_id", "region"}},
	{[]int{70402}, 1, false, []string{"field"}},
}

func TestCodes(t *testing.T) {
	for _, test := range codeTests {
		for _, code := range test.codes {
			t.Run(fmt.Sprint(code), func(t *testing.T) {
				p := pullFrom(t, emulator(always(chattest.Fault{Code: code, Info: "as it came"})), client(even))
				p.failed(t, test.attempts, test.retryable, append(test.says, fmt.Sprint(code), "as it came")...)
				if p.failure.Code != code || p.failure.Parse {
					t.Errorf("Code is %d, Parse %t", p.failure.Code, p.failure.Parse)
				}
			})
		}
	}
}

// Nobody knows whether an unknown code passes: twice is enough.
func TestUnknownCode(t *testing.T) {
	for _, code := range []int{1, -1, 70999, 2147483648} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			p := pullFrom(t, emulator(always(chattest.Fault{Code: code, Info: "内部错误"})), client(even))
			if p.failure == nil {
				t.Fatal("succeeded")
			}
			p.attempted(t, 2)
			if p.failure.Code != code || !p.failure.Retryable {
				t.Errorf("Code is %d, Retryable %t", p.failure.Code, p.failure.Retryable)
			}
			for _, s := range []string{fmt.Sprint(code), "内部错误"} {
				if !strings.Contains(p.failure.Message(), s) {
					t.Errorf("the message does not say %s: %s", s, p.failure.Message())
				}
			}
		})
	}
}

func TestExpiredUserSigIsMadeAnew(t *testing.T) {
	s := emulator(func(c chattest.Call) *chattest.Fault {
		if c.NApp == 1 {
			return &chattest.Fault{Code: 70001, Delay: time.Second} // a UserSig of another second is another one
		}
		return nil
	})
	p := pullFrom(t, s, client(even))
	if n := p.ok(t, 2); n != chattest.Days {
		t.Errorf("%d entries", n)
	}
	if first, second := p.sent[0].URL.Query().Get("usersig"), p.sent[1].URL.Query().Get("usersig"); first == second {
		t.Error("the UserSig that had expired was sent again")
	}
}

// A UserSig that expires twice in one pull is a clock's fault, whatever came between.
func TestExpiredTwice(t *testing.T) {
	codes := []int{70001, 60008, 70001, 0}
	s := emulator(func(c chattest.Call) *chattest.Fault { return &chattest.Fault{Code: codes[c.NApp-1]} })
	p := pullFrom(t, s, client(even))
	p.failed(t, 3, false, "clock")
}

func TestSuccessAfterFailures(t *testing.T) {
	for name, fault := range map[string]chattest.Fault{
		"code": {Code: 60008}, "throttled": {Code: 60007}, "HTTP": {Status: 502}, "drop": {Drop: true}, "HTML": {Body: []byte("<html>")}, "hang": {Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := pullFrom(t, emulator(func(c chattest.Call) *chattest.Fault {
				if c.NApp <= 2 {
					return &fault
				}
				return nil
			}), client(even))
			if n := p.ok(t, 3); n != chattest.Days {
				t.Errorf("%d entries", n)
			}
		})
	}
}

// What is wrong with the configuration is found by the emulator's own checks, too.
func TestWrongConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		app  chattest.App
		user string
		code int
		says string
	}{
		"key":        {chattest.App{ID: even.ID, Key: key + "x"}, "administrator", 70009, "secret_key"},
		"identifier": {even, "nobody", 60010, "identifier"},
		"app":        {chattest.App{ID: 1400000004, Key: key}, "administrator", 70020, "region"},
	} {
		t.Run(name, func(t *testing.T) {
			app := client(test.app)
			app.Identifier = test.user
			p := pullFrom(t, emulator(nil), app)
			p.failed(t, 1, false, test.says)
			if p.failure.Code != test.code {
				t.Errorf("Code is %d, want %d", p.failure.Code, test.code)
			}
		})
	}
}
