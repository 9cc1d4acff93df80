package store_test

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// A squeeze is a rig with little room, and what became of its fragments.
type squeeze struct {
	*rig
	fs       *mem.FS
	kept     []*millrace.Fragment // that were confirmed, in that order
	refused  map[*millrace.Fragment]error
	evicted  []store.Eviction
	full     []bool
	poisoned int
	closed   bool
}

// newSqueeze makes packs of about 100 KB.
func newSqueeze(t *testing.T, cfg store.Config) *squeeze {
	t.Helper()
	s := &squeeze{fs: mem.NewFS(), refused: make(map[*millrace.Fragment]error)}
	if cfg.FS == nil {
		cfg.FS = s.fs
	}
	cfg.PackSize = 100_000
	cfg.Events.Evicted = func(v store.Eviction) { s.evicted = append(s.evicted, v) }
	cfg.Events.Full = func(full bool) { s.full = append(s.full, full) }
	cfg.Events.Poisoned = func(uint64, error) { s.poisoned++ }
	s.rig = newRig(t, cfg)
	t.Cleanup(func() {
		if !s.closed {
			s.Close()
		}
		if n := s.Claims(); n != 0 {
			t.Errorf("%d bytes are claimed by nobody", n)
		}
	})
	return s
}

// put submits a fragment and has everything done about it.
func (s *squeeze) put(id uint64, size int) error {
	s.t.Helper()
	f := s.gen.Make(millrace.StreamKey{ID: id}, 100)
	f.Cluster = append(f.Cluster, make([]byte, size))
	return s.submit(f)
}

func (s *squeeze) submit(f *millrace.Fragment) (err error) {
	s.t.Helper()
	settled := false
	serr := s.Submit(s.t.Context(), f, func(result error) { err, settled = result, true })
	if serr != nil {
		s.t.Fatal(serr)
	}
	for !settled {
		s.Step()
	}
	if err == nil {
		s.kept = append(s.kept, f)
	} else {
		s.refused[f] = err
	}
	return err
}

// found is what an engine finds of a stream, every fragment read.
func found(t *testing.T, e interface {
	store.Index
}, key millrace.StreamKey, want map[millrace.FragmentNumber]*millrace.Fragment,
) map[millrace.FragmentNumber]bool {
	t.Helper()
	scope := store.Scope{Stream: key}
	list, err := e.After(t.Context(), scope, millrace.FragmentNumber{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	numbers := make(map[millrace.FragmentNumber]bool)
	for _, entry := range list {
		got, err := e.Read(t.Context(), scope, entry, nil)
		if err != nil {
			t.Fatalf("%v is listed: %v", entry.Number, err)
		}
		if f := want[entry.Number]; f == nil {
			t.Errorf("%v is found and was not confirmed", entry.Number)
		} else if err := storetest.Same(got, f); err != nil {
			t.Error(err)
		}
		numbers[entry.Number] = true
	}
	return numbers
}

// check compares what is found with what was confirmed and what was evicted:
// of one class, all that is left is newer than all that went. It returns how
// many are left.
func (s *squeeze) check(e store.Index) int {
	s.t.Helper()
	all := make(map[millrace.FragmentNumber]*millrace.Fragment)
	streams := make(map[millrace.StreamKey]bool)
	for _, f := range s.kept {
		all[f.Number], streams[f.Stream] = f, true
	}
	left := make(map[millrace.FragmentNumber]bool)
	for key := range streams {
		maps.Copy(left, found(s.t, e, key, all))
	}
	gone := 0
	var newest time.Time
	for _, v := range s.evicted {
		gone += v.Fragments
		newest = later(newest, v.Newest)
	}
	if len(left)+gone != len(s.kept) {
		s.t.Errorf("%d were confirmed, %d are found and %d were evicted", len(s.kept), len(left), gone)
	}
	for n := range left {
		if !n.ServerTime().After(newest) {
			s.t.Errorf("%v is left, and something newer, of %v, was evicted", n.ServerTime(), newest)
		}
	}
	return len(left)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *squeeze) restart(cfg store.Config) *store.Driver {
	s.t.Helper()
	s.Close()
	s.closed = true
	cfg.FS, cfg.Epoch = s.fs, 2
	e, err := store.OpenByHand(s.t.Context(), cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func TestTheOldestMakeRoomWithinTheCapacity(t *testing.T) {
	const capacity = 1 << 20
	beside := int64(200_000)
	s := newSqueeze(t, store.Config{Capacity: capacity, Beside: func() int64 { return beside }})
	for i := range 300 {
		if err := s.put(uint64(i%3), 9000+i); err != nil {
			t.Fatalf("fragment %d: %v", i, err)
		}
		if r := s.RoomStats(); r.Used > capacity || r.Capacity != capacity || r.Used+r.Left > capacity {
			t.Fatalf("fragment %d: %+v", i, r)
		}
	}
	left := s.check(s)
	if bytes := s.PackStats().Bytes; left == 0 || bytes < capacity/2 {
		t.Errorf("only %d are left, in %d bytes", left, bytes)
	}
	r := s.RoomStats()
	if len(s.evicted) == 0 || r.EvictedPacks != int64(len(s.evicted)) || r.EvictedFragments != int64(300-left) || r.EvictedBytes == 0 {
		t.Errorf("%d evictions, counted are %+v", len(s.evicted), r)
	}
	for _, v := range s.evicted {
		if v.PackBytes < 90_000 || v.Bytes < 80_000 || v.Class != store.ClassLong || v.Oldest.After(v.Newest) {
			t.Errorf("evicted %+v", v)
		}
	}
	e := s.restart(store.Config{Capacity: capacity})
	defer e.Close()
	if again := s.check(e); again != left {
		t.Errorf("%d are found after a restart, %d before", again, left)
	}
}

func TestThePolicyCanBeToRefuseNew(t *testing.T) {
	s := newSqueeze(t, store.Config{Capacity: 500_000, OnFull: store.RefuseNew})
	for s.put(1, 10_000) == nil {
	}
	n := len(s.kept)
	if err := s.put(2, 10_000); !errors.Is(err, store.ErrFull) {
		t.Errorf("a further one: %v", err)
	}
	if used := s.RoomStats().Used; used > 500_000 || used < 480_000 {
		t.Errorf("%d bytes are used", used)
	}
	if left := s.check(s); left != n || len(s.evicted) > 0 || s.poisoned > 0 {
		t.Errorf("%d of %d are left, %d packs were evicted and %d given up", left, n, len(s.evicted), s.poisoned)
	}
	if r := s.RoomStats(); !r.Full || r.RefusedFragments != 2 || r.RefusedBytes < 20_000 {
		t.Errorf("%+v", r)
	}
	s.SetPolicy(millrace.StreamKey{ID: 1}, store.Policy{Retention: time.Hour})
	if _, err := s.Maintain(t.Context(), storetest.ExpiryAt(s.kept[n-1].ServerTime().Add(2*time.Hour))); err != nil {
		t.Fatal(err)
	}
	if err := s.put(2, 10_000); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	if !slices.Equal(s.full, []bool{true, false}) {
		t.Errorf("told of a full disk: %v", s.full)
	}
}

func TestTheReserveOfTheFileSystemStaysFree(t *testing.T) {
	for _, tc := range []struct {
		name          string
		total, given  int64
		reserved, mem int64
	}{
		{"as it is given", 2 << 20, 300_000, 300_000, 0},
		{"a tenth of a small disk where nothing is given", 2 << 20, 0, 2 << 20 / 10, 0},
		{"half of the disk where more than that is given", 2 << 20, 1 << 40, 1 << 20, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSqueeze(t, store.Config{Reserve: tc.given})
			s.fs.SetCapacity(tc.total)
			lowest := tc.total
			for i := range 400 {
				if err := s.put(uint64(i%3), 9000); err != nil {
					t.Fatalf("fragment %d: %v", i, err)
				}
				space, err := s.fs.Space()
				if err != nil {
					t.Fatal(err)
				}
				lowest = min(lowest, space.Free)
			}
			s.check(s)
			if lowest < tc.reserved || lowest > tc.reserved+400_000 {
				t.Errorf("%d bytes were free at the least, %d are reserved", lowest, tc.reserved)
			}
			if s.poisoned > 0 {
				t.Errorf("%d packs were given up", s.poisoned)
			}
		})
	}
}

// deaf is a file system that gives an old answer once.
type deaf struct {
	*mem.FS
	old *store.Space
}

func (d *deaf) Space() (store.Space, error) {
	if old := d.old; old != nil {
		d.old = nil
		return *old, nil
	}
	return d.FS.Space()
}

// TestOthersFillTheDiskAndFreeIt lets others take all room at once, unseen,
// so that a write fails in the middle.
func TestOthersFillTheDiskAndFreeIt(t *testing.T) {
	for name, policy := range map[string]store.FullPolicy{"oldest first": store.OldestFirst, "refuse new": store.RefuseNew} {
		t.Run(name, func(t *testing.T) {
			d := &deaf{FS: mem.NewFS()}
			s := newSqueeze(t, store.Config{FS: d, Reserve: 100_000, OnFull: policy})
			s.fs = d.FS
			s.fs.SetCapacity(2 << 20)
			for range 100 {
				if err := s.put(1, 9000); err != nil {
					t.Fatal(err)
				}
			}
			space, _ := s.fs.Space()
			s.fs.SetCapacity(2<<20 - space.Free + 4096)
			d.old = &space
			outcome := s.put(1, 9000)
			if s.poisoned == 0 {
				t.Error("no pack was given up, though a write had no room")
			}
			switch policy {
			case store.OldestFirst:
				if outcome != nil || len(s.evicted) == 0 {
					t.Errorf("%d evictions, %v", len(s.evicted), outcome)
				}
			case store.RefuseNew:
				if !errors.Is(outcome, store.ErrFull) || len(s.evicted) > 0 {
					t.Errorf("%d evictions, %v", len(s.evicted), outcome)
				}
			}
			s.check(s)
			s.fs.SetCapacity(2 << 20)
			for range 20 {
				if err := s.put(1, 9000); err != nil {
					t.Errorf("with room again: %v", err)
				}
			}
			left := s.check(s)
			e := s.restart(store.Config{})
			defer e.Close()
			if again := s.check(e); again != left {
				t.Errorf("%d are found after a restart, %d before", again, left)
			}
		})
	}
}

// blind is a file system that cannot tell how much room it has.
type blind struct{ *mem.FS }

func (blind) Space() (store.Space, error) { return store.Space{}, nil }

func TestADiskThatCannotTellItsRoomIsServedToo(t *testing.T) {
	d := mem.NewFS()
	s := newSqueeze(t, store.Config{FS: blind{d}})
	d.SetCapacity(1 << 20)
	for i := range 300 {
		if err := s.put(1, 9000); err != nil {
			t.Fatalf("fragment %d: %v", i, err)
		}
	}
	if left := s.check(s); left < 50 || len(s.evicted) == 0 {
		t.Errorf("%d are left, %d packs were evicted", left, len(s.evicted))
	}
}

// TestWhatIsInVainIsNotTriedAgain has a disk that says it is full whatever goes,
// as one does that has run out of something else.
func TestWhatIsInVainIsNotTriedAgain(t *testing.T) {
	d := mem.NewFS()
	bad := fault.New(d, fault.Fault{Op: fault.Create, At: 8, Forever: true, Err: syscall.EDQUOT})
	s := newSqueeze(t, store.Config{FS: bad})
	for s.put(1, 9000) == nil {
	}
	for range 20 {
		if err := s.put(1, 9000); !errors.Is(err, store.ErrFull) {
			t.Errorf("on a disk without room: %v", err)
		}
	}
	if len(s.evicted) != 1 {
		t.Errorf("%d packs were evicted, want one", len(s.evicted))
	}
	bad.Heal()
	if err := s.put(1, 9000); err != nil {
		t.Errorf("healed: %v", err)
	}
	s.check(s)
}

func TestWhatCannotFitCostsNothing(t *testing.T) {
	s := newSqueeze(t, store.Config{Capacity: 500_000})
	for range 30 {
		if err := s.put(1, 9000); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.put(1, 600_000); !errors.Is(err, store.ErrFull) {
		t.Errorf("a fragment that is larger than all room: %v", err)
	}
	if left := s.check(s); left != 30 {
		t.Errorf("%d are left", left)
	}
	if err := s.put(1, 400_000); err != nil {
		t.Errorf("a fragment that takes nearly all room: %v", err)
	}
	if left := s.check(s); left == 31 {
		t.Error("nothing has gone for it")
	}
}

func TestAnOpenPackGoesWhenThereIsNoOther(t *testing.T) {
	s := newSqueeze(t, store.Config{Reserve: 1})
	s.keep(millrace.StreamKey{ID: 2}, day)
	s.fs.SetCapacity(1 << 20)
	for id := range uint64(3) {
		if err := s.put(id, 30_000); err != nil {
			t.Fatal(err)
		}
	}
	space, _ := s.fs.Space()
	s.fs.SetCapacity(1<<20 - space.Free) // two packs, both open
	for range 4 {
		if err := s.put(2, 20_000); err != nil {
			t.Error(err)
		}
	}
	if len(s.evicted) == 0 || s.evicted[0].Class != store.ClassLong {
		t.Errorf("evicted %+v, want the older pack first", s.evicted)
	}
	s.check(s)
}

func TestTheOldestGoWhateverTheirClass(t *testing.T) {
	s := newSqueeze(t, store.Config{Capacity: 1 << 20})
	s.keep(millrace.StreamKey{ID: 1}, day)
	s.keep(millrace.StreamKey{ID: 2}, 60*day)
	for i := range 300 {
		id := uint64(1)
		if i%10 == 0 {
			id = 2 // its packs have low numbers and new media
		}
		if err := s.put(id, 9000); err != nil {
			t.Fatal(err)
		}
	}
	classes := map[store.Class]int{}
	for i, v := range s.evicted {
		classes[v.Class]++
		if i > 0 && !v.Newest.After(s.evicted[i-1].Newest) {
			t.Errorf("evicted %+v after %+v", v, s.evicted[i-1])
		}
	}
	if classes[store.ClassDay] < 10 || classes[store.ClassLong] < 1 {
		t.Errorf("evicted of the classes %v", classes)
	}
}

// unwritable is a file system on which nothing can be written while it is off.
type unwritable struct {
	store.FS
	off bool
}

type unwritableFile struct {
	store.File
	fs *unwritable
}

func (u *unwritable) Create(name string) (store.File, error) {
	f, err := u.FS.Create(name)
	return unwritableFile{f, u}, err
}

func (f unwritableFile) WriteV(bufs [][]byte) (int64, error) {
	if f.fs.off {
		return 0, syscall.EIO
	}
	return f.File.WriteV(bufs)
}

// TestAPackThatGuardsAnotherGoesAfterIt fails a commit for good on a disk on
// which nothing can be cut, so that only a limit keeps away what failed. The
// pack that has it holds the oldest media, so it would be the first to go.
func TestAPackThatGuardsAnotherGoesAfterIt(t *testing.T) {
	for name, sealed := range map[string]bool{"the guard is sealed": true, "the guard has no footer": false} {
		t.Run(name, func(t *testing.T) {
			d := mem.NewFS()
			cuts := fault.New(d, fault.Fault{Op: fault.Truncate, At: 1, Forever: true, Err: syscall.EIO})
			syncs := fault.New(cuts, fault.Fault{Op: fault.Sync, At: 5, Forever: true, Err: syscall.EIO})
			bad := &unwritable{FS: syncs}
			s := newSqueeze(t, store.Config{FS: bad, Capacity: 600_000})
			s.keep(millrace.StreamKey{ID: 2}, day)
			old := s.gen.Make(millrace.StreamKey{ID: 2}, 9000)
			for s.put(1, 9000) == nil {
			}
			syncs.Heal()
			if err := s.submit(old); err != nil { // says what failed
				t.Fatal(err)
			}
			s.elapsed += 4 * time.Hour
			bad.off = !sealed
			s.Step() // seals the guard
			bad.off = false
			for len(s.evicted) == 0 {
				if err := s.put(1, 9000); err != nil {
					t.Fatal(err)
				}
			}
			everything := func(n int) int { return n - 1 }
			e, err := store.OpenByHand(t.Context(), store.Config{FS: d.Crash(everything), Epoch: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			all := make(map[millrace.FragmentNumber]*millrace.Fragment)
			for _, f := range s.kept {
				all[f.Number] = f
			}
			found(t, e, millrace.StreamKey{ID: 1}, all)
		})
	}
}

// TestManyProducersShareLittleRoom has lanes, readers and evictions at once.
func TestManyProducersShareLittleRoom(t *testing.T) {
	const capacity = 3 << 20
	d := mem.NewFS()
	d.SetCapacity(capacity + 1<<20)
	var evicted atomic.Int64
	e := open(t, store.Config{
		FS: d, Lanes: 4, PackSize: 60_000, Capacity: capacity, Reserve: 1,
		Events: store.Events{
			Evicted:  func(v store.Eviction) { evicted.Add(int64(v.Fragments)) },
			Poisoned: func(n uint64, err error) { t.Errorf("pack %x given up: %v", n, err) },
		},
	})
	var all sync.WaitGroup
	var confirmed atomic.Int64
	for id := range uint64(8) {
		key := millrace.StreamKey{ID: id}
		e.SetPolicy(key, store.Policy{Retention: time.Duration(1+id*5) * day})
		gen := storetest.NewFragments(id)
		all.Go(func() {
			for range 150 {
				done := make(chan error, 1)
				if err := e.Submit(t.Context(), gen.Make(key, 8000), func(err error) { done <- err }); err != nil {
					t.Error(err)
					return
				}
				if err := <-done; err != nil {
					t.Error(err)
					return
				}
				confirmed.Add(1)
				if r := e.RoomStats(); r.Used > capacity {
					t.Errorf("%d bytes are used", r.Used)
				}
				readAll(t, e, key)
			}
		})
	}
	all.Wait()
	left := int64(e.PackStats().LiveFragments)
	if confirmed.Load() != left+evicted.Load() || evicted.Load() == 0 {
		t.Errorf("%d were confirmed, %d are left and %d were evicted", confirmed.Load(), left, evicted.Load())
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if n := e.Claims(); n != 0 {
		t.Errorf("%d bytes are claimed by nobody", n)
	}
}

// readAll reads what is found of a stream. What goes meanwhile is not found.
func readAll(t *testing.T, e *store.Engine, key millrace.StreamKey) {
	scope := store.Scope{Stream: key}
	list, err := e.After(t.Context(), scope, millrace.FragmentNumber{}, 5)
	if err != nil {
		t.Error(err)
	}
	for _, entry := range list {
		if _, err := e.Read(t.Context(), scope, entry, nil); err != nil && !errors.Is(err, millrace.ErrNotFound) {
			t.Error(err)
		}
	}
}

// slow is a file system on which removing takes a minute.
type slow struct{ *mem.FS }

func (s slow) Remove(name string) error {
	time.Sleep(time.Minute)
	return s.FS.Remove(name)
}

func TestALaneWaitsForRoomOnlySoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := store.Open(t.Context(), store.Config{FS: slow{mem.NewFS()}, PackSize: 100_000, Capacity: 300_000})
		if err != nil {
			t.Fatal(err)
		}
		gen := storetest.NewFragments(1)
		put := func() error {
			done := make(chan error, 1)
			if err := e.Submit(t.Context(), gen.Make(millrace.StreamKey{}, 20_000), func(err error) { done <- err }); err != nil {
				t.Fatal(err)
			}
			return <-done
		}
		for err = put(); err == nil; err = put() {
		}
		if !errors.Is(err, store.ErrFull) {
			t.Errorf("refused with %v", err)
		}
		start := time.Now()
		err = put()
		if waited := time.Since(start); !errors.Is(err, store.ErrFull) || waited < 4*time.Second || waited > 6*time.Second {
			t.Errorf("waited %v for %v", waited, err)
		}
		time.Sleep(2 * time.Minute)
		if err := put(); err != nil {
			t.Errorf("when room was made: %v", err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}
