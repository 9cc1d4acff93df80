package store_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// A rig is an engine that is driven by hand, and what it did.
type rig struct {
	*store.Driver
	t       *testing.T
	gen     *storetest.Fragments
	elapsed time.Duration
	commits []store.Commit
	sealed  []uint64
	settled map[millrace.StreamKey][]millrace.FragmentNumber
}

func newRig(t *testing.T, cfg store.Config) *rig {
	t.Helper()
	r := &rig{t: t, gen: storetest.NewFragments(1), settled: make(map[millrace.StreamKey][]millrace.FragmentNumber)}
	if cfg.FS == nil {
		cfg.FS = mem.NewFS()
	}
	cfg.Epoch = 1
	cfg.Elapsed = func() time.Duration { return r.elapsed }
	cfg.Events.Committed = func(c store.Commit) { r.commits = append(r.commits, c) }
	cfg.Events.Sealed = func(n uint64) { r.sealed = append(r.sealed, n) }
	d, err := store.OpenByHand(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Driver = d
	return r
}

// keep sets the retention of a stream.
func (r *rig) keep(key millrace.StreamKey, d time.Duration) {
	r.SetPolicy(key, store.Policy{Retention: d})
}

// put submits a fragment of a stream and remembers when it is settled.
func (r *rig) put(id uint64, size int) *millrace.Fragment {
	r.t.Helper()
	f := r.gen.Make(millrace.StreamKey{ID: id}, min(size, 100))
	if size > 100 {
		f.Cluster = append(f.Cluster, make([]byte, size-100))
	}
	if err := r.Submit(r.t.Context(), f, func(error) { r.settled[f.Stream] = append(r.settled[f.Stream], f.Number) }); err != nil {
		r.t.Fatal(err)
	}
	return f
}

// last is the pack to which the last batch went.
func (r *rig) last() uint64 {
	r.t.Helper()
	if len(r.commits) == 0 {
		r.t.Fatal("nothing was committed")
	}
	return r.commits[len(r.commits)-1].Pack
}

func TestEachClassHasPacksOfItsOwn(t *testing.T) {
	r := newRig(t, store.Config{})
	defer r.Close()
	for i, d := range []time.Duration{day, 7 * day, 30 * day, 365 * day, time.Hour, 2 * day} {
		r.keep(millrace.StreamKey{ID: uint64(i)}, d)
		r.put(uint64(i), 100)
	}
	r.Step()
	got := map[store.Class]int{}
	packs := map[uint64]bool{}
	for _, c := range r.commits {
		got[c.Class] += c.Fragments
		packs[c.Pack] = true
	}
	want := []int{2, 2, 1, 1}
	for c, n := range want {
		if got[store.Class(c)] != n {
			t.Errorf("%d fragments in packs of class %d, want %d", got[store.Class(c)], c, n)
		}
	}
	if len(packs) != len(want) || r.Lanes() != len(want) {
		t.Errorf("%d packs in %d lanes", len(packs), r.Lanes())
	}
}

const day = 24 * time.Hour

func TestPacksRollByTheAgeOfTheirClass(t *testing.T) {
	r := newRig(t, store.Config{})
	defer r.Close()
	ages := map[uint64]time.Duration{1: day, 2: 8 * day, 3: 32 * day, 4: 64 * day}
	packs := map[uint64]uint64{}
	for id, d := range ages {
		r.keep(millrace.StreamKey{ID: id}, d)
		r.put(id, 100)
		r.Step()
		packs[id] = r.last()
	}
	for _, id := range []uint64{1, 2, 3, 4} {
		r.elapsed = ages[id]/8 - time.Minute
		r.Step()
		if slices.Contains(r.sealed, packs[id]) {
			t.Errorf("pack of a retention of %v was sealed before %v", ages[id], r.elapsed)
		}
		r.elapsed += time.Minute
		r.Step()
		if !slices.Contains(r.sealed, packs[id]) {
			t.Errorf("pack of a retention of %v was not sealed at %v", ages[id], r.elapsed)
		}
	}
}

func TestABusyLaneGetsCompanyUpToTheBound(t *testing.T) {
	r := newRig(t, store.Config{Lanes: 3})
	defer r.Close()
	r.put(1, 100)
	r.put(2, 100)
	if n := r.Lanes(); n != 1 {
		t.Errorf("%d lanes for what one does", n)
	}
	for id := uint64(3); id < 13; id++ {
		r.put(id, store.BusyLane)
	}
	if n := r.Lanes(); n != 3 {
		t.Errorf("%d lanes, want as many as the bound says", n)
	}
	r.Step()
	packs := map[uint64]int{}
	for _, c := range r.commits {
		packs[c.Pack] += c.Fragments
	}
	if len(packs) != 3 {
		t.Fatalf("batches %+v", r.commits)
	}
	for pack, n := range packs {
		if n < 3 {
			t.Errorf("%d of 12 fragments in pack %x", n, pack)
		}
	}
}

func TestAStreamStaysWithItsLane(t *testing.T) {
	r := newRig(t, store.Config{Lanes: 2})
	defer r.Close()
	r.put(1, store.BusyLane)
	r.put(2, 100) // to a lane of its own
	r.Step()
	first, second := r.commits[0].Pack, r.commits[1].Pack
	if first == second {
		t.Fatalf("one pack for both: %+v", r.commits)
	}
	for range 3 {
		r.put(2, 100)
		r.Step()
		if r.last() != second {
			t.Error("the stream has left its lane, though it was not busy")
		}
	}
	r.elapsed = store.ClassLong.Roll()
	r.Step() // seals both
	r.put(1, 100)
	r.put(2, 100)
	r.Step()
	if c := r.commits[len(r.commits)-1]; c.Fragments != 2 {
		t.Errorf("%d fragments share a pack when all is quiet again", c.Fragments)
	}
}

func TestAStreamMovesOnlyWithNothingInFlight(t *testing.T) {
	r := newRig(t, store.Config{})
	defer r.Close()
	key := millrace.StreamKey{ID: 1}
	r.keep(key, day)
	first := r.put(1, 100)
	r.keep(key, 30*day)
	second := r.put(1, 100) // the first one is still queued
	r.Step()
	if len(r.commits) != 1 || r.commits[0].Fragments != 2 || r.commits[0].Class != store.ClassDay {
		t.Fatalf("%+v", r.commits)
	}
	third := r.put(1, 100)
	r.Step()
	if r.commits[1].Class != store.ClassMonth {
		t.Errorf("%+v", r.commits)
	}
	want := []millrace.FragmentNumber{first.Number, second.Number, third.Number}
	if !slices.Equal(r.settled[key], want) {
		t.Errorf("settled %v, want %v", r.settled[key], want)
	}
}

// TestDoneComesInOrderWhateverTheLanesDo drives lanes in any order while
// streams change their class and lanes get busy, over a disk that fails now and
// then.
func TestDoneComesInOrderWhateverTheLanesDo(t *testing.T) {
	for seed := range uint64(4) {
		choose := rand.New(rand.NewPCG(seed, 3))
		bad := fault.New(mem.NewFS(), fault.Fault{Op: fault.Sync, At: 5, Err: syscall.EIO})
		r := newRig(t, store.Config{FS: bad, Lanes: 3, PackSize: 20 << 20})
		want := make(map[millrace.StreamKey][]millrace.FragmentNumber)
		for range 120 {
			id := choose.Uint64N(6)
			key := millrace.StreamKey{ID: id}
			switch n := choose.IntN(10); {
			case n == 0:
				r.keep(key, time.Duration(choose.IntN(40))*day)
			case n < 3 && r.Lanes() > 0:
				r.StepLane(choose.IntN(r.Lanes()))
			default:
				size := 50
				if n == 9 {
					size = store.BusyLane
				}
				want[key] = append(want[key], r.put(id, size).Number)
			}
		}
		if r.Lanes() < 4 {
			t.Errorf("seed %d: only %d lanes", seed, r.Lanes())
		}
		r.Close()
		for key, list := range want {
			if !slices.Equal(r.settled[key], list) {
				t.Errorf("seed %d: settled %v, want %v", seed, r.settled[key], list)
			}
		}
	}
}

func TestADuplicateIsSettledInItsPlace(t *testing.T) {
	r := newRig(t, store.Config{})
	defer r.Close()
	old := r.put(1, 100)
	r.Step()
	first := r.put(1, 100)
	var outcome error
	key := old.Stream
	if err := r.Submit(t.Context(), old, func(err error) {
		outcome = err
		r.settled[key] = append(r.settled[key], old.Number)
	}); err != nil {
		t.Fatal(err)
	}
	last := r.put(1, 100)
	r.Step()
	want := []millrace.FragmentNumber{old.Number, first.Number, old.Number, last.Number}
	if !slices.Equal(r.settled[key], want) || !errors.Is(outcome, millrace.ErrExists) {
		t.Errorf("settled %v, want %v; the duplicate with %v", r.settled[key], want, outcome)
	}
}

// TestAnyLaneSaysWhatFailedInAnother lets a commit fail for good in one lane,
// on a disk on which nothing can be cut, then writes in another lane only, and
// cuts the power.
func TestAnyLaneSaysWhatFailedInAnother(t *testing.T) {
	d := mem.NewFS()
	cuts := fault.New(d, fault.Fault{Op: fault.Truncate, At: 1, Forever: true, Err: syscall.EIO})
	removals := fault.New(cuts, fault.Fault{Op: fault.Remove, At: 1, Forever: true, Err: syscall.EIO})
	bad := fault.New(removals, fault.Fault{Op: fault.Sync, At: 2, Forever: true, Err: syscall.EIO})
	r := newRig(t, store.Config{FS: bad})
	r.keep(millrace.StreamKey{ID: 2}, 30*day)
	kept := r.put(1, 100)
	r.Step()
	lost := r.put(1, 100)
	r.Step() // fails, in the open pack and in a new one
	bad.Heal()
	other := r.put(2, 100)
	r.Step()
	after := d.Crash(func(n int) int { return n - 1 }) // all that was written is there
	e, err := store.OpenByHand(t.Context(), store.Config{FS: after, Epoch: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for f, want := range map[*millrace.Fragment]int{kept: 1, lost: 0, other: 1} {
		found, err := e.After(t.Context(), store.Scope{Stream: f.Stream}, f.Number.Prev(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 && found[0].Number != f.Number {
			found = nil
		}
		if len(found) != want {
			t.Errorf("fragment of stream %d: found %d times, want %d", f.Stream.ID, len(found), want)
		}
	}
}

func TestStreamsThatHaveGoneAreNotRemembered(t *testing.T) {
	r := newRig(t, store.Config{})
	defer r.Close()
	for id := range uint64(4) {
		r.put(id, 100)
	}
	r.Step()
	key := millrace.StreamKey{ID: 1}
	if err := r.Drop(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	r.put(2, 100)
	key.ID = 2
	if err := r.Drop(t.Context(), key); err != nil { // while one is in flight
		t.Fatal(err)
	}
	r.Step()
	last := r.gen.Make(millrace.StreamKey{ID: 5}, 100)
	done := func(err error) { // it is kept, and not settled yet
		if err := errors.Join(err, r.Drop(t.Context(), last.Stream)); err != nil {
			t.Error(err)
		}
	}
	if err := r.Submit(t.Context(), last, done); err != nil {
		t.Fatal(err)
	}
	r.Step()
	if n := r.Pins(); n != 2 {
		t.Errorf("%d streams are remembered, want the 2 that are left", n)
	}
}

// TestManyProducersAndAClose lets everything happen at once and closes in the
// middle of it: each fragment that was taken is settled once, in order.
func TestManyProducersAndAClose(t *testing.T) {
	e := open(t, store.Config{FS: mem.NewFS(), Lanes: 4, PackSize: 1 << 20, QueueBytes: 4 << 20})
	enough := make(chan struct{})
	var taken, settled atomic.Int64
	var all sync.WaitGroup
	for id := range uint64(12) {
		all.Go(func() {
			key := millrace.StreamKey{ID: id}
			gen := storetest.NewFragments(id)
			var mu sync.Mutex
			next := 0
			for i := range 400 {
				if i%50 == 0 {
					e.SetPolicy(key, store.Policy{Retention: time.Duration(i) * day / 10})
				}
				f := gen.Make(key, 3000)
				err := e.Submit(t.Context(), f, func(err error) {
					mu.Lock()
					defer mu.Unlock()
					if err != nil || next != i {
						t.Errorf("stream %d: done of %d when it is the turn of %d: %v", id, i, next, err)
					}
					next++
					settled.Add(1)
				})
				if errors.Is(err, millrace.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if taken.Add(1) == 1000 {
					close(enough)
				}
			}
		})
	}
	<-enough
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
	if taken.Load() != settled.Load() {
		t.Errorf("%d were taken and %d settled", taken.Load(), settled.Load())
	}
}
