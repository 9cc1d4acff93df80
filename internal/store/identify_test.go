package store_test

import (
	"errors"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// identify checks whose the i-th fragment is, or why nobody can say.
func (w *ward) identify(i int, want error) {
	w.t.Helper()
	p, id, err := w.Identify(w.t.Context(), w.scope(), w.entries[i])
	f := w.list[i]
	if want != nil {
		f = &millrace.Fragment{}
	}
	if !errors.Is(err, want) || p != f.Producer || id.Session != f.Session || id.Sequence != f.Sequence {
		w.t.Errorf("fragment %d is %v's %v, %v; want %v's %v %d, %v", i, p, id, err, f.Producer, f.Session, f.Sequence, want)
	}
}

func TestWhoMadeAFragmentStandsInItsFixedHeader(t *testing.T) {
	w := newWard(t, func(b []byte, entries []pack.Entry) {
		b[entries[1].Offset+20] ^= 4
		b[entries[2].Offset+pack.RecordHeaderSize+2] ^= 4 // its table
	})
	before := w.disk.reads.Load()
	w.identify(0, nil)
	w.identify(2, nil)
	if n := w.disk.reads.Load() - before; n != 2 {
		t.Errorf("%d reads", n)
	}
	w.told(0)
	w.identify(1, millrace.ErrCorrupt)
	w.told(1)
	w.outline(2, millrace.ErrCorrupt)
	w.identify(2, millrace.ErrCorrupt) // it is known now
	w.entries[3].Number = w.entries[3].Number.Next()
	w.list[3] = &millrace.Fragment{}
	w.identify(3, millrace.ErrNotFound)
}
