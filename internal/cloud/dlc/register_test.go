package dlc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chatlake/internal/cloud"
	"chatlake/internal/cloud/cloudtest"
	"chatlake/internal/cloud/dlc"
	"chatlake/internal/secret"
	"chatlake/internal/stats"
)

const folder = "cosn://lake-1250000000/prod/app_daily_stats"

func options() cloudtest.Options {
	return cloudtest.Options{
		ID: "AKIDexample", Key: "the key", Token: "the token", Region: "ap-singapore",
		Engines: map[string]string{"sparky": "spark", "presto-1": "presto"},
	}
}

func register(ctx context.Context, t *testing.T, server *cloudtest.Server, engine string, days ...stats.Day) error {
	t.Helper()
	keys := secret.Keys{ID: secret.New("AKIDexample"), Key: secret.New("the key"), Token: secret.New("the token")}
	c, err := cloud.New(keys, "ap-singapore", "", server)
	if err != nil {
		t.Fatal(err)
	}
	return dlc.Register(ctx, c, dlc.Target{Engine: engine, Database: "lake", Table: "app_daily_stats"}, folder, days)
}

func on(action string, f cloudtest.Fault) func(cloudtest.Call) *cloudtest.Fault {
	return func(c cloudtest.Call) *cloudtest.Fault {
		if c.Action != action {
			return nil
		}
		return &f
	}
}

func TestRegister(t *testing.T) {
	for _, test := range []struct {
		name, engine, kind string
		polls, calls       int
		fault              func(cloudtest.Call) *cloudtest.Fault
	}{
		{name: "Spark", engine: "sparky", kind: "SparkSQLTask", calls: 2},
		{name: "Presto", engine: "presto-1", kind: "SQLTask", calls: 3},
		{name: "slow", engine: "sparky", kind: "SparkSQLTask", polls: 40, calls: 42},
		{name: "unknown at first", engine: "sparky", kind: "SparkSQLTask", calls: 3, fault: func(c cloudtest.Call) *cloudtest.Fault {
			return &cloudtest.Fault{TaskUnknown: c.N == 2}
		}},
		{name: "faults", engine: "sparky", kind: "SparkSQLTask", polls: 1, calls: 6, fault: func(c cloudtest.Call) *cloudtest.Fault {
			return map[int]*cloudtest.Fault{1: {Drop: true}, 3: {Code: "InternalError"}, 5: {Status: 502}}[c.N]
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options()
				o.Polls, o.Fault = test.polls, test.fault
				server := cloudtest.New(o)
				days := []stats.Day{day(t, "2026-11-23"), day(t, "2026-11-24")}
				if err := register(t.Context(), t, server, test.engine, days...); err != nil {
					t.Fatal(err)
				}
				if n := len(server.Calls()); n != test.calls {
					t.Errorf("%d calls, want %d", n, test.calls)
				}
				got := server.Statements()
				sql, err := dlc.Statement(dlc.Target{Engine: test.engine, Database: "lake", Table: "app_daily_stats"}, folder, days)
				if err != nil || len(got) != 1 {
					t.Fatalf("%d statements, %v", len(got), err)
				}
				want := cloudtest.Statement{
					TaskID: got[0].TaskID, Kind: test.kind, Engine: test.engine, Datasource: "DataLakeCatalog", Database: "lake", SQL: sql,
				}
				if got[0] != want {
					t.Errorf("got %+v, want %+v", got[0], want)
				}
			})
		})
	}
}

func TestRegisterFails(t *testing.T) {
	for _, test := range []struct {
		name, engine string
		fault        func(cloudtest.Call) *cloudtest.Fault
		code         string // of a *cloud.Error
		state        int    // of a *TaskError; 0: none
		text         string
	}{
		{name: "no engine", engine: "nobody", code: "ResourceNotFound.DataEngineNotFound", text: "dlc://nobody/lake.app_daily_stats"},
		{name: "may not create", engine: "sparky", fault: on("CreateTask", cloudtest.Fault{Code: "UnauthorizedOperation"}), code: "UnauthorizedOperation", text: "dlc:CreateTask"},
		{name: "may not look", engine: "sparky", fault: on("DescribeTaskResult", cloudtest.Fault{Code: "UnauthorizedOperation"}), code: "UnauthorizedOperation", text: "dlc:DescribeTaskResult"},
		{name: "no money", engine: "sparky", fault: on("CreateTask", cloudtest.Fault{Code: "ResourceUnavailable.BalanceInsufficient"}), code: "ResourceUnavailable.BalanceInsufficient", text: "balance"},
		{name: "task fails", engine: "sparky", fault: on("CreateTask", cloudtest.Fault{TaskFailure: "Table or view not found: the key"}), state: -1, text: `"Table or view not found: REDACTED"`},
		{name: "task canceled", engine: "sparky", fault: on("CreateTask", cloudtest.Fault{TaskCancel: true}), state: -3, text: "canceled"},
		{name: "no task", engine: "sparky", fault: on("CreateTask", cloudtest.Fault{Body: []byte(`{"Response":{"TaskId":null}}`)}), text: "named no task"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options()
				o.Fault = test.fault
				err := register(t.Context(), t, cloudtest.New(o), test.engine, day(t, "2026-11-24"))
				if err == nil || !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "the key") {
					t.Fatalf("got %v", err)
				}
				var refused *cloud.Error
				if errors.As(err, &refused) != (test.code != "") || refused != nil && refused.Code != test.code {
					t.Errorf("got %v", err)
				}
				var failed *dlc.TaskError
				if errors.As(err, &failed) != (test.state != 0) || failed != nil && (failed.State != test.state || failed.TaskID == "") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestTextsAreCut has DLC answer what fills a log line by itself.
func TestTextsAreCut(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, fault := range map[string]func(cloudtest.Call) *cloudtest.Fault{
		"reason": on("CreateTask", cloudtest.Fault{TaskFailure: long}),
		"id":     on("CreateTask", cloudtest.Fault{Body: []byte(`{"Response":{"TaskId":"` + long + `"}}`)}),
		"error":  on("DescribeTaskResult", cloudtest.Fault{Code: "Odd." + long, Message: long}),
	} {
		synctest.Test(t, func(t *testing.T) {
			o := options()
			o.Fault = fault
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := register(ctx, t, cloudtest.New(o), "sparky", day(t, "2026-11-24"))
			if err == nil || len(err.Error()) > 4000 {
				t.Errorf("%s: an error of %d bytes", name, len(fmt.Sprint(err)))
			}
		})
	}
}

func TestRegisterStopsWaiting(t *testing.T) {
	for name, fault := range map[string]func(cloudtest.Call) *cloudtest.Fault{
		"running": nil,
		"silence": on("DescribeTaskResult", cloudtest.Fault{Hang: true}),
		"faults":  on("DescribeTaskResult", cloudtest.Fault{Status: 503}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options()
				o.Polls, o.Fault = 1_000_000, fault
				server := cloudtest.New(o)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				err := register(ctx, t, server, "sparky", day(t, "2026-11-24"))
				var e *dlc.TaskError
				if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) || e.State < 0 || e.TaskID != server.Statements()[0].TaskID {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestRegisterNothing(t *testing.T) {
	server := cloudtest.New(options())
	if err := register(t.Context(), t, server, "sparky"); err != nil || len(server.Calls()) != 0 {
		t.Errorf("%d calls, %v", len(server.Calls()), err)
	}
}
