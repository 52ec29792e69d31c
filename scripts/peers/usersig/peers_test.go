//go:build peers

// Package usersig_test holds the Chat emulator against UserSigs that the vendor's own packages make: npm's and
// PyPI's tls-sig-api-v2. The emulator verifies with code of its own, so this shows that a client which it accepts
// signs as those packages do. The packages' wall clock cannot be moved: the emulator's is.
//
// The test installs nothing. Once, from the repository's root:
//
//	(cd scripts/peers/usersig && npm ci)
//	python3 -m venv scripts/peers/.venv
//	scripts/peers/.venv/bin/pip install -r scripts/peers/usersig/requirements.txt
//
// and then:
//
//	go test -tags peers ./scripts/peers/usersig
//
// Where a package or its interpreter is missing, the test fails.
package usersig_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"chatlake/internal/chat/chattest"
)

// order is one UserSig that a package is to make.
type order struct {
	App        int64  `json:"app"`
	Key        string `json:"key"`
	Identifier string `json:"identifier"`
	Expire     int    `json:"expire"` // seconds
}

// peer is an official package: a program that reads orders from its standard input and prints the UserSigs.
type peer struct {
	installed string // what must exist
	install   string // the command that makes it so
	command   []string
}

var peers = map[string]peer{
	"npm": {
		installed: "node_modules/tls-sig-api-v2/package.json",
		install:   "cd scripts/peers/usersig && npm ci",
		command: []string{"node", "-e", `
			const { Api } = require("tls-sig-api-v2");
			const orders = JSON.parse(require("fs").readFileSync(0, "utf8"));
			console.log(JSON.stringify(orders.map(o => new Api(o.app, o.key).genUserSig(o.identifier, o.expire))));`},
	},
	"PyPI": {
		installed: "../.venv/bin/python",
		install: "python3 -m venv scripts/peers/.venv && " +
			"scripts/peers/.venv/bin/pip install -r scripts/peers/usersig/requirements.txt",
		command: []string{"../.venv/bin/python", "-c", `
import json, sys
from TLSSigAPIv2 import TLSSigAPIv2
print(json.dumps([TLSSigAPIv2(o["app"], o["key"]).gen_sig(o["identifier"], o["expire"]) for o in json.load(sys.stdin)]))`},
	},
}

// sign has the package make the UserSigs.
func (p peer) sign(t *testing.T, orders []order) (sigs []string) {
	t.Helper()
	if _, err := os.Stat(p.installed); err != nil {
		t.Fatalf("%v: install it first, from the repository's root: %s", err, p.install)
	}
	input, err := json.Marshal(orders)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), p.command[0], p.command[1:]...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v; if the package is missing, from the repository's root: %s\n%s", err, p.install, &stderr)
	}
	if err := json.Unmarshal(output, &sigs); err != nil || len(sigs) != len(orders) {
		t.Fatalf("%d UserSigs for %d orders, %v: %s", len(sigs), len(orders), err, output)
	}
	return sigs
}

// call sends the emulator one call, and returns its ErrorCode and how many rows there are.
func call(t *testing.T, server *httptest.Server, app int64, identifier, sig string) (code, rows int) {
	t.Helper()
	query := url.Values{
		"sdkappid": {strconv.FormatInt(app, 10)}, "identifier": {identifier}, "usersig": {sig},
		"random": {"7"}, "contenttype": {"json"},
	}
	resp, err := server.Client().Post(server.URL+chattest.Path+"?"+query.Encode(), "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		ErrorCode int
		Result    []json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return answer.ErrorCode, len(answer.Result)
}

func TestOfficialPackages(t *testing.T) {
	const key = "5f3c9d1b7a2e4860b1d4c7e9f0a2385c6d1e7b94"
	apps := []chattest.App{{ID: 1400000001, Key: key}, {ID: 1400000002, Key: key + "2", Identifier: "ops-admin_2"}}
	later := func() time.Time { return time.Now().Add(time.Hour) }
	now := httptest.NewServer(chattest.New(chattest.Options{Apps: apps}))
	defer now.Close()
	inAnHour := httptest.NewServer(chattest.New(chattest.Options{Apps: apps, Wall: later}))
	defer inAnHour.Close()

	tests := []struct {
		name       string
		order      order
		app        int64
		identifier string
		server     *httptest.Server
		code       int
	}{
		{"good", order{1400000001, key, "administrator", 86400}, 1400000001, "administrator", now, 0},
		{"good, later", order{1400000001, key, "administrator", 86400}, 1400000001, "administrator", inAnHour, 0},
		{"another admin", order{1400000002, key + "2", "ops-admin_2", 86400}, 1400000002, "ops-admin_2", now, 0},
		{"wrong key", order{1400000001, key + "2", "administrator", 86400}, 1400000001, "administrator", now, 70009},
		{"expired", order{1400000001, key, "administrator", 30}, 1400000001, "administrator", inAnHour, 70001},
		{"another identifier", order{1400000001, key, "alice", 86400}, 1400000001, "administrator", now, 70013},
		{"another app", order{1400000002, key + "2", "administrator", 86400}, 1400000001, "administrator", now, 70014},
		{"no admin", order{1400000002, key + "2", "alice", 86400}, 1400000002, "alice", now, 60010},
	}
	for name, p := range peers {
		t.Run(name, func(t *testing.T) {
			var orders []order
			for _, test := range tests {
				orders = append(orders, test.order)
			}
			sigs := p.sign(t, orders)
			for i, test := range tests {
				code, rows := call(t, test.server, test.app, test.identifier, sigs[i])
				if code != test.code || (rows != 0) != (test.code == 0) {
					t.Errorf("%s: code %d with %d rows, want code %d", test.name, code, rows, test.code)
				}
			}
		})
	}
}

// Among many keys and identifiers, every character of the UserSig's alphabet comes up.
func TestWholeAlphabet(t *testing.T) {
	var apps []chattest.App
	var orders []order
	for i := range int64(64) {
		a := chattest.App{ID: 1400000001 + i, Key: fmt.Sprintf("key-%d-%d", i, i*i*i), Identifier: fmt.Sprintf("admin%d", i)}
		apps = append(apps, a)
		orders = append(orders, order{a.ID, a.Key, a.Identifier, 86400})
	}
	server := httptest.NewServer(chattest.New(chattest.Options{Apps: apps}))
	defer server.Close()
	for name, p := range peers {
		t.Run(name, func(t *testing.T) {
			sigs := p.sign(t, orders)
			for i, a := range apps {
				if code, _ := call(t, server, a.ID, a.Identifier, sigs[i]); code != 0 {
					t.Errorf("app %d: code %d", a.ID, code)
				}
			}
			for _, c := range "*-_" {
				if !strings.ContainsRune(strings.Join(sigs, ""), c) {
					t.Errorf("no UserSig has %q: this shows less than it says", c)
				}
			}
		})
	}
}
