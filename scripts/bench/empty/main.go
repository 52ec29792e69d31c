// Empty is a function that does nothing, on the same library: what a cold start costs at least.
package main

import "github.com/tencentyun/scf-go-lib/cloudfunction"

func main() { cloudfunction.Start(func() error { return nil }) }
