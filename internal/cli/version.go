package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
)

// core are the modules that a bug report has to name.
var core = []string{
	"github.com/parquet-go/parquet-go", "github.com/tencentyun/cos-go-sdk-v5", "github.com/tencentyun/scf-go-lib",
	"github.com/tencentyun/tls-sig-api-v2-golang",
}

// version is what a build knows of itself.
type version struct {
	Commit   string            `json:"commit,omitempty"` // empty for a build outside of a checkout
	Time     string            `json:"time,omitempty"`   // of the commit
	Modified bool              `json:"modified"`         // built from more than the commit
	Go       string            `json:"go"`
	Platform string            `json:"platform"`
	Modules  map[string]string `json:"modules"`
}

func (c command) version() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the commit, the Go release and the packages of this build",
		Long:  "Print what this binary was built from, for a bug report.",
		Example: `  chatlake version
  chatlake version --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			v := readVersion(info)
			out := &firstError{w: c.stdout}
			if asJSON {
				printJSON(out, v)
			} else {
				v.print(out)
			}
			if out.err != nil {
				return c.failed("printing failed: %v", out.err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func (v version) print(w io.Writer) {
	commit := v.Commit
	switch {
	case commit == "":
		commit = "of an unknown commit (built without what git knows)"
	case v.Modified:
		commit += ", modified"
	}
	fmt.Fprintf(w, "chatlake  %s\n", commit)
	if v.Time != "" {
		fmt.Fprintf(w, "committed %s\n", v.Time)
	}
	fmt.Fprintf(w, "built by  %s for %s\n", v.Go, v.Platform)
	for _, name := range core {
		fmt.Fprintf(w, "with      %s %s\n", name, v.Modules[name])
	}
}

// readVersion reads what the linker has noted; info may be nil.
func readVersion(info *debug.BuildInfo) version {
	v := version{Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Modules: make(map[string]string)}
	if info == nil {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	for _, m := range info.Deps {
		if slices.Contains(core, m.Path) {
			v.Modules[m.Path] = m.Version
		}
	}
	return v
}
