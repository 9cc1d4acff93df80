package store_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// content reads a whole file.
func content(t *testing.T, d store.FS, name string) []byte {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// disked makes a directory of one durable file.
func disked(t *testing.T, name string, b []byte) *mem.FS {
	t.Helper()
	d := mem.NewFS()
	f, err := d.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteV([][]byte{b})
	if err := errors.Join(err, f.Sync(), d.SyncDir(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return d
}

// onePack makes a pack of n fragments, each a batch of its own, and returns
// its name and bytes, sealed or as a kill leaves it.
func onePack(t *testing.T, n int, sealed bool) (string, []byte, []*millrace.Fragment) {
	t.Helper()
	d := mem.NewFS()
	w := newWorld(1, machineOf(d))
	if err := w.open(); err != nil {
		t.Fatal(err)
	}
	var list []*millrace.Fragment
	for range n {
		list = append(list, w.make.Make(millrace.StreamKey{ID: 1}, 300))
		submit(t, w.engine, list[len(list)-1])
		w.engine.Step()
	}
	if sealed {
		w.engine.Close()
	}
	names, err := d.ReadDir()
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	return names[0], content(t, d, names[0]), list
}

func submit(t *testing.T, e *store.Driver, f *millrace.Fragment) {
	t.Helper()
	err := e.Submit(t.Context(), f, func(err error) {
		if err != nil {
			t.Errorf("done: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A survey is what an engine finds of a list of fragments.
type survey struct {
	lost   int
	damage []store.Damage
}

func surveyOf(t *testing.T, d store.FS, list []*millrace.Fragment) (s survey) {
	t.Helper()
	e, err := store.OpenByHand(t.Context(), store.Config{
		FS: d, Epoch: 9, Events: store.Events{Damaged: func(x store.Damage) { s.damage = append(s.damage, x) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	scope := store.Scope{Stream: list[0].Stream}
	for _, f := range list {
		found, err := e.After(t.Context(), scope, f.Number.Prev(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 || found[0].Number != f.Number {
			s.lost++
			continue
		}
		got, err := e.Read(t.Context(), scope, found[0], nil)
		switch {
		case errors.Is(err, millrace.ErrCorrupt):
			s.lost++
		case err != nil:
			t.Fatal(err)
		case storetest.Same(got, f) != nil:
			t.Fatal("a damaged fragment was served")
		}
	}
	return s
}

func TestAFlippedBitIsContainedAndReported(t *testing.T) {
	for name, sealed := range map[string]bool{"sealed": true, "as a kill leaves it": false} {
		t.Run(name, func(t *testing.T) {
			file, good, list := onePack(t, 4, sealed)
			if s := surveyOf(t, disked(t, file, good), list); s.lost > 0 || len(s.damage) > 0 {
				t.Fatalf("undamaged pack: %+v", s)
			}
			for at := 0; at < len(good); at += 11 {
				bad := append([]byte(nil), good...)
				bad[at] ^= 1 << (at % 8)
				s := surveyOf(t, disked(t, file, bad), list)
				// What the last batch lost may have been torn by the kill.
				inLast := !sealed && at >= len(good)-1024
				if s.lost > 1 || s.lost > 0 && len(s.damage) == 0 && !inLast {
					t.Fatalf("byte %d: %+v", at, s)
				}
			}
		})
	}
}

func TestATornRecordStaysAwayWhenTheFooterIsTornToo(t *testing.T) {
	d := mem.NewFS()
	w := newWorld(1, machineOf(d))
	if err := w.open(); err != nil {
		t.Fatal(err)
	}
	var list []*millrace.Fragment
	for range 3 {
		list = append(list, w.make.Make(millrace.StreamKey{ID: 1}, 3000))
		list[len(list)-1].Header = nil
		submit(t, w.engine, list[len(list)-1])
	}
	w.engine.Step() // one batch
	names, _ := d.ReadDir()
	b := content(t, d, names[0])
	b[pack.FileHeaderSize+3000+1200] ^= 1 // in the body of the second
	d = disked(t, names[0], b)
	if s := surveyOf(t, d, list); s.lost != 1 || len(s.damage) > 0 {
		t.Fatalf("torn batch: %+v", s)
	}
	b = content(t, d, names[0]) // sealed by that
	d = disked(t, names[0], b[:len(b)-pack.TrailerSize])
	if s := surveyOf(t, d, list); s.lost != 1 || len(s.damage) > 0 {
		t.Fatalf("torn footer: %+v", s)
	}
}

func TestAPackOfANewerFormatIsRefused(t *testing.T) {
	file, b, _ := onePack(t, 1, false)
	for _, at := range []int{0, 4096} {
		b[at+8]++ // the version; the checksum must be right for it to count
		crc := checksum(b[at : at+60])
		copy(b[at+60:], []byte{byte(crc), byte(crc >> 8), byte(crc >> 16), byte(crc >> 24)})
	}
	_, err := store.Open(t.Context(), store.Config{FS: disked(t, file, b), Epoch: 9})
	if !errors.Is(err, pack.ErrVersion) {
		t.Errorf("open: %v", err)
	}
}

func TestAnOlderEpochIsRefused(t *testing.T) {
	d := mem.NewFS()
	gen := storetest.NewFragments(1)
	e := open(t, store.Config{FS: d, Epoch: 5, PackSize: 1})
	for range 4 {
		commit(t, e, gen.Make(millrace.StreamKey{}, 10))
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := store.NewestEpoch(d); n != 5 || err != nil {
		t.Errorf("newest epoch is %d, %v", n, err)
	}
	if _, err := store.Open(t.Context(), store.Config{FS: d, Epoch: 4}); !errors.Is(err, millrace.ErrConflict) {
		t.Errorf("open in an older epoch: %v", err)
	}
	e = open(t, store.Config{FS: d, Epoch: 5})
	commit(t, e, gen.Make(millrace.StreamKey{}, 10))
	if s := e.StreamStats(millrace.StreamKey{}); s.Fragments != 5 {
		t.Errorf("%d fragments are found", s.Fragments)
	}
}

func TestATornTailIsCut(t *testing.T) {
	file, b, list := onePack(t, 3, false)
	d := disked(t, file, b[:len(b)-100])
	if s := surveyOf(t, d, list); s.lost != 1 || len(s.damage) > 0 {
		t.Fatalf("torn pack: %+v", s)
	}
	b = content(t, d, file)
	h, err := pack.ReadFileHeader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	s := pack.NewScanner(bytes.NewReader(b), h.Salt, int64(len(b)-pack.TrailerSize))
	for s.Next() {
		if s.Gap() > 0 {
			t.Errorf("%d bytes that nobody can read lie before %d", s.Gap(), s.Offset())
		}
	}
	if s.Gap() > 0 || s.Err() != nil {
		t.Errorf("%d bytes that nobody can read lie at the end, %v", s.Gap(), s.Err())
	}
}

func TestAPackThatCannotBeIdentifiedIsReportedAndLeft(t *testing.T) {
	file, b, list := onePack(t, 3, false)
	clear(b[:pack.FileHeaderSize+pack.RecordHeaderSize])
	d := disked(t, file, b)
	if s := surveyOf(t, d, list); s.lost != 3 || len(s.damage) != 1 {
		t.Errorf("%+v", s)
	}
	if !bytes.Equal(content(t, d, file), b) {
		t.Error("the pack has changed")
	}
}

func TestAPackWithoutAFileHeaderIsRead(t *testing.T) {
	file, b, list := onePack(t, 3, false)
	clear(b[:pack.FileHeaderSize])
	if s := surveyOf(t, disked(t, file, b), list); s.lost != 0 {
		t.Errorf("%+v", s)
	}
}
