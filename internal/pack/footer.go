package pack

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
	"time"

	"github.com/millrace/millrace"
)

// An Entry is what a footer says of one fragment.
type Entry struct {
	Offset       int64 // of its record
	Stream       millrace.StreamKey
	Number       millrace.FragmentNumber
	ProducerTime time.Time
	Duration     time.Duration
	Size         int64 // bytes of leading elements, cluster and trailing elements
	Flags        millrace.FragmentFlags
	BodyCRC      uint32
}

// EntryOf is the entry of the fragment record r at off.
func EntryOf(r *Record, off int64) Entry {
	return Entry{
		Offset: off, Stream: r.Stream, Number: r.Number, ProducerTime: r.ProducerTime,
		Duration: r.Duration, Size: r.MediaSize(), Flags: r.Flags, BodyCRC: r.BodyCRC,
	}
}

// A HeaderEntry is what a footer says of one record of header elements.
type HeaderEntry struct {
	Hash   [32]byte
	Offset int64
}

// A Footer tells what a sealed pack holds.
type Footer struct {
	Entries []Entry       // in the order of their offsets
	Headers []HeaderEntry // likewise
	Limits  []Limit
}

// Truncate drops what starts at or behind limit.
func (f *Footer) Truncate(limit int64) {
	f.Entries = slices.DeleteFunc(f.Entries, func(e Entry) bool { return e.Offset >= limit })
	f.Headers = slices.DeleteFunc(f.Headers, func(h HeaderEntry) bool { return h.Offset >= limit })
}

// minEntry is the shortest encoding of an Entry.
const minEntry = 30

// Append appends what a pack of length at ends with when it is sealed: the
// footer record, stamped, and the trailer. synced is the length below which
// every record is known to be whole.
//
// The footer's body is, as varints: the number of streams, each an id and a
// generation; the number of entries, each the stream's place in that list, the
// offset less the entry's before it in units of Align, the 20 bytes of the
// number, the producer time less the server time in milliseconds, the duration
// in nanoseconds, the size, the flags, and the 4 bytes of the body's checksum;
// the number of header records, each 32 bytes of hash and an offset in units
// of Align; the number of limits, each 24 bytes as in a limits record.
func (f *Footer) Append(b []byte, h FileHeader, at, synced int64) []byte {
	start := len(b)
	b = appendWhole(b, Record{Kind: KindFooter}, f.body())
	Stamp{Salt: h.Salt, Synced: synced}.Put(b[start:])
	return Trailer{h, at, int64(len(b) - start)}.append(b)
}

func (f *Footer) body() []byte {
	streams, places := f.streams()
	b := binary.AppendUvarint(nil, uint64(len(streams)))
	for _, k := range streams {
		b = binary.AppendUvarint(b, k.ID)
		b = binary.AppendUvarint(b, uint64(k.Generation))
	}
	b = binary.AppendUvarint(b, uint64(len(f.Entries)))
	var last int64
	for i := range f.Entries {
		e := &f.Entries[i]
		b = binary.AppendUvarint(b, uint64(places[e.Stream]))
		b = binary.AppendUvarint(b, uint64(e.Offset-last)/Align)
		b = e.appendFacts(b)
		last = e.Offset
	}
	b = binary.AppendUvarint(b, uint64(len(f.Headers)))
	for _, h := range f.Headers {
		b = append(b, h.Hash[:]...)
		b = binary.AppendUvarint(b, uint64(h.Offset)/Align)
	}
	b = binary.AppendUvarint(b, uint64(len(f.Limits)))
	return appendLimits(b, f.Limits)
}

// streams lists the streams in order of appearance, and each one's place.
func (f *Footer) streams() ([]millrace.StreamKey, map[millrace.StreamKey]int) {
	var list []millrace.StreamKey
	places := make(map[millrace.StreamKey]int)
	for i := range f.Entries {
		k := f.Entries[i].Stream
		if _, ok := places[k]; !ok {
			places[k] = len(list)
			list = append(list, k)
		}
	}
	return list, places
}

func (e *Entry) appendFacts(b []byte) []byte {
	number := e.Number.Bytes()
	b = append(b, number[:]...)
	b = binary.AppendVarint(b, e.ProducerTime.UnixMilli()-e.Number.ServerTime().UnixMilli())
	b = binary.AppendVarint(b, int64(e.Duration))
	b = binary.AppendUvarint(b, uint64(e.Size))
	b = binary.AppendUvarint(b, uint64(e.Flags))
	return binary.LittleEndian.AppendUint32(b, e.BodyCRC)
}

// ReadFooter reads the footer of a pack of the given size. A pack without one,
// or with a damaged one, is millrace.ErrCorrupt. The file header is what the
// trailer knows of it.
func ReadFooter(r io.ReaderAt, size int64) (*Footer, FileHeader, error) {
	t, err := ReadTrailer(r, size)
	if err != nil {
		return nil, FileHeader{}, err
	}
	f, err := ReadFooterAt(r, t.At, t.Salt)
	return f, t.FileHeader, err
}

// ReadFooterAt reads the footer whose record is at off.
func ReadFooterAt(r io.ReaderAt, off int64, salt uint64) (*Footer, error) {
	rec, err := ReadRecord(r, off, salt)
	if err != nil {
		return nil, err
	}
	if rec.Kind != KindFooter {
		return nil, corrupt("record is not a footer")
	}
	body, err := ReadBody(r, off, &rec)
	if err != nil {
		return nil, err
	}
	return parseFooter(body)
}

func parseFooter(b []byte) (*Footer, error) {
	d := &varints{b: b}
	streams := d.streams()
	f := &Footer{Entries: d.entries(streams), Headers: d.headers()}
	count := d.unsigned()
	if d.bad || count != uint64(len(d.rest())/limitSize) {
		return nil, corrupt("footer")
	}
	var err error
	f.Limits, err = ParseLimits(d.rest())
	return f, err
}

// count reads how many values of at least size bytes follow.
func (d *varints) count(size int) int {
	n := d.unsigned()
	if n > uint64(len(d.rest())/size) {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *varints) streams() []millrace.StreamKey {
	list := make([]millrace.StreamKey, d.count(2))
	for i := range list {
		list[i].ID = d.unsigned()
		list[i].Generation = d.uint32(int64(d.unsigned()))
	}
	return list
}

func (d *varints) entries(streams []millrace.StreamKey) []Entry {
	list := make([]Entry, d.count(minEntry))
	var last int64
	for i := range list {
		place := d.unsigned()
		if place >= uint64(len(streams)) {
			d.bad = true
			return nil
		}
		e := &list[i]
		e.Stream = streams[place]
		e.Offset = last + d.offset()
		d.facts(e)
		last = e.Offset
	}
	return list
}

func (d *varints) facts(e *Entry) {
	var number [20]byte
	var crc [4]byte
	d.bytes(number[:])
	e.Number = millrace.FragmentNumberFromBytes(number)
	e.ProducerTime = time.UnixMilli(e.Number.ServerTime().UnixMilli() + d.signed()).UTC()
	e.Duration = time.Duration(d.signed())
	e.Size = int64(d.uint32(int64(d.unsigned())))
	e.Flags = millrace.FragmentFlags(d.uint32(int64(d.unsigned())))
	d.bytes(crc[:])
	e.BodyCRC = binary.LittleEndian.Uint32(crc[:])
}

func (d *varints) headers() []HeaderEntry {
	list := make([]HeaderEntry, d.count(33))
	for i := range list {
		d.bytes(list[i].Hash[:])
		list[i].Offset = d.offset()
	}
	return list
}

// offset reads a distance in units of Align.
func (d *varints) offset() int64 {
	v := d.unsigned()
	if v > math.MaxInt64/Align/2 {
		d.bad = true
		return 0
	}
	return int64(v) * Align
}
