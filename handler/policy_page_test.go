package handler_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The lake and the list of apps of README's example, to which its policy belongs.
const (
	exampleLake     = "im/"
	exampleApps     = "chatlake/apps.json"
	exampleResource = "qcs::cos:ap-singapore:uid/1250000000:lake-1250000000/"
)

// document is a policy as its parts.
type document struct {
	Version   string          `json:"version"`
	Statement []policyElement `json:"statement"`
}

type policyElement struct {
	Effect    string                         `json:"effect"`
	Action    []string                       `json:"action"`
	Resource  []string                       `json:"resource"`
	Condition map[string]map[string][]string `json:"condition,omitempty"`
}

func (d document) text() string {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // texts only
	}
	return string(text)
}

func (d document) clone() document {
	var c document
	if err := json.Unmarshal([]byte(d.text()), &c); err != nil {
		panic(err)
	}
	return c
}

// policiesOf returns the policies in a page's JSON blocks, after the heading or text that begins where they are.
func policiesOf(t *testing.T, page, after string) (found []document) {
	t.Helper()
	_, text, ok := strings.Cut(readPage(t, page), after)
	if !ok {
		t.Fatalf("%s has lost %q", page, after)
	}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(text, -1) {
		if !strings.Contains(block[1], `"statement"`) {
			continue
		}
		var d document
		decoder := json.NewDecoder(strings.NewReader(block[1]))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&d); err != nil {
			t.Fatalf("%s: %v in %s", page, err, block[1])
		}
		found = append(found, d)
	}
	return found
}

func readPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile("../" + page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rolePolicy is the policy that README gives the execution role.
func rolePolicy(t *testing.T) document {
	t.Helper()
	found := policiesOf(t, "README.md", "**Make an execution role**")
	if len(found) != 1 {
		t.Fatalf("README.md has %d policies, want the role's", len(found))
	}
	return found[0]
}

// parts returns the policy without each of its parts in turn.
func (d document) parts() map[string]document {
	without := make(map[string]document)
	for i, s := range d.Statement {
		for j, action := range s.Action {
			c := d.clone()
			c.Statement[i].Action = slices.Delete(c.Statement[i].Action, j, j+1)
			if len(s.Action) == 1 {
				c.Statement = slices.Delete(c.Statement, i, i+1)
			}
			without[fmt.Sprintf("%s on %s", action, s.Resource[0])] = c
		}
		for j, resource := range s.Resource {
			c := d.clone()
			c.Statement[i].Resource = slices.Delete(c.Statement[i].Resource, j, j+1)
			if len(s.Resource) == 1 {
				c.Statement = slices.Delete(c.Statement, i, i+1)
			}
			without[fmt.Sprintf("%s of statement %d", resource, i)] = c
		}
	}
	return without
}

func TestPolicyIsOfTheExample(t *testing.T) {
	readme, deployment := readPage(t, "README.md"), readPage(t, "serverless.yml")
	lake := "CHATLAKE_LAKE=https://" + bucketHost + "/" + strings.TrimSuffix(exampleLake, "/") + " "
	if !strings.Contains(readme, lake) || !strings.Contains(readme, "`"+exampleApps+"`") || !strings.Contains(deployment, "CHATLAKE_APPS: cos:"+exampleApps+" ") {
		t.Error("README.md or serverless.yml has another lake or list of apps than this test")
	}
}

// cloudActions are the actions that README's step for the role names beside its policy.
func cloudActions(t *testing.T) []string {
	t.Helper()
	_, step, _ := strings.Cut(readPage(t, "README.md"), "**Make an execution role**")
	step, _, _ = strings.Cut(step, "\n3. ")
	var actions []string
	for _, m := range regexp.MustCompile("`((?:ssm|dlc):[A-Z][A-Za-z]+)`").FindAllStringSubmatch(step, -1) {
		actions = append(actions, m[1])
	}
	return actions
}

// TestSecurityPageHasTheActions holds the policies of docs/security.md to what README names and what the role may.
func TestSecurityPageHasTheActions(t *testing.T) {
	page := "docs/security.md"
	found := policiesOf(t, page, "# Security")
	if len(found) != 2 {
		t.Fatalf("%s has %d policies, want the cloud's and the readers'", page, len(found))
	}
	var actions []string
	for _, s := range found[0].Statement {
		actions = append(actions, s.Action...)
	}
	if want := cloudActions(t); !slices.Equal(actions, want) {
		t.Errorf("%s allows %q, README.md names %q", page, actions, want)
	}
	text := readPage(t, page)
	for _, s := range rolePolicy(t).Statement {
		for _, action := range s.Action {
			if !strings.Contains(text, "| `"+strings.TrimPrefix(action, "name/cos:")+"` |") {
				t.Errorf("%s gives no reason for %s", page, action)
			}
		}
	}
}
