package pack_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store/storetest"
)

// A built pack is a file in memory and what is in it.
type built struct {
	header    pack.FileHeader
	file      []byte
	fragments []*millrace.Fragment
	offsets   []int64
	elements  *millrace.Header
	headerAt  [2]int64
	footer    pack.Footer
}

// build makes a pack of n fragments, with a batch for each.
func build(t *testing.T, n int) *built {
	t.Helper()
	return buildVersion(t, pack.FormatVersion, n)
}

func buildVersion(t *testing.T, version uint32, n int) *built {
	t.Helper()
	b := &built{
		header:   pack.FileHeader{Version: version, Epoch: 3, Pack: 3<<32 | 1, Created: storetest.Epoch(), Salt: 0x5a17},
		elements: millrace.NewHeader([]byte("these are header elements")),
	}
	if version > 1 {
		b.header.Class = 3
	}
	b.file = b.header.Append(nil)
	for i := range b.headerAt {
		b.headerAt[i] = int64(len(b.file))
		b.file = pack.AppendHeader(b.file, b.elements)
		pack.Stamp{Salt: b.header.Salt}.Put(b.file[b.headerAt[i]:])
		b.footer.Headers = append(b.footer.Headers, pack.HeaderEntry{Hash: b.elements.Hash, Offset: b.headerAt[i]})
	}
	g := storetest.NewFragments(1)
	for i := range n {
		f := g.Make(millrace.StreamKey{ID: uint64(i % 3), Generation: 2}, 100+i*10)
		f.Header = b.elements
		b.add(t, f)
	}
	return b
}

func (b *built) add(t *testing.T, f *millrace.Fragment) {
	t.Helper()
	off := int64(len(b.file))
	head, e, err := pack.AppendFragment(nil, f)
	if err != nil {
		t.Fatal(err)
	}
	e.Offset = off
	pack.Stamp{Salt: b.header.Salt, Synced: off, HeaderAt: b.headerAt}.Put(head)
	b.file = append(b.file, bytes.Join(pack.AppendBody([][]byte{head}, f), nil)...)
	b.file = append(b.file, make([]byte, pack.Aligned(int64(len(b.file)))-int64(len(b.file)))...)
	b.fragments, b.offsets = append(b.fragments, f), append(b.offsets, off)
	b.footer.Entries = append(b.footer.Entries, e)
}

func (b *built) seal() {
	at := int64(len(b.file))
	b.file = b.footer.Append(b.file, b.header, at, at)
}

func (b *built) reader() *bytes.Reader { return bytes.NewReader(b.file) }

// read reads a fragment as a store does.
func (b *built) read(off int64) (*millrace.Fragment, error) {
	r := b.reader()
	rec, err := pack.ReadRecord(r, off, b.header.Salt)
	if err != nil {
		return nil, err
	}
	h, err := pack.ReadHeader(r, rec.HeaderAt[0], b.header.Salt, rec.Header)
	if err != nil {
		h, err = pack.ReadHeader(r, rec.HeaderAt[1], b.header.Salt, rec.Header)
	}
	if err != nil {
		return nil, err
	}
	table := make([]byte, rec.Table)
	if err := pack.ReadFull(r, table, off+pack.RecordHeaderSize); err != nil {
		return nil, err
	}
	body, err := pack.ReadBody(r, off, &rec)
	if err != nil {
		return nil, err
	}
	return rec.Fragment(table, body, h)
}

func TestAFragmentComesBackWhole(t *testing.T) {
	b := build(t, 20)
	for i, f := range b.fragments {
		got, err := b.read(b.offsets[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := storetest.Same(got, f); err != nil {
			t.Error(err)
		}
		rec, err := pack.ReadRecord(b.reader(), b.offsets[i], b.header.Salt)
		if err != nil || rec.Synced != b.offsets[i] || rec.HeaderAt != b.headerAt || rec.Mark != pack.MarkLive {
			t.Errorf("record is %+v, %v", rec, err)
		}
	}
}

func TestAFragmentOfExtremesComesBackWhole(t *testing.T) {
	f := &millrace.Fragment{
		Stream: millrace.StreamKey{ID: 1<<64 - 1, Generation: 1<<32 - 1}, Number: millrace.MaxFragmentNumber(),
		ProducerTime: time.UnixMilli(-1).UTC(), Timecode: 1<<64 - 1, TimecodeScale: 1<<64 - 1, Duration: -1,
		Sequence: 1<<64 - 1, Flags: 1<<32 - 1,
		Samples: []millrace.Sample{
			{Track: 1<<64 - 1, Offset: 1<<32 - 1, Size: 1<<32 - 1, Time: 1<<31 - 1, Flags: 255},
			{Time: -1 << 31},
		},
	}
	b := build(t, 0)
	f.Header = b.elements
	b.add(t, f)
	got, err := b.read(b.offsets[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := storetest.Same(got, f); err != nil {
		t.Error(err)
	}
}

func TestTooLongFragmentsAreRefused(t *testing.T) {
	piece := make([]byte, 1<<20)
	f := &millrace.Fragment{}
	for range pack.MaxBody/len(piece) + 1 {
		f.Cluster = append(f.Cluster, piece)
	}
	if _, _, err := pack.AppendFragment(nil, f); !errors.Is(err, pack.ErrTooLarge) {
		t.Errorf("err = %v", err)
	}
}

func TestTheFileHeaderSurvivesTheLossOfOneCopy(t *testing.T) {
	for name, at := range map[string]int{"first copy": 9, "second copy": 4096 + 20} {
		t.Run(name, func(t *testing.T) {
			b := build(t, 1)
			b.file[at] ^= 4
			if h, err := pack.ReadFileHeader(b.reader()); err != nil || h != b.header {
				t.Errorf("header is %+v, %v", h, err)
			}
		})
	}
}

func TestThePackSurvivesTheLossOfItsFileHeader(t *testing.T) {
	b := build(t, 1)
	clear(b.file[:pack.FileHeaderSize])
	if _, err := pack.ReadFileHeader(b.reader()); !errors.Is(err, millrace.ErrCorrupt) {
		t.Errorf("read: %v", err)
	}
	if salt, err := pack.Salvage(b.reader()); err != nil || salt != b.header.Salt {
		t.Errorf("salvaged %x, %v", salt, err)
	}
	if never, err := pack.NeverSynced(b.reader(), int64(len(b.file))); err != nil || never {
		t.Errorf("never synced: %t, %v", never, err)
	}
	torn := b.file[:b.offsets[0]]
	if never, err := pack.NeverSynced(bytes.NewReader(torn), int64(len(torn))); err != nil || !never {
		t.Errorf("first batch alone: never synced: %t, %v", never, err)
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	b := build(t, 1)
	b.seal()
	for name, at := range map[string]int{"file header": 0, "trailer": len(b.file) - pack.TrailerSize} {
		file := bytes.Clone(b.file)
		file[at+8]++
		pack.Seal(file[at : at+64])
		r := bytes.NewReader(file)
		_, header := pack.ReadFileHeader(r)
		_, _, trailer := pack.ReadFooter(r, int64(len(file)))
		if !errors.Is(errors.Join(header, trailer), pack.ErrVersion) {
			t.Errorf("%s: %v, %v", name, header, trailer)
		}
	}
}

func TestTheFooterTellsWhatThePackHolds(t *testing.T) {
	b := build(t, 20)
	b.footer.Limits = []pack.Limit{{First: 1, Last: 2, Offset: 3}}
	b.seal()
	f, h, err := pack.ReadFooter(b.reader(), int64(len(b.file)))
	want := b.header
	want.Epoch, want.Created = 0, time.Time{}
	if err != nil || h != want {
		t.Fatalf("%+v, %v", h, err)
	}
	if len(f.Entries) != 20 || len(f.Headers) != 2 || f.Headers[1] != b.footer.Headers[1] ||
		len(f.Limits) != 1 || f.Limits[0] != b.footer.Limits[0] {
		t.Fatalf("footer is %+v", f)
	}
	for i, e := range f.Entries {
		if e != b.footer.Entries[i] {
			t.Errorf("entry %d is %+v, want %+v", i, e, b.footer.Entries[i])
		}
	}
	if size := len(b.file) - int(b.offsets[19]) - 600; size > 20*60+600 {
		t.Errorf("footer of 20 fragments takes %d bytes", size)
	}
}

// Every byte of a sealed pack is flipped in turn. It must cost one fragment at
// most, and never go unseen where it matters.
func TestAFlippedBitCostsOneFragmentAtMost(t *testing.T) {
	b := build(t, 3)
	b.seal()
	good := b.file
	for at := range good {
		if at < pack.FileHeaderSize && at%97 > 0 {
			continue // most of the file header is zeros
		}
		b.file = bytes.Clone(good)
		b.file[at] ^= 1 << (at % 8)
		lost := 0
		for i, off := range b.offsets {
			f, err := b.read(off)
			switch {
			case errors.Is(err, millrace.ErrCorrupt):
				lost++
			case err != nil:
				t.Fatalf("byte %d: %v", at, err)
			case storetest.Same(f, b.fragments[i]) != nil:
				t.Fatalf("byte %d: a damaged fragment was served", at)
			}
		}
		if lost > 1 {
			t.Fatalf("byte %d costs %d fragments", at, lost)
		}
		if seen := b.scan(t); len(seen) < len(b.offsets)-1 {
			t.Fatalf("byte %d: a scan finds %d fragments", at, len(seen))
		}
		f, _, err := pack.ReadFooter(b.reader(), int64(len(b.file)))
		if err == nil && len(f.Entries) != 3 || err != nil && !errors.Is(err, millrace.ErrCorrupt) {
			t.Fatalf("byte %d: footer: %v, %v", at, f, err)
		}
	}
}

// scan lists the offsets of the fragments that a scan finds.
func (b *built) scan(t *testing.T) (seen []int64) {
	t.Helper()
	s := pack.NewScanner(b.reader(), b.header.Salt, int64(len(b.file)))
	for s.Next() {
		if s.Record().Kind == pack.KindFragment {
			seen = append(seen, s.Offset())
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return seen
}

func TestAScanStepsOverDamage(t *testing.T) {
	for name, tc := range map[string]struct {
		damage func(b *built)
		seen   []int
		gaps   int
	}{
		"nothing":                          {func(*built) {}, []int{0, 1, 2, 3}, 0},
		"a damaged body is still a record": {func(b *built) { b.file[b.offsets[1]+400] ^= 1 }, []int{0, 1, 2, 3}, 0},
		"a damaged header is a gap":        {func(b *built) { b.file[b.offsets[1]] ^= 1 }, []int{0, 2, 3}, 1},
		"zeros are a gap":                  {func(b *built) { clear(b.file[b.offsets[1]:b.offsets[3]]) }, []int{0, 3}, 1},
		"a torn tail is a gap":             {func(b *built) { b.file = b.file[:len(b.file)-70] }, []int{0, 1, 2}, 1},
		"a record's image in a body is not a record": {func(b *built) {
			image := bytes.Clone(b.file[b.offsets[0] : b.offsets[0]+pack.RecordHeaderSize])
			pack.Stamp{Salt: b.header.Salt + 1}.Put(image)
			at := pack.Aligned(b.offsets[3] + pack.RecordHeaderSize)
			b.file = append(b.file[:at], append(image, make([]byte, 4096)...)...)
			b.file[b.offsets[3]] ^= 1
		}, []int{0, 1, 2}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := build(t, 4)
			tc.damage(b)
			s := pack.NewScanner(b.reader(), b.header.Salt, int64(len(b.file)))
			var seen []int64
			gaps := 0
			for s.Next() {
				if s.Record().Kind == pack.KindFragment {
					seen = append(seen, s.Offset())
				}
				if s.Gap() > 0 {
					gaps++
				}
			}
			if s.Gap() > 0 {
				gaps++
			}
			var want []int64
			for _, i := range tc.seen {
				want = append(want, b.offsets[i])
			}
			if len(seen) != len(want) || gaps != tc.gaps || s.Err() != nil {
				t.Fatalf("seen %v, %d gaps, %v; want %v, %d gaps", seen, gaps, s.Err(), want, tc.gaps)
			}
			for i := range want {
				if seen[i] != want[i] {
					t.Errorf("seen %v, want %v", seen, want)
				}
			}
		})
	}
}

func TestLimitsComeBack(t *testing.T) {
	want := []pack.Limit{{First: 1, Last: 9, Offset: 0}, {First: 10, Last: 10, Offset: 1 << 40}}
	b := pack.AppendLimits(nil, want)
	pack.Stamp{Salt: 1}.Put(b)
	rec, err := pack.ParseRecord(b, 1)
	if err != nil || rec.Kind != pack.KindLimits {
		t.Fatal(rec, err)
	}
	body, err := pack.ReadBody(bytes.NewReader(b), 0, &rec)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pack.ParseLimits(body)
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("limits are %v, %v", got, err)
	}
	if _, err := pack.ParseLimits(body[1:]); !errors.Is(err, millrace.ErrCorrupt) {
		t.Errorf("cut limits: %v", err)
	}
}

// TestHeaderElementsHaveTheirHash: a record that is whole, and holds elements
// other than those that it names, is not believed.
func TestHeaderElementsHaveTheirHash(t *testing.T) {
	h := &millrace.Header{Bytes: []byte("these are others"), Hash: millrace.NewHeader([]byte("these")).Hash}
	b := pack.AppendHeader(nil, h)
	pack.Stamp{Salt: 7}.Put(b)
	if got, err := pack.ReadHeader(bytes.NewReader(b), 0, 7, h.Hash); !errors.Is(err, millrace.ErrCorrupt) {
		t.Errorf("read %v, %v", got, err)
	}
}
