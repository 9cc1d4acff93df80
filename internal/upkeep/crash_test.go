package upkeep_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/upkeep"
)

// outcomes is how many outcomes of each crash are looked at.
func outcomes(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("MILLRACE_TORTURE"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return max(2, n)
	}
	return 6
}

// A stage is a store and a directory with its backup, and then more in the
// store.
type stage struct {
	*site
	to  *mem.FS
	old []*millrace.Fragment // in the backup that is there
}

func newStage(t *testing.T) *stage {
	t.Helper()
	g := &stage{site: newSite(), to: mem.NewFS()}
	g.put(t, 4)
	g.leave(t, 1)
	g.backup(t, g.to)
	g.old = g.kept
	g.put(t, 4)
	g.leave(t, 1)
	g.control = "control 2"
	return g
}

// check looks at what is left of a backup that was cut short: the old one or
// the new one, whole; and then the next run must go through.
func (g *stage) check(to store.FS) error {
	m, err := upkeep.ReadManifest(to)
	if err != nil {
		return err
	}
	if m.Run == 1 {
		err = checkHeld(to, g.old, "control 1")
	} else {
		err = checkHeld(to, g.kept, "control 2")
	}
	if err != nil {
		return fmt.Errorf("run %d: %w", m.Run, err)
	}
	if _, err := upkeep.Backup(context.Background(), g.config(to)); err != nil {
		return fmt.Errorf("the next run: %w", err)
	}
	if err := checkHeld(to, g.kept, "control 2"); err != nil {
		return fmt.Errorf("after the next run: %w", err)
	}
	return nil
}

// copyOf is a directory with the same files, all durable.
func copyOf(t *testing.T, from *mem.FS) *mem.FS {
	t.Helper()
	to := mem.NewFS()
	for _, name := range list(t, from) {
		move(t, from, to, name, 0)
		f, err := to.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.SyncDir(); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestACrashedBackupLeavesACompleteOne cuts the power in each call of a backup
// that changes its directory.
func TestACrashedBackupLeavesACompleteOne(t *testing.T) {
	g := newStage(t)
	points := 0
	for k := 1; ; k++ {
		to := copyOf(t, g.to)
		to.CrashAt(k)
		_, err := upkeep.Backup(context.Background(), g.config(to).NotingEach())
		if !to.Dead() {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		for i, left := range mem.Outcomes(outcomes(t), uint64(k), to.Crash) {
			points++
			if err := g.check(left); err != nil {
				t.Fatalf("crash in mutation %d, outcome %d: %v", k, i, err)
			}
		}
	}
	t.Logf("%d outcomes", points)
}

// TestACrashedRestoreIsNotTakenForAWholeOne cuts the power in each call of a
// restore that changes the data directory.
func TestACrashedRestoreIsNotTakenForAWholeOne(t *testing.T) {
	g := newStage(t)
	points := 0
	for k := 1; ; k++ {
		power := mem.NewPower()
		top, packs := mem.NewFSOn(power), mem.NewFSOn(power)
		power.FailAt(k)
		_, err := upkeep.Restore(context.Background(), upkeep.RestoreConfig{From: g.to, Top: top, Packs: packs, Now: now()})
		if !power.Off() {
			if err != nil {
				t.Fatal(err)
			}
			if err := upkeep.CheckRestored(top.Crash(func(int) int { return 0 })); err != nil {
				t.Errorf("a crash after the end: %v", err)
			}
			break
		}
		crash := func(choose mem.Chooser) [2]*mem.FS {
			return [2]*mem.FS{top.Crash(choose), packs.Crash(choose)}
		}
		for i, left := range mem.Outcomes(outcomes(t), uint64(k), crash) {
			points++
			if err := g.checkRestored(left[0], left[1]); err != nil {
				t.Fatalf("crash in mutation %d, outcome %d: %v", k, i, err)
			}
		}
	}
	t.Logf("%d outcomes", points)
}

// checkRestored looks at a directory in which a restore was cut short: it is
// empty, refused or whole, and the next restore goes through if it is not.
func (g *stage) checkRestored(top, packs *mem.FS) error {
	err := upkeep.CheckRestored(top)
	if err != nil && !errors.Is(err, upkeep.ErrUnfinished) {
		return err
	}
	names, _ := top.ReadDir()
	inPacks, _ := packs.ReadDir()
	if err == nil && len(names)+len(inPacks) > 0 {
		if got := contents(top, upkeep.ControlFile); got != "control 1" {
			return fmt.Errorf("let servers in with control state %q", got)
		}
		return served(packs, g.old)
	}
	if _, err := upkeep.Restore(context.Background(), upkeep.RestoreConfig{From: g.to, Top: top, Packs: packs, Now: now()}); err != nil {
		return fmt.Errorf("the next restore: %w", err)
	}
	if err := upkeep.CheckRestored(top); err != nil {
		return err
	}
	return served(packs, g.old)
}

// TestABackupThatCannotWriteSaysSo fails each call of a kind, once and for ever.
func TestABackupThatCannotWriteSaysSo(t *testing.T) {
	g := newStage(t)
	for _, f := range []fault.Fault{{Op: fault.Any, Err: syscall.EIO}, {Op: fault.Any, Forever: true, Err: syscall.ENOSPC}} {
		for f.At = 1; ; f.At++ {
			to := copyOf(t, g.to)
			broken := fault.New(to, f)
			_, err := upkeep.Backup(context.Background(), g.config(broken))
			if broken.Hits() == 0 {
				break
			}
			m, merr := upkeep.ReadManifest(to)
			if err == nil && (merr != nil || m.Run != 2) {
				t.Fatalf("%+v: success, and %v", f, merr)
			}
			if err := g.check(to); err != nil {
				t.Fatalf("%+v: %v", f, err)
			}
		}
	}
}

// TestARestoreThatCannotWriteSaysSo does the same to both directories.
func TestARestoreThatCannotWriteSaysSo(t *testing.T) {
	g := newStage(t)
	for _, both := range []bool{false, true} {
		for k := 1; ; k++ {
			top, packs := mem.NewFS(), mem.NewFS()
			f := fault.Fault{Op: fault.Any, At: k, Forever: both, Err: syscall.ENOSPC}
			brokenTop, brokenPacks := fault.New(top, f), fault.New(packs, f)
			_, err := upkeep.Restore(context.Background(), upkeep.RestoreConfig{From: g.to, Top: brokenTop, Packs: brokenPacks, Now: now()})
			if refused := upkeep.CheckRestored(top); err == nil && refused != nil {
				t.Fatalf("call %d: success, and %v", k, refused)
			}
			if brokenTop.Hits()+brokenPacks.Hits() == 0 {
				break
			}
			if err := g.checkRestored(top, packs); err != nil {
				t.Fatalf("call %d: %v", k, err)
			}
		}
	}
}
