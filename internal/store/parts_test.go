package store_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// keepOne is an engine in memory with one fragment in it, and where that is.
func keepOne(t *testing.T, d *mem.FS, size int) (*store.Driver, *millrace.Fragment, store.Entry, *[]store.Damage) {
	t.Helper()
	var damage []store.Damage
	e, err := store.OpenByHand(t.Context(), store.Config{
		FS: d, Epoch: 1, Events: store.Events{Damaged: func(x store.Damage) { damage = append(damage, x) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	f := storetest.NewFragments(3).Make(millrace.StreamKey{ID: 1, Generation: 1}, size)
	submit(t, e, f)
	e.Step()
	list, err := e.After(t.Context(), store.Scope{Stream: f.Stream}, millrace.FragmentNumber{}, 1)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return e, f, list[0], &damage
}

// bodyOf is what the parts of a fragment make together.
func bodyOf(f *millrace.Fragment) []byte {
	return slices.Concat(f.Leading, bytes.Join(f.Cluster, nil), f.Trailing)
}

func TestAFragmentIsReadInParts(t *testing.T) {
	e, f, entry, _ := keepOne(t, mem.NewFS(), 100_000)
	want := bodyOf(f)
	for _, size := range []int{1000, 4096, len(want) - 1, len(want), 1 << 20} {
		buf := make([]byte, size)
		p, err := e.Open(t.Context(), store.Scope{Stream: f.Stream}, entry, buf)
		if err != nil {
			t.Fatal(err)
		}
		if p.Number != f.Number || !p.ProducerTime.Equal(f.ProducerTime) || !bytes.Equal(p.Header.Bytes, f.Header.Bytes) ||
			p.Leading != int64(len(f.Leading)) || p.Cluster != int64(f.ClusterSize()) || p.Trailing != int64(len(f.Trailing)) {
			t.Errorf("opened %+v", p)
		}
		var got []byte
		for {
			n, err := p.Read(buf)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || n == 0 {
				t.Fatal(n, err)
			}
			got = append(got, buf[:n]...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("with %d bytes at a time: %d bytes, want %d", size, len(got), len(want))
		}
		if _, err := p.Read(buf); !errors.Is(err, io.EOF) {
			t.Errorf("behind the end: %v", err)
		}
	}
}

// I7: what is damaged when it is opened is not opened, and of what is damaged
// later the last part is missing.
func TestDamagedPartsAreNotServedAsGood(t *testing.T) {
	for name, early := range map[string]bool{"before it is opened": true, "while it is read": false} {
		t.Run(name, func(t *testing.T) {
			d := mem.NewFS()
			e, f, entry, damage := keepOne(t, d, 10_000)
			spoil := func() {
				file, err := d.Open(mustName(t, d))
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				if _, err := file.WriteAt([]byte{0xee, 0x11}, entry.Position.Offset+4000); err != nil {
					t.Fatal(err)
				}
			}
			if early {
				spoil()
			}
			buf := make([]byte, 3000)
			p, err := e.Open(t.Context(), store.Scope{Stream: f.Stream}, entry, buf)
			if early {
				if !errors.Is(err, millrace.ErrCorrupt) || len(*damage) != 1 {
					t.Errorf("%v, %d reports", err, len(*damage))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			spoil()
			got := 0
			for err == nil {
				var n int
				n, err = p.Read(buf)
				got += n
			}
			if !errors.Is(err, millrace.ErrCorrupt) || got >= len(bodyOf(f)) || got < len(bodyOf(f))-len(buf) || len(*damage) != 1 {
				t.Errorf("%d of %d bytes, then %v; %d reports", got, len(bodyOf(f)), err, len(*damage))
			}
		})
	}
}

// A fragment whose bytes were given back meanwhile is gone, and not damaged.
func TestAFragmentGoesWhileItIsRead(t *testing.T) {
	for name, goes := range map[string]func(t *testing.T, d *mem.FS, e *store.Driver, entry store.Entry){
		"with its pack": func(t *testing.T, d *mem.FS, e *store.Driver, entry store.Entry) {
			e.Close() // seals it
			if err := d.Remove(mustName(t, d)); err != nil {
				t.Fatal(err)
			}
		},
		"by a mark and a hole": func(t *testing.T, d *mem.FS, _ *store.Driver, entry store.Entry) {
			file, err := d.Open(mustName(t, d))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			_, mark := file.WriteAt([]byte{0xff}, entry.Position.Offset+6)
			_, hole := file.WriteAt(make([]byte, 4096), entry.Position.Offset+4096)
			if err := errors.Join(mark, hole); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := mem.NewFS()
			e, f, entry, damage := keepOne(t, d, 10_000)
			buf := make([]byte, 3000)
			p, err := e.Open(t.Context(), store.Scope{Stream: f.Stream}, entry, buf)
			if err != nil {
				t.Fatal(err)
			}
			goes(t, d, e, entry)
			whole := bodyOf(f)
			for n := 0; err == nil; {
				n, err = p.Read(buf)
				if !bytes.HasPrefix(whole, buf[:n]) {
					t.Error("bytes were given out that are not those of the fragment (I7)")
				}
				whole = whole[min(n, len(whole)):]
			}
			if !errors.Is(err, millrace.ErrNotFound) || len(*damage) != 0 {
				t.Errorf("%v, %d reports", err, len(*damage))
			}
			if _, err := e.Open(t.Context(), store.Scope{Stream: f.Stream}, entry, buf); !errors.Is(err, millrace.ErrNotFound) {
				t.Errorf("opened again: %v", err)
			}
		})
	}
}

// mustName is the name of the one pack.
func mustName(t *testing.T, d *mem.FS) string {
	t.Helper()
	names, err := d.ReadDir()
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	return names[0]
}
