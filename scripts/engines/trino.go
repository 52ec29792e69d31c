package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// trinoNeeds is what the version in trino/pom.xml runs on (https://trino.io/docs/current/installation/deployment.html).
const trinoNeeds = "Maven, and a Java 25 named by -java25"

// haveTrino reports whether there is a Java that is new enough, and Maven.
func (b bench) haveTrino(ctx context.Context) error {
	if b.java25 == "" {
		return errors.New("it needs " + trinoNeeds)
	}
	out, err := exec.CommandContext(ctx, b.java(), "--version").Output()
	if err != nil {
		return fmt.Errorf("%s --version: %w: it needs %s", b.java(), err, trinoNeeds)
	}
	version := strings.Fields(string(out))
	if len(version) < 2 || version[1] < "25" {
		return fmt.Errorf("%s is Java %s: it needs %s", b.java(), version[1:min(2, len(version))], trinoNeeds)
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return fmt.Errorf("%w: it needs %s", err, trinoNeeds)
	}
	return nil
}

func (b bench) java() string { return filepath.Join(b.java25, "bin", "java") }

// trino fetches Trino's packages, where they are not there yet, and returns the command that asks it.
func (b bench) trino(ctx context.Context) (*exec.Cmd, error) {
	list := filepath.Join(b.scratch, "trino-classpath")
	mvn := exec.CommandContext(ctx, "mvn", "-B", "-q", "-f", filepath.Join(b.scripts, "trino", "pom.xml"),
		"org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath", "-Dmdep.outputFile="+list)
	if out, err := mvn.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mvn could not fetch Trino: %w\n%s", err, out)
	}
	classpath, err := os.ReadFile(list)
	if err != nil {
		return nil, err
	}
	metastore := filepath.Join(b.scratch, "trino-metastore")
	if err := os.MkdirAll(metastore, 0o755); err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, b.java(), "-Xmx2g", "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
		"-cp", string(bytes.TrimSpace(classpath)), filepath.Join(b.scripts, "trino", "Ask.java"), metastore), nil
}

// trinoVersion is that of trino/pom.xml: the server that tests start calls itself "testversion".
func (b bench) trinoVersion() (string, error) {
	pom, err := os.ReadFile(filepath.Join(b.scripts, "trino", "pom.xml"))
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(string(pom), "<trino.version>")
	version, _, ok := strings.Cut(rest, "<")
	if !ok {
		return "", errors.New("trino/pom.xml has no trino.version")
	}
	return version, nil
}
