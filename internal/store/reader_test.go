package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

func TestReadersKeepAFewFilesOpen(t *testing.T) {
	d := &counting{FS: mem.NewFS()}
	e := open(t, store.Config{FS: d, PackSize: 1, OpenPacks: 3})
	gen := storetest.NewFragments(1)
	var list []*millrace.Fragment
	for range 20 {
		list = append(list, gen.Make(millrace.StreamKey{ID: 1}, 100))
		commit(t, e, list[len(list)-1])
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 60 {
				readBack(t, e, list[(n*7+i)%20])
			}
		})
	}
	all.Wait()
	// Beside those of readers there may be the lane's and those to be sealed.
	if n := d.open.Load(); n > 3+6 {
		t.Errorf("%d files are open", n)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if n := d.open.Load(); n != 0 {
		t.Errorf("%d files are open after close", n)
	}
}

func readBack(t *testing.T, e *store.Engine, f *millrace.Fragment) {
	scope := store.Scope{Stream: f.Stream}
	entries, err := e.After(t.Context(), scope, f.Number.Prev(), 1)
	if err != nil || len(entries) != 1 {
		t.Errorf("after: %v, %v", entries, err)
		return
	}
	got, err := e.Read(t.Context(), scope, entries[0], nil)
	if err == nil {
		err = storetest.Same(got, f)
	}
	if err != nil {
		t.Error(err)
	}
}

// counting is a file system that counts its open files.
type counting struct {
	store.FS
	open atomic.Int32
}

type countedFile struct {
	store.File
	c *counting
}

func (c *counting) Create(name string) (store.File, error) { return c.count(c.FS.Create(name)) }
func (c *counting) Open(name string) (store.File, error)   { return c.count(c.FS.Open(name)) }

func (c *counting) count(f store.File, err error) (store.File, error) {
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return countedFile{f, c}, nil
}

func (f countedFile) Close() error {
	f.c.open.Add(-1)
	return f.File.Close()
}

func TestStatsSumUpWhatIsKept(t *testing.T) {
	d := mem.NewFS()
	e := open(t, store.Config{FS: d, Epoch: 1})
	gen := storetest.NewFragments(1)
	a, b := gen.Make(millrace.StreamKey{ID: 1}, 100), gen.Make(millrace.StreamKey{ID: 1}, 200)
	gone := gen.Make(millrace.StreamKey{ID: 2}, 50)
	commit(t, e, b)
	commit(t, e, a)
	commit(t, e, gone)
	check := func(e *store.Engine) {
		t.Helper()
		s := e.StreamStats(a.Stream)
		if s.Fragments != 2 || s.Bytes != int64(a.Size()+b.Size()) || s.Oldest != a.Number || s.Newest != b.Number {
			t.Errorf("stream stats are %+v", s)
		}
		if s := e.StreamStats(gone.Stream); s != (store.StreamStats{}) {
			t.Errorf("stats of a dropped stream are %+v", s)
		}
		p := e.PackStats()
		if p.Packs != 1 || p.LiveFragments != 2 || p.LiveBytes != s.Bytes || p.Bytes < s.Bytes {
			t.Errorf("pack stats are %+v", p)
		}
		if got := e.LastServerTime(); !got.Equal(gone.ServerTime()) {
			t.Errorf("last server time is %v, want %v", got, gone.ServerTime())
		}
	}
	if err := e.Drop(t.Context(), gone.Stream); err != nil {
		t.Fatal(err)
	}
	check(e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	check(open(t, store.Config{FS: d, Epoch: 2, Policies: map[millrace.StreamKey]store.Policy{a.Stream: {Retention: time.Hour}}}))
}

func TestAnEngineThatIsNotUsedLeavesNothing(t *testing.T) {
	d := mem.NewFS()
	e := open(t, store.Config{FS: d})
	if !e.LastServerTime().IsZero() {
		t.Errorf("last server time of nothing is %v", e.LastServerTime())
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if names, err := d.ReadDir(); err != nil || len(names) != 0 {
		t.Errorf("left are %v, %v", names, err)
	}
}

// The hot path has a budget: what one submission may allocate, of which the
// caller's closure and the kernel's vector are two.
func TestSubmitStaysWithinItsAllocations(t *testing.T) {
	const budget = 4
	e := open(t, store.Config{FS: openDisk(t)})
	f := storetest.NewFragments(1).Make(millrace.StreamKey{ID: 1}, 20_000)
	done := make(chan error, 1)
	sequence := uint64(0)
	got := testing.AllocsPerRun(300, func() {
		sequence++
		f.Number = storetest.Number(sequence, 0)
		if err := e.Submit(t.Context(), f, func(err error) { done <- err }); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
	if got > budget {
		t.Errorf("%v allocations for a submission, budget %d", got, budget)
	}
}
