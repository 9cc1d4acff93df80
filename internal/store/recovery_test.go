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

// TestTheIndexKnowsWhatWasDurable: the last batch of a pack that was open does
// not tell itself from one that a crash has torn. If the index has it, what is
// wrong with it is damage.
func TestTheIndexKnowsWhatWasDurable(t *testing.T) {
	for name, at := range map[string]int64{"header": 20, "body": 1500} {
		t.Run(name, func(t *testing.T) {
			w := worldOf(t, longLived)
			one := func() error { return w.put(batch{n: 1, size: 3000, streams: 1}) }
			w.must(t, one, one, w.feed)
			list := w.entries(t, 0)
			last := list[len(list)-1]
			w.move(w.machine.kill())
			flipIn(t, w.machine.fs, w.names(t)[0], last.Position.Offset+at)
			if err := w.open(); err != nil {
				t.Fatal(err)
			}
			_, _ = w.engine.Read(t.Context(), w.scope(w.streams[0].key), last, nil) // which finds what is wrong with a body
			if len(w.damage) != 1 || w.damage[0].Offset != last.Position.Offset {
				t.Errorf("damage of the record at %d is told as %+v", last.Position.Offset, w.damage)
			}
		})
	}
}

// flipIn flips a bit of a file in a directory.
func flipIn(t *testing.T, d store.FS, name string, at int64) {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	b[0] ^= 1
	_, werr := f.WriteAt(b, at)
	if err := errors.Join(err, werr, f.Close()); err != nil {
		t.Fatal(err)
	}
}
