package dlc_test

import (
	"strings"
	"testing"

	"chatlake/internal/cloud/dlc"
	"chatlake/internal/stats"
)

func TestParse(t *testing.T) {
	for s, want := range map[string]dlc.Target{
		"dlc://public-engine/lake.app_daily_stats": {Engine: "public-engine", Database: "lake", Table: "app_daily_stats"},
		"dlc://引擎_1/DB1._t":                        {Engine: "引擎_1", Database: "DB1", Table: "_t"},
	} {
		if got, err := dlc.Parse(s); err != nil || got != want || got.String() != s {
			t.Errorf("Parse(%q) = %+v, %v", s, got, err)
		}
	}
	for s, faults := range map[string][]string{
		"":                                      {"form dlc://ENGINE/DATABASE.TABLE"},
		"hive://e/d.t":                          {"form"},
		"dlc:e/d.t":                             {"form"},
		"dlc://e":                               {"form"},
		"dlc://e/d":                             {"form"},
		"dlc:///d.t":                            {"engine"},
		"dlc://e e/d.t":                         {"engine"},
		"dlc://e/.t":                            {"database"},
		"dlc://e/d.":                            {"table"},
		"dlc://e/d.t.u":                         {"is not a table's name"},
		"dlc://e/d`; DROP x.t`":                 {"database", "table"},
		"dlc://e/d.t?x=1":                       {"table"},
		"dlc://e/d.t/":                          {"table"},
		"dlc://e!/数据.t'":                        {"engine", "database", "table"},
		"dlc://e/d.\nt":                         {"table"},
		"dlc://e/d." + strings.Repeat("t", 129): {"table"},
		"dlc://e/DATABASE.TABLE ":               {"table"},
	} {
		_, err := dlc.Parse(s)
		if err == nil {
			t.Errorf("Parse(%q) took it", s)
			continue
		}
		if strings.Contains(err.Error(), "DROP") {
			t.Errorf("Parse(%q) quotes what is no name: %v", s, err)
		}
		for _, fault := range faults {
			if !strings.Contains(err.Error(), fault) {
				t.Errorf("Parse(%q): %v, want %q", s, err, fault)
			}
		}
	}
}

func day(t *testing.T, s string) stats.Day {
	t.Helper()
	d, err := stats.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestStatement(t *testing.T) {
	target := dlc.Target{Engine: "e", Database: "lake", Table: "app_daily_stats"}
	days := []stats.Day{day(t, "2026-11-24"), day(t, "2026-11-22"), day(t, "2026-11-24")}
	const want = "ALTER TABLE `DataLakeCatalog`.`lake`.`app_daily_stats` ADD IF NOT EXISTS" +
		" PARTITION (dt = '2026-11-22') LOCATION 'cosn://b-1250000000/p/q=1/app_daily_stats/dt=2026-11-22'" +
		" PARTITION (dt = '2026-11-24') LOCATION 'cosn://b-1250000000/p/q=1/app_daily_stats/dt=2026-11-24'"
	for _, folder := range []string{"cosn://b-1250000000/p/q=1/app_daily_stats", "cosn://b-1250000000/p/q=1/app_daily_stats/"} {
		if got, err := dlc.Statement(target, folder, days); err != nil || got != want {
			t.Errorf("got %s, %v", got, err)
		}
	}
	const bare = "ALTER TABLE `DataLakeCatalog`.`lake`.`app_daily_stats` ADD IF NOT EXISTS PARTITION (dt = '2026-11-22') PARTITION (dt = '2026-11-24')"
	if got, err := dlc.Statement(target, "", days); err != nil || got != bare {
		t.Errorf("without a folder: %s, %v", got, err)
	}
	if days[0] != days[2] || days[0] == days[1] {
		t.Error("the caller's days were moved")
	}
	for _, folder := range []string{
		"cos://b/p", "cosn://", "cosn://b/it's", `cosn://b/a\b`, "cosn://b/${x}", "cosn://b/a b", "cosn://b//a", "cosn://b/a\n", "file:///tmp", "cosn://b/a;b", "cosn://b/a`",
	} {
		if got, err := dlc.Statement(target, folder, days); err == nil {
			t.Errorf("%q gave %s", folder, got)
		}
	}
	if _, err := dlc.Statement(dlc.Target{Engine: "e", Database: "a`b", Table: "t"}, "cosn://b/p", days); err == nil {
		t.Error("a backtick got into a statement")
	}
	if _, err := dlc.Statement(target, "cosn://b/p", nil); err == nil {
		t.Error("a statement without a partition")
	}
}
