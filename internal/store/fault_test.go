package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
)

// TestFaultAtEveryCall fails each call of random programs, once and until the
// disk is healed, and checks that nothing is confirmed that is not kept, that
// nothing is kept that was refused, and that work goes on afterwards (I8).
func TestFaultAtEveryCall(t *testing.T) {
	ops := map[string]fault.Op{
		"create": fault.Create, "remove": fault.Remove, "sync of the directory": fault.SyncDir,
		"write": fault.Write, "sync": fault.Sync, "truncate": fault.Truncate,
		"open": fault.Open, "read": fault.Read, "list": fault.ReadDir, "size": fault.Size,
		"any": fault.Any,
	}
	for name, op := range ops {
		for _, forever := range []bool{false, true} {
			for _, err := range []error{syscall.EIO, syscall.ENOSPC} {
				t.Run(fmt.Sprintf("%s forever %t with %v", name, forever, err), func(t *testing.T) {
					sweep(t, fault.Fault{Op: op, Forever: forever, Err: err})
				})
			}
		}
	}
}

func sweep(t *testing.T, f fault.Fault) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	points := 0
	for seed := range seeds {
		for f.At = 1; ; f.At += 1 + f.At/16 {
			hit, err := faultOnce(seed, f)
			if err != nil {
				t.Fatalf("faultOnce(%d, %+v): %v", seed, f, err)
			}
			if !hit {
				break
			}
			points++
		}
	}
	t.Logf("%d faults", points)
}

// faultOnce starts on what a killed program has left, runs a program over a
// disk with a fault, heals the disk, goes on, and then cuts the power and starts
// again. It reports whether the fault came.
func faultOnce(seed uint64, f fault.Fault) (hit bool, err error) {
	d := mem.NewFS()
	w := newWorld(seed, d, d.Dead)
	if err := run(w); err != nil {
		return false, err
	}
	d = d.Kill()
	bad := fault.New(d, f)
	w.fs, w.dead = bad, d.Dead
	if err := persist(w, bad, w.open()); err != nil {
		return false, err
	}
	for range crashSteps {
		if err := persist(w, bad, w.act()); err != nil {
			return false, err
		}
	}
	bad.Heal()
	if err := w.mustPut(4); err != nil {
		return false, err
	}
	if err := w.check(); err != nil {
		return false, fmt.Errorf("healed: %w", err)
	}
	d = d.Crash(rand.New(rand.NewPCG(seed, uint64(f.At))).IntN)
	w.fs, w.dead = d, d.Dead
	if err := w.open(); err != nil {
		return false, fmt.Errorf("open after the crash: %w", err)
	}
	if err := w.check(); err != nil {
		return false, fmt.Errorf("after the crash: %w", err)
	}
	return bad.Hits() > 0, nil
}

// persist goes on after the failure of what was done. An engine that could not
// be opened is opened once the disk is healed.
func persist(w *world, bad *fault.FS, err error) error {
	if err != nil && bad.Hits() == 0 {
		return err
	}
	if w.engine != nil {
		return nil
	}
	bad.Heal()
	return w.open()
}

// mustPut puts fragments of which every one must be confirmed.
func (w *world) mustPut(n int) error {
	before := w.count(failed)
	w.put(n)
	if w.count(failed) != before {
		return errors.New("a healthy disk refused a fragment")
	}
	return nil
}
