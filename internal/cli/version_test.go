package cli

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionOfABuild(t *testing.T) {
	info := debug.BuildInfo{
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123abcd"}, {Key: "vcs.time", Value: "2026-11-25T03:30:00Z"}, {Key: "vcs.modified", Value: "true"}},
		Deps:     []*debug.Module{{Path: core[0], Version: "v0.32.0"}, {Path: "example.com/other", Version: "v9.9.9"}},
	}
	var out strings.Builder
	readVersion(&info).print(&out)
	for _, want := range []string{"chatlake  0123abcd, modified\ncommitted 2026-11-25T03:30:00Z\nbuilt by  go1.", "with      github.com/parquet-go/parquet-go v0.32.0\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "v9.9.9") {
		t.Errorf("names what matters to none:\n%s", out.String())
	}
	out.Reset()
	readVersion(nil).print(&out)
	if !strings.Contains(out.String(), "of an unknown commit") {
		t.Errorf("%s", out.String())
	}
}
