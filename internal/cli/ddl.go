package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"chatlake/handler"
	"chatlake/internal/ddl"
	"chatlake/storage"
)

func (c command) ddl() *cobra.Command {
	var lake, table string
	var engines strings.Builder
	var names []string
	for _, e := range ddl.Engines() {
		names = append(names, e.Name)
		fmt.Fprintf(&engines, "\n  %-11s %s", e.Name, e.Summary)
	}
	cmd := &cobra.Command{
		Use:   "ddl ENGINE",
		Short: "Print the statements that make the lake a table in a query engine",
		Long: `Print what to paste into a query engine to see the lake as a table: the table or
view, how new days become known to it, and how to filter. Nothing is contacted or
changed, and no credential is printed: <SecretId> and <SecretKey> mark their places.

Engines:` + engines.String(),
		Example: `  # for a lake in COS
  chatlake ddl dlc --lake https://lake-1250000000.cos.ap-singapore.myqcloud.com/im

  # for the lake of CHATLAKE_LAKE, under another name
  chatlake ddl trino --table hive.analytics.im_daily

  # try a lake in a directory
  chatlake ddl duckdb --lake file:///srv/lake > lake.sql && duckdb -init lake.sql`,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return fmt.Errorf("for which engine? Name one of %s", strings.Join(names, ", "))
			case 1:
				return nil
			}
			return fmt.Errorf("one engine at a time, not %d", len(args))
		},
		ValidArgs: names,
		RunE: func(_ *cobra.Command, args []string) error {
			engine, err := ddl.Find(args[0])
			if err != nil {
				return err
			}
			from := "--lake"
			if lake == "" {
				from, lake = "CHATLAKE_LAKE", handler.ParseEnviron(c.environ)["CHATLAKE_LAKE"]
			}
			if lake == "" {
				return errors.New("where is the lake? Give --lake or set CHATLAKE_LAKE")
			}
			location, err := storage.ParseLocation(lake)
			if err != nil {
				return fmt.Errorf("%s %w", from, err)
			}
			text, err := engine.Statements(location, table)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(c.stdout, text); err != nil {
				fmt.Fprintf(c.stderr, "chatlake: failed to print the statements: %v\n", err)
				return errFailed
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&lake, "lake", "", "`URL` of the lake (default: CHATLAKE_LAKE)")
	f.StringVar(&table, "table", "", "`name` of the table, with its database and catalog where the engine has them\n(default: chatlake.app_daily_stats, in Trino in the catalog hive, in DuckDB the last part alone)")
	return cmd
}
