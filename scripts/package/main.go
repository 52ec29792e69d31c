// Command package builds the function for SCF: a zip for the console, and beside it the folder that serverless.yml uploads.
//
//	go run ./scripts/package [-C dir] [-o dist/chatlake.zip]
//
// It writes the zip to -o and the binary to function/main in the same folder, both with the licences of what the binary holds,
// and prints each one's path, size and SHA-256 to stdout. The same tree and the same Go release give the same bytes, whatever the machine and the path of the
// checkout, so that a deployed function can be traced to its source.
//
// On any failure it exits 1, says why on stderr, and what stands at -o is not to be deployed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	dir := flag.String("C", ".", "the folder of the function's main package")
	out := flag.String("o", "dist/chatlake.zip", "the zip to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	built, err := build(ctx, *dir, *out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
	for _, f := range built {
		fmt.Printf("%s  %d bytes  sha256 %s\n", f.path, f.size, f.sha256)
	}
}
