package store_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/store/fault"
)

// sweptOps are the kinds of call that fail, by the names that replays use.
func sweptOps() map[string]fault.Op {
	return map[string]fault.Op{
		"create": fault.Create, "remove": fault.Remove, "rename": fault.Rename, "syncdir": fault.SyncDir,
		"write": fault.Write, "writeat": fault.WriteAt, "punch": fault.Punch, "sync": fault.Sync,
		"truncate": fault.Truncate, "open": fault.Open, "readdir": fault.ReadDir, "read": fault.Read,
		"size": fault.Size, "space": fault.Space,
		unreadableOp: fault.Read, // of one file from a start on
		"apply":      fault.Apply, "reset": fault.Reset, "state": fault.State, "find": fault.Find,
	}
}

// unreadableOp is when the k-th pack cannot be read any more after the scenario.
const unreadableOp = "unreadable"

// waysOf is how calls of a kind fail, or what is left when one pack cannot be read.
func waysOf(op string) []string {
	if op == unreadableOp {
		return []string{"kill", "bare", "crash"}
	}
	return []string{"once", "forever"}
}

// sweptErrors are what they fail with.
func sweptErrors() map[string]syscall.Errno {
	return map[string]syscall.Errno{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC}
}

// TestSweep fails each call of each kind of every scenario, once and until the
// disk is healed, and checks that nothing is confirmed that is not kept, that
// nothing is found that was refused, that nothing that was confirmed is lost,
// and that work goes on by itself afterwards (I8).
func TestSweep(t *testing.T) {
	if r, mine, asked := replayed("sweep"); asked {
		if !mine {
			t.Skip("another test is replayed")
		}
		if err := replaySweep(t, r); err != nil {
			t.Fatalf("%v: %v", r, err)
		}
		return
	}
	seeds := max(1, torture(t)/tortureShare)
	var points atomic.Int64
	t.Run("all", func(t *testing.T) {
		for _, s := range scenarios() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				for seed := range uint64(seeds) {
					w := sweep{scenario: s, seed: seed, torture: torture(t) > 0}
					if err := w.all(); err != nil {
						t.Fatalf("%v\nreplay: %s", err, w.at.command("TestSweep"))
					}
					points.Add(int64(w.points))
				}
			})
		}
	})
	t.Logf("%d faults", points.Load())
}

// A sweep is all failures in one scenario.
type sweep struct {
	scenario scenario
	seed     uint64
	torture  bool   // whether time does not matter
	at       replay // the one under way
	points   int
}

func (s *sweep) all() error {
	for _, op := range slices.Sorted(maps.Keys(sweptOps())) {
		for _, errno := range slices.Sorted(maps.Keys(sweptErrors())) {
			if errno == "ENOSPC" && op == unreadableOp || errno == "ENOSPC" && sweptOps()[op] >= fault.Open && !s.torture {
				continue // no system has ever said that of a call that writes nothing
			}
			if errno == "ENOSPC" && raced {
				continue // as leftOut says
			}
			for _, times := range waysOf(op) {
				if err := s.each(op, errno, times); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// each fails one call after the other, until there is no such call.
func (s *sweep) each(op, errno, times string) error {
	for k := 1; ; k++ {
		if leftOut(k) {
			continue
		}
		s.at = replay{kind: "sweep"}.with("scenario", s.scenario.name).with("seed", s.seed).
			with("op", op).with("k", k).with("times", times).with("err", errno)
		hit := false
		err := guarded(s.at, func() (err error) {
			hit, err = s.point(s.at)
			return err
		})
		if err != nil || !hit {
			return err
		}
		s.points++
	}
}

// point runs the scenario with one fault, heals the disk, goes on, cuts the
// power and starts again. It reports whether the fault came. With every second
// call that fails, files cannot be cut or removed either until the disk is
// healed.
func (s *sweep) point(r replay) (hit bool, err error) {
	k, errno := r.number("k"), sweptErrors()[r.text("err")]
	w := s.scenario.begin(s.seed, newMachine())
	if r.text("op") == unreadableOp {
		return s.unreadable(w, k, r.text("times"))
	}
	w.disturb = []error{errno}
	w.faults.Break(fault.Fault{Op: sweptOps()[r.text("op")], At: k, Forever: r.text("times") == "forever", Err: errno})
	if k%2 == 0 {
		w.faults.Break(
			fault.Fault{Op: fault.Truncate, At: 1, Forever: true, Err: errno},
			fault.Fault{Op: fault.Remove, At: 1, Forever: true, Err: errno})
	}
	if err := w.do(func() error { return s.scenario.run(w) }); err != nil {
		return false, err
	}
	hit = w.faults.Calls(sweptOps()[r.text("op")]) >= k
	if err := w.recoverFrom(k % 3); err != nil {
		return false, err
	}
	choose := rand.New(rand.NewPCG(s.seed, uint64(k)))
	w.move(w.machine.crash(choose.IntN))
	if err := w.again(); err != nil {
		return false, fmt.Errorf("after the crash: %w", err)
	}
	return hit, nil
}

// unreadable runs the scenario, ends the program, and starts it with a pack that
// cannot be read: work goes on all the same, over more starts and crashes, and
// when the pack can be read again everything is back.
func (s *sweep) unreadable(w *world, k int, left string) (hit bool, err error) {
	if err := w.do(func() error { return s.scenario.run(w) }, w.check); err != nil {
		return false, err
	}
	choose := rand.New(rand.NewPCG(s.seed, uint64(k)))
	m := w.machine.kill()
	switch left {
	case "bare":
		m = w.machine.bare()
	case "crash":
		m = w.machine.crash(choose.IntN)
	}
	w.move(m)
	w.machine.fs.SetCapacity(0)
	names, err := w.machine.fs.ReadDir()
	if err != nil || k > len(names) {
		return false, err
	}
	w.faults.Heal()
	mend := w.unread(names[k-1])
	hours := func() error {
		w.elapsed += 2 * time.Hour
		return nil
	}
	use := func() error {
		if err := w.do(w.putOne, w.check, w.maintain, w.check, w.feed); err != nil {
			return err
		}
		return nil
	}
	start := func() error {
		if err := w.open(); err != nil && (len(names) > 1 || !w.meant(err)) {
			return err
		}
		return nil
	}
	err = w.do(start, w.check, use, hours, use, w.close, start, use, func() error {
		w.move(w.machine.crash(choose.IntN))
		return start()
	}, use, w.drops0, use)
	if err != nil {
		return false, fmt.Errorf("one pack cannot be read: %w", err)
	}
	mend()
	w.disturb = nil
	if err := w.do(w.takeIn, w.check, func() error { return w.learn(true) }, use, w.checkAccounts); err != nil {
		return false, fmt.Errorf("mended: %w", err)
	}
	w.move(w.machine.crash(choose.IntN))
	if err := w.again(); err != nil {
		return false, fmt.Errorf("after the crash: %w", err)
	}
	if err := w.checkBare(); err != nil {
		return false, err
	}
	return true, nil
}

// drops0 deletes the first stream, if it is there.
func (w *world) drops0() error {
	if w.streams[0].deleted {
		return nil
	}
	return w.drop(0)
}

// recoverFrom heals the disk and goes on: at once, or over a restart before or
// after the disk is healed.
func (w *world) recoverFrom(how int) error {
	if how == 1 {
		_ = w.close()
		w.engine = nil
	}
	w.faults.Heal()
	w.machine.fs.SetCapacity(0)
	w.disturb = nil
	if how == 2 {
		_ = w.close()
		w.unsure, w.engine = nil, nil // the engine had the chance to say so
	}
	if w.engine == nil {
		if err := w.open(); err != nil {
			return fmt.Errorf("healed: %w", err)
		}
	}
	err := w.do(
		w.putOne,
		w.takeIn,
		w.check,
		func() error { return w.learn(false) },
		w.maintain, w.checkAccounts,
	)
	if err != nil {
		return fmt.Errorf("healed: %w", err)
	}
	return nil
}

// takeIn has what is set aside read again, which the disk allows now.
func (w *world) takeIn() error {
	if len(w.engine.SetAside()) == 0 {
		return nil
	}
	for range 2 {
		w.elapsed += 2 * time.Hour
		if err := w.maintain(); err != nil {
			return err
		}
	}
	if left := w.engine.SetAside(); len(left) > 0 {
		return fmt.Errorf("packs %x are set aside, although they can be read", left)
	}
	return nil
}

// putOne puts some fragments, at least one if there is a stream: only then can
// the engine have said what has failed.
func (w *world) putOne() error {
	for all := len(w.fragments); len(w.fragments) == all && len(w.policies()) > 0; {
		if err := w.mustPut(batch{n: 4, size: 1000}); err != nil {
			return err
		}
	}
	return nil
}

// replaySweep does what one line says.
func replaySweep(t *testing.T, r replay) error {
	t.Helper()
	for _, sc := range scenarios() {
		if sc.name == r.text("scenario") {
			s := sweep{scenario: sc, seed: uint64(r.number("seed"))}
			_, err := s.point(r)
			return err
		}
	}
	t.Fatalf("no scenario is called %q", r.text("scenario"))
	return nil
}
