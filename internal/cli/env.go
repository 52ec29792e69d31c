package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/joho/godotenv"
)

// dotEnv is the file of variables for work on one's own machine.
const dotEnv = ".env"

// withDotEnv adds the variables of the file to an environment, whose own win.
func withDotEnv(environ []string, stderr io.Writer) ([]string, error) {
	text, err := os.ReadFile(dotEnv)
	if errors.Is(err, fs.ErrNotExist) {
		return environ, nil
	}
	if err != nil {
		return nil, fmt.Errorf("failed to read variables: %w", err)
	}
	variables, err := godotenv.Unmarshal(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s is no list of NAME=value lines", dotEnv) // its own words quote the line, which may hold a key
	}
	fmt.Fprintf(stderr, "chatlake: reading variables from %s\n", dotEnv)
	if info, err := os.Stat(dotEnv); err == nil && info.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(stderr, "chatlake: %s can be read by others on this machine, and may hold keys: chmod 600 %s\n", dotEnv, dotEnv)
	}
	set := make(map[string]bool)
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		set[name] = true
	}
	for name, value := range variables {
		if !set[name] {
			environ = append(environ, name+"="+value)
		}
	}
	return environ, nil
}
