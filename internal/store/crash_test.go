package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/internal/store/mem"
)

// crashSteps is how many things happen before the power would fail on its own.
const crashSteps = 14

// TestCrashAtEveryMutation cuts the power in each mutating call of random
// programs, and again while the next start recovers, and checks I1, I2 and I5.
func TestCrashAtEveryMutation(t *testing.T) {
	seeds := uint64(16)
	if testing.Short() {
		seeds = 3
	}
	points := 0
	for seed := range seeds {
		last := mutations(t, seed)
		for k := 1; k <= last+1; k++ {
			points++
			if err := crashOnce(seed, k); err != nil {
				t.Fatalf("crashOnce(%d, %d): %v", seed, k, err)
			}
		}
	}
	t.Logf("%d crash points", points)
}

func mutations(t *testing.T, seed uint64) int {
	t.Helper()
	d := mem.NewFS()
	w := newWorld(seed, d, d.Dead)
	if err := run(w); err != nil {
		t.Fatal(err)
	}
	if err := w.check(); err != nil {
		t.Fatalf("seed %d without a crash: %v", seed, err)
	}
	if w.count(kept) == 0 {
		t.Fatalf("seed %d: %v", seed, errNothingKept)
	}
	return d.Mutations()
}

func run(w *world) error {
	if err := w.open(); err != nil {
		return err
	}
	for range crashSteps {
		if err := w.act(); err != nil {
			return err
		}
	}
	return nil
}

// crashOnce runs a program, cuts the power or kills it at the k-th mutation,
// starts again, cuts the power in the middle of that too, and checks after the
// start after it.
func crashOnce(seed uint64, k int) error {
	choose := rand.New(rand.NewPCG(seed, uint64(k))).IntN
	d := mem.NewFS()
	d.CrashAt(k)
	w := newWorld(seed, d, d.Dead)
	_ = run(w) // whatever it says, the machine has died
	if choose(3) == 0 {
		d = d.Kill()
	} else {
		d = d.Crash(choose)
	}
	d.CrashAt(1 + choose(8))
	w.fs, w.dead = d, d.Dead
	if err := startAgain(w); err != nil && !d.Dead() {
		return fmt.Errorf("after the first crash: %w", err)
	}
	d = d.Crash(choose)
	w.fs, w.dead = d, d.Dead
	if err := startAgain(w); err != nil {
		return fmt.Errorf("after the second crash: %w", err)
	}
	return w.check()
}

// startAgain opens, checks, and puts some more.
func startAgain(w *world) error {
	if err := w.open(); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if err := w.check(); err != nil {
		return err
	}
	if err := w.settleUnknown(true); err != nil {
		return err
	}
	w.put(4)
	return nil
}
