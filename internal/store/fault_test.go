package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/store"
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
		for seed, err := range []error{syscall.EIO, syscall.ENOSPC} {
			for _, forever := range []bool{false, true} {
				for _, cuts := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s forever %t cuts %t with %v", name, forever, cuts, err), func(t *testing.T) {
						sweep(t, uint64(seed), fault.Fault{Op: op, Forever: forever, Err: err}, cuts)
					})
				}
			}
		}
	}
}

func sweep(t *testing.T, seed uint64, f fault.Fault, cuts bool) {
	points := 0
	for f.At = 1; ; f.At += 1 + f.At/8 {
		hit, err := faultOnce(seed, f, cuts)
		if err != nil {
			t.Fatalf("faultOnce(%d, %+v, %t): %v", seed, f, cuts, err)
		}
		if !hit {
			break
		}
		points++
	}
	t.Logf("%d faults", points)
}

// faultOnce starts on what a killed program has left, runs a program over a
// disk with a fault, heals the disk, goes on, and then cuts the power and starts
// again. It reports whether the fault came. Unless cuts is set, files cannot be
// shortened or removed either until the disk is healed.
func faultOnce(seed uint64, f fault.Fault, cuts bool) (hit bool, err error) {
	d := mem.NewFS()
	w := newWorld(seed, d, d.Dead)
	if err := run(w); err != nil {
		return false, err
	}
	d = d.Kill()
	bad := newBadDisk(d, f, cuts)
	w.fs, w.dead = bad, d.Dead
	if err := persist(w, bad, w.open()); err != nil {
		return false, err
	}
	for range crashSteps {
		if err := persist(w, bad, w.act()); err != nil {
			return false, err
		}
	}
	bad.heal()
	if err := goOn(w, f.At%2 == 0); err != nil {
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

// goOn works on a healthy disk. What failed must stay away from now on. With
// restart, it does so over an orderly restart before and after.
func goOn(w *world, restart bool) error {
	if restart {
		w.engine.Close()
		w.unsure = nil // the engine had the chance to say so
		if err := w.open(); err != nil {
			return err
		}
	}
	if err := w.mustPut(4); err != nil {
		return err
	}
	if err := w.settleUnknown(false); err != nil {
		return err
	}
	if restart {
		w.engine.Close()
		if err := w.open(); err != nil {
			return err
		}
	}
	return w.check()
}

// A badDisk has a fault, and perhaps more.
type badDisk struct {
	*fault.FS
	truncate, remove *fault.FS
}

func newBadDisk(d store.FS, f fault.Fault, cuts bool) *badDisk {
	truncate := fault.Fault{Op: fault.Truncate, At: 1, Forever: true, Err: f.Err}
	remove := fault.Fault{Op: fault.Remove, At: 1, Forever: true, Err: f.Err}
	if cuts {
		truncate, remove = fault.Fault{}, fault.Fault{}
	}
	b := &badDisk{truncate: fault.New(d, truncate)}
	b.remove = fault.New(b.truncate, remove)
	b.FS = fault.New(b.remove, f)
	return b
}

func (b *badDisk) heal() {
	b.Heal()
	b.truncate.Heal()
	b.remove.Heal()
}

func (b *badDisk) anyHits() bool { return b.Hits()+b.truncate.Hits()+b.remove.Hits() > 0 }

// persist goes on after the failure of what was done. An engine that could not
// be opened is opened once the disk is healed.
func persist(w *world, bad *badDisk, err error) error {
	if err != nil && !bad.anyHits() {
		return err
	}
	if w.engine != nil {
		return nil
	}
	bad.heal()
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
