// Chatlake keeps the operations data of Tencent Chat apps, which the API forgets after 30 days, in a data lake: as a
// Tencent Cloud SCF function that a timer starts each day, and as a command line for work by hand.
package main

import (
	"bytes"
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/tencentyun/scf-go-lib/cloudfunction"

	"chatlake/handler"
	"chatlake/internal/cli"
)

func main() {
	log.SetOutput(withoutEchoes{os.Stderr})
	if os.Getenv("_LAMBDA_SERVER_PORT") != "" {
		cloudfunction.StartHandler(handler.NewFunction(os.Environ(), os.Stdout, nil))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal lets a run end well, the second ends it at once
	os.Exit(cli.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// withoutEchoes drops what net/http logs of bytes that a server sends unasked: they may echo a UserSig.
type withoutEchoes struct{ io.Writer }

func (w withoutEchoes) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("Unsolicited response")) {
		return len(line), nil
	}
	return w.Writer.Write(line)
}
