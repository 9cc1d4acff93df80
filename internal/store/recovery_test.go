package store_test

import (
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
)

// A cutFS has the power fail in the first sync of a file behind a write to it.
type cutFS struct{ store.FS }

type cutFile struct {
	store.File
	wrote *bool
}

func (c cutFS) Open(name string) (store.File, error) {
	f, err := c.FS.Open(name)
	return cutFile{f, new(bool)}, err
}

func (c cutFile) WriteV(bufs [][]byte) (int64, error) {
	*c.wrote = true
	return c.File.WriteV(bufs)
}

func (c cutFile) Sync() error {
	if *c.wrote {
		return syscall.EIO
	}
	return c.File.Sync()
}

// TestAFooterTellsOfWhatIsThere: a program is killed behind a write that it has
// not synced. The next start finds what was written, seals the pack, and then
// the power fails: whatever is left, a footer that is left tells of nothing that
// was lost.
func TestAFooterTellsOfWhatIsThere(t *testing.T) {
	written := mem.NewFS()
	faults := fault.New(written)
	r := newRig(t, store.Config{FS: faults})
	first := r.put(1, 100)
	r.Step()
	for _, op := range []fault.Op{fault.Sync, fault.Truncate, fault.Create} {
		faults.Break(fault.Fault{Op: op, At: 1, Forever: true, Err: syscall.EIO})
	}
	var refused error
	second := r.gen.Make(first.Stream, 20_000)
	if err := r.Submit(t.Context(), second, func(err error) { refused = err }); err != nil {
		t.Fatal(err)
	}
	r.Step()
	if refused == nil {
		t.Fatal("a batch that could not be synced was confirmed")
	}
	killed := written.Kill()
	r.Close()

	e, err := store.OpenByHand(t.Context(), store.Config{FS: cutFS{killed}, Epoch: 2})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(listed(t, e, first.Stream)); n != 2 {
		t.Fatalf("the start after the kill finds %d fragments", n)
	}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		left := killed.Crash(func(n int) int { return random.IntN(n) })
		e, err := store.OpenByHand(t.Context(), store.Config{FS: left, Epoch: 3})
		if err != nil {
			t.Fatal(err)
		}
		found := listed(t, e, first.Stream)
		if len(found) == 0 || found[0].Number != first.Number {
			t.Errorf("seed %d: found %v", seed, found)
		}
		for _, entry := range found {
			if _, err := e.Read(t.Context(), store.Scope{Stream: first.Stream}, entry, nil); err != nil {
				t.Errorf("seed %d: %v is found, and reading it: %v", seed, entry.Number, err)
			}
		}
		e.Close()
	}
	e.Close()
}

func listed(t *testing.T, e *store.Driver, key millrace.StreamKey) []store.Entry {
	t.Helper()
	list, err := e.List(t.Context(), store.Scope{Stream: key}, store.Listing{})
	if err != nil && !errors.Is(err, millrace.ErrNotFound) {
		t.Fatal(err)
	}
	return list
}
