package store

import (
	"encoding/binary"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// The data of a page is
//
//	0       format version
//	1       checksum: CRC-32C of what the page says beside its data, and of
//	        the data without these four bytes
//	5       number of entries, a varint
//	        entries
//
// and an entry is
//
//	what it has, a byte of the bits below
//	4 bits of the number's head, a byte, if they are not 1
//	sequence less the one before less 1 (s), if that is not 0
//	server milliseconds less what was expected (s)
//	random part, 4 bytes
//	producer milliseconds less what was expected (s)
//	duration less the one before, in milliseconds or nanoseconds (s)
//	flags, XORed with those before (v), if they differ
//	pack less the one before (s), if that is not 0
//	offset in units of pack.Align, less the one before in the same pack (s)
//	size (v)
//
// where v is a varint as in encoding/binary, s one with zig-zag, and what is
// expected of a time is the one before and the duration before: media that has
// no gaps costs one byte. Before the first entry everything is zero. All
// differences wrap, so that every entry comes back as it was, provided that its
// offset is a multiple of pack.Align.
const (
	pageFormat = 1
	pageSumAt  = 1
	pageBodyAt = 5

	shortestEntry = 9  // bytes
	usualEntry    = 16 // bytes
)

// The bits of an entry's first byte.
const (
	hasHead = 1 << iota
	hasSequence
	hasMillis // duration in whole milliseconds
	hasNanos  // duration in nanoseconds
	hasFlags
	hasPack

	hasUnknown = 0xff &^ (hasPack<<1 - 1)
)

// What NewFragmentNumber puts at the head of a number.
const usualHead = 1

// numberParts are what a fragment number is made of.
type numberParts struct {
	head     byte
	sequence uint64
	millis   uint64
	random   uint32
}

func partsOf(n millrace.FragmentNumber) numberParts {
	b := n.Bytes()
	high, middle, low := binary.BigEndian.Uint32(b[0:]), binary.BigEndian.Uint64(b[4:]), binary.BigEndian.Uint64(b[12:])
	return numberParts{
		head:     b[0] >> 4,
		sequence: uint64(high)<<36 | middle>>28,
		millis:   middle<<36 | low>>28,
		random:   uint32(low) & (1<<28 - 1),
	}
}

func (p numberParts) number() millrace.FragmentNumber {
	var b [20]byte
	binary.BigEndian.PutUint32(b[0:], uint32(p.head)<<28|uint32(p.sequence>>36))
	binary.BigEndian.PutUint64(b[4:], p.sequence<<28|p.millis>>36)
	binary.BigEndian.PutUint64(b[12:], p.millis<<28|uint64(p.random))
	return millrace.FragmentNumberFromBytes(b)
}

// A prior is what an entry's differences are taken from: the entry before it.
type prior struct {
	number   numberParts
	producer int64
	duration time.Duration
	flags    millrace.FragmentFlags
	pack     uint64
	offset   int64 // in units of pack.Align
}

func stateOf(e *Entry) prior {
	return prior{
		number: partsOf(e.Number), producer: e.ProducerTime.UnixMilli(), duration: e.Duration,
		flags: e.Flags, pack: e.Position.Pack, offset: e.Position.Offset / pack.Align,
	}
}

// encodePage returns the data of a page without its checksum.
func encodePage(entries []Entry) []byte {
	b := make([]byte, pageBodyAt, pageBodyAt+2+usualEntry*len(entries))
	b[0] = pageFormat
	b = binary.AppendUvarint(b, uint64(len(entries)))
	var last prior
	for i := range entries {
		b = last.append(b, &entries[i])
		last = stateOf(&entries[i])
	}
	return b
}

// append adds an entry that follows s.
func (s *prior) append(b []byte, e *Entry) []byte {
	next := stateOf(e)
	has := s.differs(&next)
	b = append(b, has)
	if has&hasHead != 0 {
		b = append(b, next.number.head)
	}
	if has&hasSequence != 0 {
		b = binary.AppendVarint(b, int64(next.number.sequence-s.number.sequence-1))
	}
	step := s.duration.Milliseconds()
	b = binary.AppendVarint(b, int64(next.number.millis-s.number.millis)-step)
	b = binary.LittleEndian.AppendUint32(b, next.number.random)
	b = binary.AppendVarint(b, next.producer-s.producer-step)
	switch longer := int64(next.duration - s.duration); {
	case has&hasMillis != 0:
		b = binary.AppendVarint(b, longer/int64(time.Millisecond))
	case has&hasNanos != 0:
		b = binary.AppendVarint(b, longer)
	}
	if has&hasFlags != 0 {
		b = binary.AppendUvarint(b, uint64(next.flags^s.flags))
	}
	from := s.offset
	if has&hasPack != 0 {
		b = binary.AppendVarint(b, int64(next.pack-s.pack))
		from = 0
	}
	b = binary.AppendVarint(b, next.offset-from)
	return binary.AppendUvarint(b, uint64(e.Size))
}

// differs says what an entry with the state next has.
func (s *prior) differs(next *prior) (has byte) {
	if next.number.head != usualHead {
		has |= hasHead
	}
	if next.number.sequence != s.number.sequence+1 {
		has |= hasSequence
	}
	switch longer := next.duration - s.duration; {
	case longer == 0:
	case longer%time.Millisecond == 0:
		has |= hasMillis
	default:
		has |= hasNanos
	}
	if next.flags != s.flags {
		has |= hasFlags
	}
	if next.pack != s.pack {
		has |= hasPack
	}
	return has
}
