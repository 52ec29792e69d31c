package storage_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"chatlake/internal/stats"
	"chatlake/storage"
)

func TestRawObjects(t *testing.T) {
	dir := storage.NewDir(t.TempDir())
	for _, key := range []string{
		"chat/_raw/dt=2026-11-30/b.ndjson.gz", "chat/_raw/dt=2026-11-24/b.ndjson.gz", "chat/_raw/dt=2026-11-24/a.ndjson.gz",
		"chat/_raw/dt=2026-12-01/a.ndjson.gz", "chat/_raw/dt=2026-11-23/z.ndjson.gz", "chat/_raw/dt=2025-11-25/a.ndjson.gz",
		// None of these is an object of the archive.
		"chat/_raw/README", "chat/_raw/dt=2026-11-25", "chat/_raw/dt=2026-11-26.ndjson.gz", "chat/_raw/dt=2026-11-27/a.json",
		"chat/_raw/dt=2026-11-27/a.ndjson.gz.tmp", "chat/_raw/dt=2026-11-31/a.ndjson.gz", "chat/_raw/dt=2026-11-2/a.ndjson.gz",
		"chat/_raw/dt=/a.ndjson.gz", "chat/_raw/dt=2026-11-25x/a.ndjson.gz", "chat/_rawer/dt=2026-11-25/a.ndjson.gz",
		"chat/_raw/2026-11-25/a.ndjson.gz", "_raw/dt=2026-11-25/a.ndjson.gz", "chat/_raw/app_daily_stats/dt=2026-11-25/a.ndjson.gz",
		"chat/app_daily_stats/dt=2026-11-25/part-0.parquet",
	} {
		put(t, dir, key, []byte(key))
	}
	for _, test := range []struct {
		from, to stats.Day
		want     string
	}{
		{day, day + 6, "2026-11-24/a 2026-11-24/b 2026-11-30/b"},
		{day, day, "2026-11-24/a 2026-11-24/b"},
		{day + 1, day + 5, ""},
		{day - 1, day - 1, "2026-11-23/z"},
		{day + 7, day + 700, "2026-12-01/a"},
		{day + 1, day, ""},
		{0, day - 1, "2025-11-25/a 2026-11-23/z"},
	} {
		lake := storage.NewLake(dir, "chat/", false)
		objects, err := lake.RawObjects(t.Context(), test.from, test.to)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range objects {
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(o.Key, "chat/_raw/dt="), ".ndjson.gz"))
			if !strings.Contains(o.Key, "dt="+o.Day.String()+"/") {
				t.Errorf("%s is of %s", o.Key, o.Day)
			}
			if body, err := lake.ReadRaw(t.Context(), o.Key); err != nil || string(body) != o.Key {
				t.Errorf("%s is read as %q, %v", o.Key, body, err)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s to %s: %q, want %q", test.from, test.to, got, test.want)
		}
	}
	if objects, err := storage.NewLake(storage.NewDir(filepath.Join(t.TempDir(), "none")), "", false).RawObjects(t.Context(), 0, day); err != nil || len(objects) > 0 {
		t.Errorf("a lake of nothing: %v, %v", objects, err)
	}
}

func TestRejects(t *testing.T) {
	m := &memory{}
	rows := []string{`{"Date":"20261131","AppName":"<甲>&\u2028"}`, `{"UpMsgNum":12.0}`, `[]`, "\"\xff\""}
	var rejects []storage.Reject
	for i, row := range rows {
		rejects = append(rejects, storage.Reject{AppID: appA + int64(i), RunID: rawRun, Reason: "<" + fmt.Sprint(i) + ">\n", Row: json.RawMessage(row)})
	}
	if err := storage.NewLake(m, "chat/", false).PutRejects(t.Context(), day+1, rawRun, rejects); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(m.objects["chat/_rejects/dt=2026-11-25/"+rawRun+".ndjson"]), "\n")
	if len(lines) != len(rows)+1 || lines[len(rows)] != "" {
		t.Fatalf("%q", lines)
	}
	for i, row := range rows {
		var got storage.Reject
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
			t.Fatal(err)
		}
		if string(got.Row) != row || got.Reason != rejects[i].Reason || got.AppID != rejects[i].AppID || got.RunID != rawRun {
			t.Errorf("%s is read as %+v, want %+v", lines[i], got, rejects[i])
		}
	}
}
