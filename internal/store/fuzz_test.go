package store_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// FuzzDamagedPack writes over some bytes of a pack, cuts it, and opens it. What
// is served then must be what was put (I2, I7).
func FuzzDamagedPack(f *testing.F) {
	gen := storetest.NewFragments(3)
	var list []*millrace.Fragment
	put := func(e *store.Driver) {
		for _, x := range list {
			if err := e.Submit(f.Context(), x, func(error) {}); err != nil {
				f.Fatal(err)
			}
			e.Step()
		}
	}
	for range 3 {
		list = append(list, gen.Make(millrace.StreamKey{ID: 1}, 200))
	}
	packs := map[bool][]byte{false: written(f, put, false), true: written(f, put, true)}
	f.Add([]byte{0, 0, 1}, uint16(0), true)
	f.Add([]byte{0x20, 0x06, 0xff, 0x10, 0, 1}, uint16(64), false)
	f.Fuzz(func(t *testing.T, edits []byte, cut uint16, sealed bool) {
		b := append([]byte(nil), packs[sealed]...)
		for ; len(edits) >= 3; edits = edits[3:] {
			b[int(binary.BigEndian.Uint16(edits))%len(b)] = edits[2]
		}
		serveOnly(t, disked(t, "0000000000000001.pack", b[:len(b)-int(cut)%len(b)]), list)
	})
}

// written returns the pack that put makes.
func written(f *testing.F, put func(*store.Driver), sealed bool) []byte {
	d := mem.NewFS()
	e, err := store.OpenByHand(f.Context(), store.Config{FS: d})
	if err != nil {
		f.Fatal(err)
	}
	put(e)
	if sealed {
		e.Close()
	}
	file, err := d.Open("0000000000000001.pack")
	if err != nil {
		f.Fatal(err)
	}
	size, err := file.Size()
	if err != nil {
		f.Fatal(err)
	}
	b := make([]byte, size)
	if _, err := file.ReadAt(b, 0); err != nil {
		f.Fatal(err)
	}
	return b
}

func serveOnly(t *testing.T, d store.FS, list []*millrace.Fragment) {
	e, err := store.OpenByHand(t.Context(), store.Config{FS: d})
	if err != nil {
		return // a newer version, for example
	}
	defer e.Close()
	scope := store.Scope{Stream: list[0].Stream}
	entries, err := e.After(t.Context(), scope, millrace.FragmentNumber{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		got, err := e.Read(t.Context(), scope, entry, nil)
		if errors.Is(err, millrace.ErrCorrupt) || errors.Is(err, millrace.ErrNotFound) {
			continue // damaged, or marked as deleted
		}
		if err != nil {
			t.Fatal(err)
		}
		known := false
		for _, f := range list {
			known = known || storetest.Same(got, f) == nil
		}
		if !known {
			t.Fatalf("%v is served and was never put", got.Number)
		}
	}
}
