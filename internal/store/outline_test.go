package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// A ward is an engine over one pack of some fragments, and how it is read.
type ward struct {
	*store.Driver
	t       *testing.T
	disk    *watched
	list    []*millrace.Fragment
	entries []store.Entry
	damage  []store.Damage
}

// newWard opens a sealed pack that spoil has damaged, which is given the pack's
// bytes and what is in it.
func newWard(t *testing.T, spoil func(b []byte, entries []pack.Entry)) *ward {
	t.Helper()
	name, b, list := onePack(t, 4, true)
	footer, _, err := pack.ReadFooter(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	w := &ward{t: t, list: list, disk: &watched{FS: disked(t, name, b)}}
	w.Driver, err = store.OpenByHand(t.Context(), store.Config{
		FS: w.disk, Epoch: 9, Events: store.Events{Damaged: func(d store.Damage) { w.damage = append(w.damage, d) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	if w.entries, err = w.List(t.Context(), w.scope(), store.Listing{}); err != nil || len(w.entries) != len(list) {
		t.Fatalf("%d entries, %v", len(w.entries), err)
	}
	spoil(b, footer.Entries)
	w.disk.FS = disked(t, name, b)
	return w
}

func (w *ward) scope() store.Scope { return store.Scope{Stream: w.list[0].Stream} }

// outline checks the outline of the i-th fragment, of which want says why it
// cannot be had.
func (w *ward) outline(i int, want error) {
	w.t.Helper()
	f, err := w.Outline(w.t.Context(), w.scope(), w.entries[i])
	if err == nil && want == nil {
		err = storetest.SameOutline(f, w.list[i])
	}
	if !errors.Is(err, want) || want != nil && f != nil {
		w.t.Errorf("outline %d: %v, want %v", i, err, want)
	}
}

// read checks that the i-th fragment can be read, or why not.
func (w *ward) read(i int, want error) {
	w.t.Helper()
	if _, err := w.Read(w.t.Context(), w.scope(), w.entries[i], nil); !errors.Is(err, want) {
		w.t.Errorf("read %d: %v, want %v", i, err, want)
	}
}

func (w *ward) told(want int) {
	w.t.Helper()
	if len(w.damage) != want {
		w.t.Errorf("%d damages were told, want %d", len(w.damage), want)
	}
}

func TestAnOutlineOfADamagedRecordIsCorruptAndReported(t *testing.T) {
	for name, at := range map[string]int64{"fixed header": 20, "sample table": pack.RecordHeaderSize + 2} {
		t.Run(name, func(t *testing.T) {
			w := newWard(t, func(b []byte, entries []pack.Entry) { b[entries[1].Offset+at] ^= 4 })
			w.outline(0, nil)
			w.outline(1, millrace.ErrCorrupt)
			w.outline(2, nil)
			w.told(1)
			if len(w.damage) == 1 && w.damage[0].Number != w.list[1].Number {
				t.Errorf("damage of %v", w.damage[0].Number)
			}
			w.outline(1, millrace.ErrCorrupt)
			w.told(1)
		})
	}
}

func TestAnOutlineWithoutHeaderElementsIsCorrupt(t *testing.T) {
	w := newWard(t, func(b []byte, entries []pack.Entry) {
		clear(b[pack.FileHeaderSize:entries[0].Offset]) // both copies of the first one's
	})
	w.outline(0, millrace.ErrCorrupt)
	w.told(1)
}

func TestAnOutlineOfAKnownDamageReadsNothing(t *testing.T) {
	var at int64
	w := newWard(t, func(b []byte, entries []pack.Entry) {
		at = entries[1].Offset + int64(entries[1].Size) // within the body
		b[at] ^= 4
	})
	w.outline(1, nil) // nobody knows
	w.told(0)
	w.read(1, millrace.ErrCorrupt)
	w.told(1)
	reads := w.disk.reads.Load()
	w.outline(1, millrace.ErrCorrupt)
	if n := w.disk.reads.Load() - reads; n != 0 {
		t.Errorf("%d reads", n)
	}
	w.outline(0, nil)
	w.told(1)
}

func TestAFragmentThatCanBeReadAgainIsNotDamaged(t *testing.T) {
	w := newWard(t, func([]byte, []pack.Entry) {})
	w.disk.spoil.Store(true)
	w.read(1, millrace.ErrCorrupt)
	w.disk.spoil.Store(false)
	w.outline(1, millrace.ErrCorrupt)
	w.read(1, nil)
	w.outline(1, nil)
}

func TestAnOutlineIsOneRead(t *testing.T) {
	w := newWard(t, func([]byte, []pack.Entry) {})
	for i := range w.list {
		w.read(i, nil) // so that the header elements are in memory
	}
	before := w.disk.reads.Load()
	for i := range w.list {
		w.outline(i, nil)
	}
	if n := w.disk.reads.Load() - before; n != int64(len(w.list)) {
		t.Errorf("%d reads for %d outlines", n, len(w.list))
	}
}

// An error behind the table is none of the outline's; one of the record is the
// disk's, and damage only when it is that place alone that cannot be read.
func TestAnOutlineOutlivesAPlaceThatCannotBeReadBehindIt(t *testing.T) {
	w := newWard(t, func([]byte, []pack.Entry) {})
	w.read(0, nil)
	w.disk.longest.Store(1000)
	w.outline(1, nil)
	w.disk.longest.Store(10)
	for range 2 {
		w.outline(1, syscall.EIO)
	}
	w.told(0)
	w.disk.longest.Store(0)
	w.outline(2, nil)
	w.disk.longest.Store(10)
	w.outline(1, millrace.ErrCorrupt)
	w.told(1)
}

func TestAnOutlineOfWhatIsGoneIsNotFound(t *testing.T) {
	w := newWard(t, func([]byte, []pack.Entry) {})
	f := w.list[1]
	w.SetPolicy(f.Stream, store.Policy{Retention: time.Hour, Deletions: []store.Deletion{{
		ID: 1, Stream: f.Stream, From: f.ServerTime(), To: f.ServerTime().Add(1), Last: w.list[3].Number,
	}}})
	w.outline(1, millrace.ErrNotFound)
	w.outline(2, nil)
	if err := w.Drop(t.Context(), f.Stream); err != nil {
		t.Fatal(err)
	}
	w.outline(2, millrace.ErrNotFound)
}

// watched is a file system that counts reads and can make them fail.
type watched struct {
	store.FS
	reads   atomic.Int64
	longest atomic.Int64 // bytes of what can be read at once, 0 for any
	spoil   atomic.Bool  // reads of bodies, which are long, are wrong
}

type watchedFile struct {
	w    *watched
	name string
	store.File
}

func (w *watched) Open(name string) (store.File, error) {
	f, err := w.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return watchedFile{w, name, f}, nil
}

func (f watchedFile) ReadAt(p []byte, off int64) (int, error) {
	f.w.reads.Add(1)
	if n := f.w.longest.Load(); n > 0 && int64(len(p)) > n {
		return 0, fmt.Errorf("read %s: %w", f.name, syscall.EIO)
	}
	n, err := f.File.ReadAt(p, off)
	if f.w.spoil.Load() && n > 250 && n != pack.RecordHeaderSize {
		p[n-1] ^= 1
	}
	return n, err
}
