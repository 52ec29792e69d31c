package cli_test

import (
	"strings"
	"testing"

	"chatlake/handler"
)

func TestRunHelpListsTheVariables(t *testing.T) {
	code, out, _ := run(t, nil, "run", "--help")
	for _, v := range handler.Variables() {
		if code != 0 || v.Meaning == "" || !strings.Contains(out, "  "+v.Name+" ") || !strings.Contains(out, v.Meaning) {
			t.Errorf("exit code %d, no %s: %q in\n%s", code, v.Name, v.Meaning, out)
		}
	}
}
