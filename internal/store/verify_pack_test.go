package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// A handmade pack is sealed and holds fragments of several streams, all kinds of
// records, and records that are marked, with a hole and without one.
type handmade struct {
	file   []byte
	header pack.FileHeader
	footer pack.Footer
	live   []*millrace.Fragment
	at     map[*millrace.Fragment]int64 // offsets of the records
	dead   [][2]int64                   // ranges of marked bodies
}

const handmadeNumber = 3<<32 | 1

func makePack(t *testing.T, sealed bool) *handmade {
	t.Helper()
	m := &handmade{
		header: pack.FileHeader{Epoch: 3, Pack: handmadeNumber, Created: storetest.Epoch(), Salt: 0x5a17_0000_1234, Class: 2},
		at:     make(map[*millrace.Fragment]int64),
	}
	m.file = m.header.Append(nil)
	m.addLimits([]pack.Limit{{First: 1, Last: 3, Offset: 0}, {First: 9, Last: 9, Offset: 123_456}})
	gen := storetest.NewFragments(4)
	headers := make(map[[32]byte][2]int64)
	for i, size := range []int{130, 70, 8500, 200, 60, 90} {
		f := gen.Make(millrace.StreamKey{ID: uint64(i % 3), Generation: 1}, size)
		if f.Header != nil && headers[f.Header.Hash] == [2]int64{} {
			headers[f.Header.Hash] = m.addHeader(f.Header)
		}
		m.add(t, f, headers[f.Header.Hash])
		if i == 2 || i == 4 {
			m.mark(t)
		} else {
			m.live = append(m.live, f)
		}
	}
	if sealed {
		at := int64(len(m.file))
		m.file = m.footer.Append(m.file, m.header, at, at)
	}
	return m
}

func (m *handmade) stamp(off int64, headerAt [2]int64) {
	pack.Stamp{Salt: m.header.Salt, Synced: off, HeaderAt: headerAt}.Put(m.file[off:])
}

func (m *handmade) addTwice(record func([]byte) []byte) (at [2]int64) {
	for i := range at {
		at[i] = int64(len(m.file))
		m.file = record(m.file)
		m.stamp(at[i], [2]int64{})
	}
	return at
}

func (m *handmade) addLimits(limits []pack.Limit) {
	m.footer.Limits = limits
	m.addTwice(func(b []byte) []byte { return pack.AppendLimits(b, limits) })
}

func (m *handmade) addHeader(h *millrace.Header) [2]int64 {
	at := m.addTwice(func(b []byte) []byte { return pack.AppendHeader(b, h) })
	for _, off := range at {
		m.footer.Headers = append(m.footer.Headers, pack.HeaderEntry{Hash: h.Hash, Offset: off})
	}
	return at
}

func (m *handmade) add(t *testing.T, f *millrace.Fragment, headerAt [2]int64) {
	t.Helper()
	off := int64(len(m.file))
	b, e, err := pack.AppendFragment(m.file, f)
	if err != nil {
		t.Fatal(err)
	}
	m.file, e.Offset, m.at[f] = b, off, off
	m.stamp(off, headerAt)
	m.file = append(m.file, bytes.Join(pack.AppendBody(nil, f), nil)...)
	m.file = append(m.file, make([]byte, pack.Aligned(int64(len(m.file)))-int64(len(m.file)))...)
	m.footer.Entries = append(m.footer.Entries, e)
}

// mark marks the last record and makes a hole of the whole blocks of its body.
func (m *handmade) mark(t *testing.T) {
	t.Helper()
	off := m.footer.Entries[len(m.footer.Entries)-1].Offset
	if err := errors.Join(pack.WriteHasMarks(bytesAt(m.file)), pack.WriteMark(bytesAt(m.file), off)); err != nil {
		t.Fatal(err)
	}
	rec, err := pack.ReadRecord(bytes.NewReader(m.file), off, m.header.Salt)
	if err != nil {
		t.Fatal(err)
	}
	from, to := off+rec.BodyOffset(), off+rec.BodyOffset()+int64(rec.Stored)
	m.dead = append(m.dead, [2]int64{from, to})
	if first, last := (from+4095)/4096*4096, to/4096*4096; first < last {
		clear(m.file[first:last])
	}
}

// isDead reports whether a byte is of a body that was deleted.
func (m *handmade) isDead(at int) bool {
	return slices.ContainsFunc(m.dead, func(d [2]int64) bool { return d[0] <= int64(at) && int64(at) < d[1] })
}

// lost reads all live fragments as a store does, and counts those that are
// corrupt.
func (m *handmade) lost(t *testing.T, at int) (n int) {
	t.Helper()
	for _, f := range m.live {
		got, err := readRecord(m.file, m.at[f], m.header.Salt)
		switch {
		case errors.Is(err, millrace.ErrCorrupt):
			n++
		case err != nil:
			t.Fatal(err)
		case storetest.Same(got, f) != nil:
			t.Fatalf("byte %d: a damaged fragment was served", at)
		}
	}
	return n
}

func readRecord(file []byte, off int64, salt uint64) (*millrace.Fragment, error) {
	r := bytes.NewReader(file)
	rec, err := pack.ReadRecord(r, off, salt)
	if err != nil {
		return nil, err
	}
	h, err := pack.ReadHeader(r, rec.HeaderAt[0], salt, rec.Header)
	if err != nil {
		h, err = pack.ReadHeader(r, rec.HeaderAt[1], salt, rec.Header)
	}
	if err != nil {
		return nil, err
	}
	body, err := pack.ReadBody(r, off, &rec)
	if err != nil {
		return nil, err
	}
	return rec.Fragment(file[off+pack.RecordHeaderSize:][:rec.Table], body, h)
}

type bytesAt []byte

func (b bytesAt) WriteAt(p []byte, off int64) (int, error) { return copy(b[off:], p), nil }

func verify(t *testing.T, file []byte) store.PackReport {
	t.Helper()
	r, err := store.VerifyPack(t.Context(), bytes.NewReader(file), int64(len(file)), handmadeNumber)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAWholePackVerifies(t *testing.T) {
	for _, sealed := range []bool{true, false} {
		r := verify(t, makePack(t, sealed).file)
		if r.Sealed != sealed || r.Fragments != 4 || r.Marked != 2 || r.Headers != 4 || r.Class != store.ClassWeek ||
			r.Read < r.Size-9000 || len(r.Damaged)+len(r.Torn)+r.More > 0 {
			t.Errorf("sealed %t: %+v", sealed, r)
		}
	}
}

// Every byte of a pack is flipped in turn, or each of its bits where there is
// time. VerifyPack finds every one, but those in the bodies of marked records,
// which nobody reads; and none of them costs more than one fragment.
func TestAFlippedBitAnywhereIsFound(t *testing.T) {
	bits, step := 1, 5
	if os.Getenv("MILLRACE_TORTURE") != "" {
		bits, step = 8, 1
	}
	every := func(sealed bool, step int) func(*testing.T) {
		return func(t *testing.T) {
			m := makePack(t, sealed)
			for at := 0; at < len(m.file); at += step {
				for b := range bits {
					flip(t, m, at, 1<<((at+b)%8), sealed)
				}
			}
		}
	}
	t.Run("sealed", every(true, 1))
	t.Run("as a kill leaves it", every(false, step))
}

func flip(t *testing.T, m *handmade, at int, bit byte, sealed bool) {
	t.Helper()
	m.file[at] ^= bit
	defer func() { m.file[at] ^= bit }()
	r := verify(t, m.file)
	found := append(slices.Clone(r.Damaged), r.Torn...)
	switch {
	case len(found) == 0 && m.isDead(at):
	case len(found) == 0:
		t.Fatalf("byte %d, bit %02x: not found", at, bit)
	case sealed && len(r.Damaged) == 0:
		t.Fatalf("byte %d, bit %02x: taken for torn: %+v", at, bit, r.Torn)
	case !slices.ContainsFunc(found, func(d store.Damage) bool { return d.Offset <= int64(at) && int64(at) < d.Offset+d.Length }):
		t.Fatalf("byte %d, bit %02x: found elsewhere: %+v", at, bit, found)
	}
	if at < pack.FileHeaderSize && at%64 > 0 {
		return // no record is touched
	}
	if n := m.lost(t, at); n > 1 {
		t.Fatalf("byte %d, bit %02x costs %d fragments", at, bit, n)
	}
}

func TestAFlippedBitCostsAnEngineOneFragmentAtMost(t *testing.T) {
	step := 29
	if os.Getenv("MILLRACE_TORTURE") != "" {
		step = 1
	}
	m := makePack(t, true)
	for at := 0; at < len(m.file); at += step {
		bad := slices.Clone(m.file)
		bad[at] ^= 1 << (at % 8)
		lost := 0
		for id := range uint64(3) {
			var list []*millrace.Fragment
			for _, f := range m.live {
				if f.Stream.ID == id {
					list = append(list, f)
				}
			}
			s := surveyOf(t, disked(t, "0000000300000001.pack", bad), list)
			lost += s.lost
			if s.lost > 0 && len(s.damage) == 0 {
				t.Fatalf("byte %d: a loss was not reported", at)
			}
		}
		if lost > 1 {
			t.Fatalf("byte %d costs %d fragments", at, lost)
		}
	}
}

func TestACutPackIsFound(t *testing.T) {
	m := makePack(t, true)
	for size := range len(m.file) {
		if size%7 > 0 {
			continue
		}
		r := verify(t, m.file[:size])
		if r.Sealed || size > pack.FileHeaderSize && size%64 != 0 && len(r.Damaged)+len(r.Torn) == 0 {
			t.Fatalf("cut to %d bytes: %+v", size, r)
		}
	}
}

func TestDamageIsToldFromWhatACrashLeaves(t *testing.T) {
	m := makePack(t, false)
	last := m.at[m.live[len(m.live)-1]]
	for name, tc := range map[string]struct {
		at   int64
		torn bool
	}{
		"body of the first":   {m.at[m.live[0]] + 400, false},
		"header of the first": {m.at[m.live[0]] + 20, false},
		"body of the last":    {last + 400, true},
		"header of the last":  {last + 20, true},
	} {
		t.Run(name, func(t *testing.T) {
			file := slices.Clone(m.file)
			file[tc.at] ^= 1
			r := verify(t, file)
			if len(r.Torn) > 0 != tc.torn || len(r.Damaged) > 0 == tc.torn {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestEveryFragmentThatIsLostIsNamed(t *testing.T) {
	m := makePack(t, true)
	a, b := m.live[1], m.live[2]
	m.file[m.at[a]+20] ^= 1  // its header
	m.file[m.at[b]+500] ^= 1 // its body
	r := verify(t, m.file)
	if len(r.Damaged) != 2 || r.Fragments != 2 {
		t.Fatalf("%+v", r)
	}
	for i, f := range []*millrace.Fragment{a, b} {
		d := r.Damaged[i]
		if d.Stream != f.Stream || d.Number != f.Number || d.Pack != handmadeNumber || !errors.Is(d.Err, millrace.ErrCorrupt) {
			t.Errorf("damage is %+v, want %v", d, f.Number)
		}
	}
}

func TestAFooterThatTellsOfSomethingElseIsFound(t *testing.T) {
	for name, change := range map[string]func(*handmade){
		"a fragment too few":      func(m *handmade) { m.footer.Entries = slices.Delete(m.footer.Entries, 1, 2) },
		"a fragment too many":     func(m *handmade) { m.footer.Entries = append(m.footer.Entries, m.footer.Entries[5]) },
		"another checksum":        func(m *handmade) { m.footer.Entries[1].BodyCRC++ },
		"another place":           func(m *handmade) { m.footer.Entries[1].Offset += 64 },
		"header elements too few": func(m *handmade) { m.footer.Headers = m.footer.Headers[1:] },
		"other header elements":   func(m *handmade) { m.footer.Headers[1].Hash[0]++ },
		"a limit too few":         func(m *handmade) { m.footer.Limits = m.footer.Limits[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			m := makePack(t, false)
			change(m)
			at := int64(len(m.file))
			m.file = m.footer.Append(m.file, m.header, at, at)
			if r := verify(t, m.file); len(r.Damaged) == 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestAMarkWithoutTheNewsThatThereAreMarksIsFound(t *testing.T) {
	m := makePack(t, true)
	m.file[64], m.file[4096+64] = 0, 0
	if r := verify(t, m.file); len(r.Damaged) != 2 {
		t.Errorf("%+v", r)
	}
}

func TestPacksOfEveryVersionVerify(t *testing.T) {
	for _, name := range []string{"version1.pack", "version2.pack"} {
		b, err := os.ReadFile("../pack/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		r := verify(t, b)
		if !r.Sealed || r.Fragments != 5 || len(r.Damaged)+len(r.Torn) > 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAPackOfANewerFormatIsNotVerified(t *testing.T) {
	m := makePack(t, true)
	m.header.Version = pack.FormatVersion + 1
	copy(m.file, m.header.Append(nil))
	_, err := store.VerifyPack(t.Context(), bytes.NewReader(m.file), int64(len(m.file)), handmadeNumber)
	if !errors.Is(err, pack.ErrVersion) {
		t.Errorf("err = %v", err)
	}
}

func TestAFileThatIsNoPackIsDamage(t *testing.T) {
	for _, size := range []int{0, 10, 9000} {
		r := verify(t, bytes.Repeat([]byte{7}, size))
		if len(r.Damaged)+len(r.Torn) == 0 || r.Sealed {
			t.Errorf("%d bytes: %+v", size, r)
		}
	}
}

// badBlocks is a file of which some blocks cannot be read.
type badBlocks struct {
	io.ReaderAt
	from, to int64
}

func (b badBlocks) ReadAt(p []byte, off int64) (int, error) {
	if off < b.to && off+int64(len(p)) > b.from {
		return 0, syscall.EIO
	}
	return b.ReaderAt.ReadAt(p, off)
}

func TestABlockThatCannotBeReadCostsWhatIsInIt(t *testing.T) {
	m := makePack(t, true)
	const block = 12288 // within the hole of the third fragment and behind
	r, err := store.VerifyPack(t.Context(), badBlocks{bytes.NewReader(m.file), block, block + 4096}, int64(len(m.file)), handmadeNumber)
	if err != nil || len(r.Damaged) > 1 || r.Fragments != 4 {
		t.Errorf("in a hole: %+v, %v", r, err)
	}
	third := m.live[2]
	at := m.at[third] / 4096 * 4096
	r, err = store.VerifyPack(t.Context(), badBlocks{bytes.NewReader(m.file), at, at + 4096}, int64(len(m.file)), handmadeNumber)
	if err != nil || !slices.ContainsFunc(r.Damaged, func(d store.Damage) bool {
		return d.Number == third.Number && errors.Is(d.Err, syscall.EIO)
	}) || r.Fragments != 3 {
		t.Errorf("over fragments: %+v, %v", r, err)
	}
}

// cancelling is a file that ends a context after so many reads.
type cancelling struct {
	io.ReaderAt
	cancel func()
	left   int
}

func (c *cancelling) ReadAt(p []byte, off int64) (int, error) {
	if c.left--; c.left < 0 {
		c.cancel()
	}
	return c.ReaderAt.ReadAt(p, off)
}

func TestVerifyingEndsWithItsContextAndWithADeadDisk(t *testing.T) {
	m := makePack(t, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.VerifyPack(ctx, bytes.NewReader(m.file), int64(len(m.file)), handmadeNumber); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for reads := range 60 {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := store.VerifyPack(ctx, &cancelling{bytes.NewReader(m.file), cancel, reads}, int64(len(m.file)), handmadeNumber)
		if err != nil && !errors.Is(err, context.Canceled) || len(r.Damaged)+len(r.Torn) > 0 {
			t.Errorf("cancelled after %d reads: %+v, %v", reads, r, err)
		}
		cancel()
	}
	_, err := store.VerifyPack(t.Context(), badBlocks{bytes.NewReader(m.file), 8192, 1 << 40}, 1<<30, handmadeNumber)
	if !errors.Is(err, syscall.EIO) {
		t.Errorf("dead disk: %v", err)
	}
}
