package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestServerlessFile holds the deployment's file to the component's published rules, SCF's quotas and the contract's
// configuration.
func TestServerlessFile(t *testing.T) {
	for _, fault := range deploymentFaults(t, readText(t, "serverless.yml")) {
		t.Error(fault)
	}
}

// TestServerlessFileFaults shows that the check above would see each of these slips.
func TestServerlessFileFaults(t *testing.T) {
	sound := readText(t, "serverless.yml")
	tests := []struct {
		name, old, new, want string
	}{
		{"misspelt input", "memorySize:", "memorysize:", "inputs.memorysize: unknown key"},
		{"misspelt trigger key", "cronExpression:", "cron:", "cron: unknown key"},
		{"missing source", "  src: ./dist/function\n", "", "inputs.src: missing"},
		{"bad name", "  name: chatlake\n  desc", "  name: chatlake-\n  desc", "inputs.name"},
		{"other runtime", "runtime: Go1", "runtime: Go2", "inputs.runtime"},
		{"number as text", "timeout: 900", `timeout: "900"`, "inputs.timeout: is no number"},
		{"timeout too long", "timeout: 900", "timeout: 901", "inputs.timeout: 901"},
		{"memory off the steps", "memorySize: 512", "memorySize: 500", "500 MB"},
		{"timer off", "enable: true", "enable: false", "enable"},
		{"timer not said to be on", "          enable: true", "          #", "enable"},
		{"timer on by a text", "enable: true", `enable: "true"`, "enable"},
		{"cron of five fields", "0 30 11 * * * *", "30 11 * * *", "seven fields"},
		{"cron at another time", "0 30 11 * * * *", "0 30 1 * * * *", "11:30"},
		{"cron on one weekday", "0 30 11 * * * *", "0 30 11 * * MON *", "every day"},
		{"unknown variable", "CHATLAKE_LAKE: ", "CHATLAKE_LAKES: ", "CHATLAKE_LAKES: not in the contract"},
		{"reserved variable", "CHATLAKE_LAKE: ", "TENCENTCLOUD_SECRETID: ", "TENCENTCLOUD_SECRETID: reserved"},
		{"too many variables", "cos:chatlake/apps.json", "cos:" + strings.Repeat("x", 4096), "4 KB"},
		{"apps in the file", "cos:chatlake/apps.json", `'[{"sdk_app_id":1}]'`, "CHATLAKE_APPS"},
		{"webhook in the file", "CHATLAKE_APPS:", "CHATLAKE_ALERT_URL: https://example.com/hook\n      CHATLAKE_APPS:", "CHATLAKE_ALERT_URL: a secret"},
		{"key in a comment", "# A folder", "# AKID0123456789abcdefghijklmnop", "looks like a secret"},
		{"reference within a text", "${env:CHATLAKE_LAKE}", "https://${env:BUCKET}/lake", "whole value"},
		{"retries that are ignored", "asyncRunEnable: false", "retryNum: 2", "retryNum"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			slip := strings.Replace(sound, test.old, test.new, 1)
			if slip == sound {
				t.Fatalf("%q is not in the file", test.old)
			}
			faults := deploymentFaults(t, slip)
			if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, test.want) }) {
				t.Errorf("faults %q, want one with %q", faults, test.want)
			}
		})
	}
}

// deploymentFaults returns all that is wrong with the text of a serverless.yml.
func deploymentFaults(t *testing.T, text string) []string {
	t.Helper()
	var rules struct{ Document rule }
	if err := json.Unmarshal([]byte(readText(t, "testdata/scf-component-rules.json")), &rules); err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return []string{err.Error()}
	}
	faults := rules.Document.check("", doc)
	faults = append(faults, inputFaults(doc)...)
	faults = append(faults, timerFaults(doc)...)
	faults = append(faults, variableFaults(doc)...)
	if secret := regexp.MustCompile(`AKID[0-9A-Za-z]{13,}|\b[0-9A-Za-z+/]{40,}|secret_?[kK]ey\S*:\s*\S`).FindString(text); secret != "" {
		faults = append(faults, fmt.Sprintf("%.8s… looks like a secret", secret))
	}
	return faults
}

// inputFaults checks what the component's own rules leave open, mostly SCF's quotas
// (https://www.tencentcloud.com/document/product/583/11637).
func inputFaults(doc any) (faults []string) {
	for key, want := range map[string]any{"type": "event", "runtime": "Go1", "handler": "main"} {
		if got := at(doc, "inputs", key); got != want {
			faults = append(faults, fmt.Sprintf("inputs.%s: is %v, want %v", key, got, want))
		}
	}
	if mb, ok := at(doc, "inputs", "memorySize").(int); ok && mb != 64 && mb%128 != 0 {
		faults = append(faults, fmt.Sprintf("inputs.memorySize: %d MB is neither 64 nor a multiple of 128", mb))
	}
	if role, _ := at(doc, "inputs", "role").(string); role == "" {
		faults = append(faults, "inputs.role: missing: the default role can't write to COS")
	}
	if on, _ := at(doc, "inputs", "asyncRunEnable").(bool); !on {
		for _, key := range []string{"retryNum", "msgTTL", "traceEnable"} {
			if at(doc, "inputs", key) != nil {
				faults = append(faults, fmt.Sprintf("inputs.%s: ignored without asyncRunEnable", key))
			}
		}
	}
	return faults
}

// timerFaults checks that one timer is on and fires at 11:30 every day. The component takes a missing `enable` for off.
func timerFaults(doc any) (faults []string) {
	events, _ := at(doc, "inputs", "events").([]any)
	if len(events) != 1 {
		return []string{"inputs.events: want one, the timer"}
	}
	parameters := at(events[0], "timer", "parameters")
	if at(parameters, "enable") != true {
		faults = append(faults, "timer: enable must be written as true")
	}
	cron, _ := at(parameters, "cronExpression").(string)
	fields := strings.Fields(cron)
	switch {
	case len(fields) != 7:
		faults = append(faults, fmt.Sprintf("timer: %q has not seven fields", cron))
	case !slices.Equal(fields[:3], []string{"0", "30", "11"}):
		faults = append(faults, fmt.Sprintf("timer: %q is not at 11:30:00", cron))
	case slices.ContainsFunc(fields[3:], func(f string) bool { return f != "*" && f != "?" }):
		faults = append(faults, fmt.Sprintf("timer: %q is not every day", cron))
	}
	return faults
}

// variableFaults checks the function's environment against the contract and against SCF's limits.
func variableFaults(doc any) (faults []string) {
	known := []string{
		"CHATLAKE_LAKE", "CHATLAKE_APPS", "CHATLAKE_QPS", "CHATLAKE_CONCURRENCY", "CHATLAKE_RAW", "CHATLAKE_FAIL_ON",
		"CHATLAKE_CATALOG", "CHATLAKE_ALERT_URL", "CHATLAKE_API_ENDPOINT", "CHATLAKE_LOG_LEVEL",
	}
	variables, _ := at(doc, "inputs", "environment", "variables").(map[string]any)
	size := 0
	for name, v := range variables {
		value := fmt.Sprint(v)
		size += len(name) + len(value)
		for _, prefix := range []string{"SCF_", "QCLOUD_", "TENCENTCLOUD_"} {
			if strings.HasPrefix(name, prefix) {
				faults = append(faults, name+": reserved by SCF")
			}
		}
		if strings.HasPrefix(name, "CHATLAKE_") && !slices.Contains(known, name) {
			faults = append(faults, name+": not in the contract")
		}
		if strings.Contains(value, "${") && !wholeReference.MatchString(value) {
			faults = append(faults, name+": a reference must be the whole value, or an unset one becomes \"undefined\"")
		}
	}
	if size >= 4096 {
		faults = append(faults, fmt.Sprintf("variables: %d bytes, and SCF takes less than 4 KB", size))
	}
	if lake, _ := variables["CHATLAKE_LAKE"].(string); lake == "" {
		faults = append(faults, "CHATLAKE_LAKE: missing")
	}
	if apps, _ := variables["CHATLAKE_APPS"].(string); !strings.HasPrefix(apps, "cos:") && !strings.HasPrefix(apps, "ssm:") {
		faults = append(faults, "CHATLAKE_APPS: holds secrets unless it is cos: or ssm:")
	}
	if hook, ok := variables["CHATLAKE_ALERT_URL"]; ok && !wholeReference.MatchString(fmt.Sprint(hook)) {
		faults = append(faults, "CHATLAKE_ALERT_URL: a secret, so only by ${env:…}")
	}
	return faults
}

var wholeReference = regexp.MustCompile(`^\$\{env:\w+\}$`)

// at follows keys down through YAML mappings; nil where one is missing.
func at(v any, keys ...string) any {
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
