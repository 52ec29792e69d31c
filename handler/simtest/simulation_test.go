package simtest_test

import (
	"flag"
	"fmt"
	"testing"
	"testing/synctest"
)

var (
	fromSeed = flag.Uint64("sim.from", 1, "the first seed")
	seeds    = flag.Uint64("sim.seeds", 150, "how many seeds")
)

// TestSimulation runs seeds side by side.
func TestSimulation(t *testing.T) {
	for seed := *fromSeed; seed < *fromSeed+*seeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
		})
	}
}

func simulate(t *testing.T, seed uint64) {
	w := newWorld(t, seed)
	defer w.end()
	for range 4 + w.rng.IntN(7) {
		w.next()
		w.mustStand()
	}
	w.conclude()
}
