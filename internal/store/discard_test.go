package store_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// A discarder is a directory with files that could not be removed, in which lies
// a fragment that was refused.
type discarder struct {
	t       *testing.T
	fs      *mem.FS
	gen     *storetest.Fragments
	refused *millrace.Fragment
	start   uint32
}

func newDiscarder(t *testing.T) *discarder {
	return &discarder{t: t, fs: mem.NewFS(), gen: storetest.NewFragments(1)}
}

// run starts an engine whose first two syncs, if asked, and first two removals
// fail, and ends it after work.
func (d *discarder) run(work func(e *store.Driver), ops ...fault.Op) {
	d.t.Helper()
	d.start++
	faulty := fault.New(d.fs)
	for _, op := range ops {
		faulty.Break(fault.Fault{Op: op, At: 1, Err: syscall.EIO}, fault.Fault{Op: op, At: 2, Err: syscall.EIO})
	}
	e, err := store.OpenByHand(d.t.Context(), store.Config{FS: faulty, Epoch: d.start})
	if err != nil {
		d.t.Fatal(err)
	}
	work(e)
	e.Close()
	d.fs = d.fs.Kill()
}

// refuse has a fragment refused by two packs, and another one kept in a third.
func (d *discarder) refuse(e *store.Driver) {
	d.t.Helper()
	d.refused = d.gen.Make(millrace.StreamKey{ID: 1}, 100)
	var outcome error
	if err := e.Submit(d.t.Context(), d.refused, func(err error) { outcome = err }); err != nil {
		d.t.Fatal(err)
	}
	e.Step()
	if outcome == nil {
		d.t.Fatal("the fragment was not refused")
	}
	d.keep(e)
}

// keep has a fragment kept.
func (d *discarder) keep(e *store.Driver) {
	d.t.Helper()
	submit(d.t, e, d.gen.Make(millrace.StreamKey{ID: 2}, 100))
	e.Step()
}

// forget has everything go that was kept, and the packs with it.
func (d *discarder) forget(e *store.Driver) {
	d.t.Helper()
	if err := e.Drop(d.t.Context(), millrace.StreamKey{ID: 2}); err != nil {
		d.t.Fatal(err)
	}
	for range 3 {
		if _, err := e.Maintain(d.t.Context(), storetest.ExpiryAt(d.refused.ServerTime().Add(time.Hour))); err != nil {
			d.t.Fatal(err)
		}
	}
}

// wantAway checks that what was refused is not found.
func (d *discarder) wantAway(e *store.Driver) {
	d.t.Helper()
	list, err := e.After(d.t.Context(), store.Scope{Stream: d.refused.Stream}, millrace.FragmentNumber{}, 10)
	if err != nil || len(list) > 0 {
		d.t.Errorf("what was refused is found: %v, %v (I8)", list, err)
	}
}

// TestWhatCouldNotBeRemovedStaysAway: the files of two packs that were given up
// cannot be removed. What says that nothing in them counts must not go before
// them.
func TestWhatCouldNotBeRemovedStaysAway(t *testing.T) {
	t.Run("when it was refused", func(t *testing.T) {
		d := newDiscarder(t)
		d.run(func(e *store.Driver) {
			d.refuse(e)
			d.forget(e)
		}, fault.Sync, fault.Remove)
		d.run(d.wantAway)
	})
	t.Run("at the next start", func(t *testing.T) {
		d := newDiscarder(t)
		d.run(d.refuse, fault.Sync, fault.Remove)
		d.run(func(e *store.Driver) {
			d.keep(e) // in a pack that says it too
			d.forget(e)
		}, fault.Remove)
		d.run(d.wantAway)
	})
	t.Run("and goes at last", func(t *testing.T) {
		d := newDiscarder(t)
		d.run(d.refuse, fault.Sync, fault.Remove)
		d.run(d.forget, fault.Remove)
		d.run(d.forget)
		if names, err := d.fs.ReadDir(); len(names) > 0 || err != nil {
			t.Errorf("left are %v, %v", names, err)
		}
	})
}
