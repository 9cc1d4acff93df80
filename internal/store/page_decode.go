package store

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// Entries appends the page's entries to list, in their order. A page that is
// not as NewIndexPage made it is millrace.ErrCorrupt, and list is returned as
// it was.
func (p *IndexPage) Entries(list []Entry) ([]Entry, error) {
	if len(p.Data) < pageBodyAt {
		return list, p.corrupt("%d bytes", len(p.Data))
	}
	if p.Data[0] != pageFormat {
		return list, p.corrupt("format %d", p.Data[0])
	}
	if sum := binary.LittleEndian.Uint32(p.Data[pageSumAt:]); sum != p.checksum() {
		return list, p.corrupt("checksum")
	}
	whole, ok := decodePage(p.Data[pageBodyAt:], list)
	if !ok || len(whole)-len(list) != p.Count {
		return list, p.corrupt("entries")
	}
	return whole, nil
}

func (p *IndexPage) corrupt(format string, args ...any) error {
	return fmt.Errorf("index page %x of stream %d/%d: %s: %w",
		p.First, p.Stream.ID, p.Stream.Generation, fmt.Sprintf(format, args...), millrace.ErrCorrupt)
}

// decodePage appends the entries in b, which begins with their number.
func decodePage(b []byte, list []Entry) ([]Entry, bool) {
	r := pageReader{rest: b}
	n := r.uvarint()
	if n > PageEntries || n > uint64(len(r.rest)/shortestEntry) {
		return list, false
	}
	whole := slices.Grow(list, int(n))
	var s prior
	for range n {
		whole = append(whole, r.entry(&s))
	}
	if r.bad || len(r.rest) != 0 {
		return list, false
	}
	return whole, true
}

// A pageReader takes the data of a page apart. Behind the end everything is
// zero, and bad.
type pageReader struct {
	rest []byte
	bad  bool
}

// entry reads the entry that follows s, and moves s to it.
func (r *pageReader) entry(s *prior) Entry {
	has := r.byte()
	r.bad = r.bad || has&hasUnknown != 0
	r.number(has, s)
	s.producer += r.varint() + s.duration.Milliseconds()
	switch {
	case has&hasMillis != 0:
		s.duration += time.Duration(r.varint()) * time.Millisecond
	case has&hasNanos != 0:
		s.duration += time.Duration(r.varint())
	}
	if has&hasFlags != 0 {
		s.flags ^= millrace.FragmentFlags(r.uvarint())
	}
	if has&hasPack != 0 {
		s.pack += uint64(r.varint())
		s.offset = 0
	}
	s.offset += r.varint()
	r.bad = r.bad || s.offset < 0 || s.offset > math.MaxInt64/pack.Align
	return Entry{
		Number: s.number.number(), ProducerTime: time.UnixMilli(s.producer).UTC(), Duration: s.duration,
		Size: int64(r.uvarint()), Flags: s.flags,
		Position: Position{Pack: s.pack, Offset: s.offset * pack.Align},
	}
}

// number moves s to the number of the entry. What is expected of its time
// needs the duration of the one before.
func (r *pageReader) number(has byte, s *prior) {
	s.number.head = usualHead
	if has&hasHead != 0 {
		s.number.head = r.byte() & 0xf
	}
	s.number.sequence++
	if has&hasSequence != 0 {
		s.number.sequence += uint64(r.varint())
	}
	s.number.millis += uint64(r.varint() + s.duration.Milliseconds())
	s.number.random = r.uint32() & (1<<28 - 1)
}

func (r *pageReader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *pageReader) uint32() uint32 {
	if len(r.rest) < 4 {
		r.bad, r.rest = true, nil
		return 0
	}
	v := binary.LittleEndian.Uint32(r.rest)
	r.rest = r.rest[4:]
	return v
}

func (r *pageReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *pageReader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}
