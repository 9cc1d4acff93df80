package store_test

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"slices"
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

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// commit waits until a fragment is confirmed.
func commit(t *testing.T, e *store.Engine, f *millrace.Fragment) {
	t.Helper()
	done := make(chan error, 1)
	if err := e.Submit(t.Context(), f, func(err error) { done <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A gate is a file system whose syncs wait until they are let through.
type gate struct {
	store.FS
	pass  chan struct{}
	syncs atomic.Int32
}

type gatedFile struct {
	store.File
	g *gate
}

func (g *gate) Create(name string) (store.File, error) {
	f, err := g.FS.Create(name)
	return gatedFile{f, g}, err
}

func (f gatedFile) Sync() error {
	f.g.syncs.Add(1)
	<-f.g.pass
	return f.File.Sync()
}

func TestWhatIsSubmittedDuringASyncSharesTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{FS: mem.NewFS(), pass: make(chan struct{})}
		var sizes []int
		e, err := store.Open(t.Context(), store.Config{
			FS: g, Events: store.Events{Committed: func(c store.Commit) { sizes = append(sizes, c.Fragments) }},
		})
		if err != nil {
			t.Fatal(err)
		}
		gen := storetest.NewFragments(1)
		put := func() {
			f := gen.Make(millrace.StreamKey{}, 100)
			if err := e.Submit(t.Context(), f, func(error) {}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		for range 6 {
			put()
		}
		if n := g.syncs.Load(); n != 1 {
			t.Errorf("%d syncs while the first was waiting", n)
		}
		close(g.pass)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(sizes, []int{1, 5}) {
			t.Errorf("batches of %v, want 1 and 5", sizes)
		}
	})
}

func TestAFullQueueMakesSubmitWaitAsLongAsItsContext(t *testing.T) {
	for name, cfg := range map[string]store.Config{
		"by count": {QueueFragments: 3},
		"by bytes": {QueueBytes: 3000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gate{FS: mem.NewFS(), pass: make(chan struct{})}
				cfg.FS = g
				e, err := store.Open(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				gen := storetest.NewFragments(1)
				settled := 0
				submit := func(ctx context.Context) error {
					f := &millrace.Fragment{Number: gen.Make(millrace.StreamKey{}, 0).Number, Cluster: [][]byte{make([]byte, 700)}}
					return e.Submit(ctx, f, func(error) { settled++ })
				}
				for range 3 {
					if err := submit(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := submit(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("submit to a full queue: %v", err)
				}
				waiting := make(chan error, 1)
				go func() { waiting <- submit(t.Context()) }()
				synctest.Wait()
				close(g.pass)
				if err := <-waiting; err != nil {
					t.Errorf("submit when there is room again: %v", err)
				}
				if err := e.Close(); err != nil || settled != 4 {
					t.Errorf("%d settled, %v", settled, err)
				}
			})
		})
	}
}

func TestAPackIsSealedWhenItIsDueEvenIfNothingComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sealed atomic.Int32
		d := mem.NewFS()
		e, err := store.Open(t.Context(), store.Config{
			FS: d, PackAge: time.Hour, Events: store.Events{Sealed: func(uint64) { sealed.Add(1) }},
		})
		if err != nil {
			t.Fatal(err)
		}
		f := storetest.NewFragments(1).Make(millrace.StreamKey{}, 10)
		commit(t, e, f)
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if sealed.Load() != 0 {
			t.Error("sealed before it was due")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if sealed.Load() != 1 {
			t.Errorf("sealed %d times", sealed.Load())
		}
		e.SetPolicy(f.Stream, store.Policy{Retention: time.Hour})
		r, err := e.Maintain(t.Context(), storetest.ExpiryAt(f.ServerTime().Add(2*time.Hour)))
		if err != nil || r.Fragments != 1 || r.Packs != 1 || r.Bytes != int64(f.Size()) {
			t.Errorf("forgotten %+v, %v", r, err)
		}
		if names, err := d.ReadDir(); err != nil || len(names) != 0 {
			t.Errorf("left are %v, %v", names, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAPackThatGuardsAnotherIsNotRemoved(t *testing.T) {
	d := mem.NewFS()
	cuts := fault.New(d, fault.Fault{Op: fault.Truncate, At: 1, Forever: true, Err: syscall.EIO})
	bad := fault.New(cuts, fault.Fault{Op: fault.Sync, At: 2, Err: syscall.EIO})
	e, err := store.OpenByHand(t.Context(), store.Config{FS: bad, Epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	gen := storetest.NewFragments(1)
	old, young := millrace.StreamKey{ID: 1}, millrace.StreamKey{ID: 2}
	first, twin := gen.Make(old, 100), gen.Make(young, 100)
	submit(t, e, first)
	e.Step()
	submit(t, e, twin) // its sync fails; it lies in the first pack and in the second
	e.Step()
	e.Close()
	if err := e.Drop(t.Context(), young); err != nil {
		t.Fatal(err)
	}
	r, err := e.Maintain(t.Context(), storetest.ExpiryAt(time.Time{}))
	if err != nil || r.Packs != 0 {
		t.Errorf("forgotten %+v, %v, though the first pack cannot be cut", r, err)
	}
	if names, err := d.ReadDir(); err != nil || len(names) != 2 {
		t.Errorf("left are %v, %v", names, err)
	}
}

func TestAPackThatWasGivenUpGoesOnceNothingInItIsLive(t *testing.T) {
	d := mem.NewFS()
	r := newRig(t, store.Config{FS: fault.New(d, fault.Fault{Op: fault.Sync, At: 2, Err: syscall.EIO})})
	defer r.Close()
	r.put(1, 100)
	r.Step()
	r.put(2, 100) // its sync fails, and it goes into another pack
	r.Step()
	if err := r.Drop(t.Context(), millrace.StreamKey{ID: 1}); err != nil {
		t.Fatal(err)
	}
	got, err := r.Maintain(t.Context(), storetest.ExpiryAt(storetest.Epoch()))
	if err != nil || got.Packs != 1 {
		t.Errorf("forgotten %+v, %v", got, err)
	}
	if names, err := d.ReadDir(); err != nil || len(names) != 1 {
		t.Errorf("left are %v, %v", names, err)
	}
}

func TestOneFaultIsMadeUpForOnANewPack(t *testing.T) {
	for name, op := range map[string]fault.Op{
		"create": fault.Create, "write": fault.Write, "sync": fault.Sync, "sync of the directory": fault.SyncDir,
	} {
		t.Run(name, func(t *testing.T) {
			d := mem.NewFS()
			bad := fault.New(d, fault.Fault{Op: op, At: 1, Err: syscall.EIO})
			poisoned := 0
			e := open(t, store.Config{FS: bad, Epoch: 1, Events: store.Events{
				Poisoned: func(uint64, error) { poisoned++ },
				Failed:   func(n int, err error) { t.Errorf("%d fragments failed: %v", n, err) },
			}})
			f := storetest.NewFragments(1).Make(millrace.StreamKey{ID: 1}, 100)
			commit(t, e, f)
			readBack(t, e, f)
			if bad.Hits() != 1 || op != fault.Create && poisoned != 1 {
				t.Errorf("%d faults, %d packs given up", bad.Hits(), poisoned)
			}
		})
	}
}

func TestAFullDiskFailsWhatCannotBeKeptAndRecovers(t *testing.T) {
	bad := fault.New(mem.NewFS(), fault.Fault{Op: fault.Write, At: 2, Forever: true, Err: syscall.ENOSPC})
	e := open(t, store.Config{FS: bad, Epoch: 1, OnFull: store.RefuseNew})
	gen := storetest.NewFragments(1)
	first, second, third := gen.Make(millrace.StreamKey{ID: 1}, 100), gen.Make(millrace.StreamKey{ID: 1}, 100), gen.Make(millrace.StreamKey{ID: 1}, 100)
	commit(t, e, first)
	done := make(chan error, 1)
	if err := e.Submit(t.Context(), second, func(err error) { done <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("done on a full disk: %v", err)
	}
	readBack(t, e, first)
	bad.Heal()
	commit(t, e, third)
	readBack(t, e, third)
	if s := e.StreamStats(first.Stream); s.Fragments != 2 {
		t.Errorf("%d fragments are found", s.Fragments)
	}
}

// measured is a file system that knows the longest write.
type measured struct {
	store.FS
	longest atomic.Int64
}

type measuredFile struct {
	store.File
	fs *measured
}

func (m *measured) Create(name string) (store.File, error) {
	f, err := m.FS.Create(name)
	return measuredFile{f, m}, err
}

func (f measuredFile) WriteV(bufs [][]byte) (int64, error) {
	n, err := f.File.WriteV(bufs)
	f.fs.longest.Store(max(n, f.fs.longest.Load()))
	return n, err
}

func TestLargePiecesAreWrittenInSteps(t *testing.T) {
	m := &measured{FS: mem.NewFS()}
	e := open(t, store.Config{FS: m, Epoch: 1})
	gen := storetest.NewFragments(1)
	for _, sizes := range [][]int{{1 << 20}, {1<<20 - 1, 1}, {1<<20 + 1}, {3<<20 + 5, 7, 1 << 19, 2 << 20}} {
		f := gen.Make(millrace.StreamKey{ID: 1}, 100)
		for i, n := range sizes {
			f.Cluster = append(f.Cluster, bytes.Repeat([]byte{byte(i + 1)}, n))
		}
		commit(t, e, f)
		readBack(t, e, f)
	}
	if n := m.longest.Load(); n > 1<<20 {
		t.Errorf("%d bytes in one write", n)
	}
}
