package spool

import (
	"encoding/binary"
	"time"

	"github.com/millrace/millrace"
)

// A fragmentRecord begins a fragment.
type fragmentRecord struct {
	record
	identity millrace.Identity
	timecode uint64
	scale    uint64
	start    int64 // nanoseconds of Unix time
	origin   int64 // likewise; counts if flagRelative is set
	begun    int64 // likewise, by the spool's clock
	synced   int64 // bytes of the file that were durable when this was written
}

func (f *fragmentRecord) append(b []byte) []byte {
	at := len(b)
	le := binary.LittleEndian
	f.kind, f.payload = kindFragment, clusterSize
	b = f.begin(b, fragmentSize)
	b = append(b, f.identity.Session[:]...)
	for _, v := range [...]uint64{
		f.identity.Sequence, f.timecode, f.scale, uint64(f.start), uint64(f.origin), uint64(f.begun), uint64(f.synced),
	} {
		b = le.AppendUint64(b, v)
	}
	return appendCluster(seal(b, at), f.timecode)
}

// parseFragment decodes what a fragment's record adds.
func parseFragment(r record, b []byte) fragmentRecord {
	f := fragmentRecord{record: r}
	b = b[copy(f.identity.Session[:], b):]
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	f.identity.Sequence, f.timecode, f.scale = at(0), at(1), at(2)
	f.start, f.origin, f.begun, f.synced = int64(at(3)), int64(at(4)), int64(at(5)), int64(at(6))
	return f
}

// A frameRecord stands before what one Append gave. It has a checksum of each
// chunk of that.
type frameRecord struct {
	record
	offset   int64 // nanoseconds from the fragment's start
	duration int64 // nanoseconds
	track    uint32
	sums     []byte // of the chunks, four bytes each
}

func (f *frameRecord) set(frame Frame) {
	f.offset, f.duration, f.track, f.flags = int64(frame.Offset), int64(frame.Duration), frame.Track, 0
	if frame.Key {
		f.flags |= flagKey
	}
	if frame.Element {
		f.flags |= flagElement
	}
	if frame.Trailing {
		f.flags |= flagTrailing
	}
}

func (f *frameRecord) frame() Frame {
	return Frame{
		Track: f.track, Offset: time.Duration(f.offset), Duration: time.Duration(f.duration),
		Key: f.flags&flagKey != 0, Element: f.flags&flagElement != 0, Trailing: f.flags&flagTrailing != 0,
	}
}

func (f *frameRecord) append(b []byte) []byte {
	at := len(b)
	le := binary.LittleEndian
	f.kind = kindFrame
	b = f.begin(b, frameSize+len(f.sums))
	b = le.AppendUint64(b, uint64(f.offset))
	b = le.AppendUint64(b, uint64(f.duration))
	b = le.AppendUint32(b, f.track)
	b = append(b, f.sums...)
	return seal(b, at)
}

// parse decodes what a frame's record adds, into f, whose room for sums it
// uses.
func (f *frameRecord) parse(r record, b []byte) {
	le := binary.LittleEndian
	f.record = r
	f.offset, f.duration, f.track = int64(le.Uint64(b)), int64(le.Uint64(b[8:])), le.Uint32(b[16:])
	f.sums = append(f.sums[:0], b[20:]...)
}

// sum is the checksum of one chunk.
func (f *frameRecord) sum(chunk int) uint32 { return binary.LittleEndian.Uint32(f.sums[4*chunk:]) }

// sumPieces sets the payload and the checksums.
func (f *frameRecord) sumPieces(pieces [][]byte) {
	f.payload, f.sums = 0, f.sums[:0]
	var crc uint32
	room := chunkSize
	for _, p := range pieces {
		f.payload += int64(len(p))
		for len(p) > 0 {
			n := min(len(p), room)
			crc = extend(crc, p[:n])
			p, room = p[n:], room-n
			if room == 0 {
				f.sums = binary.LittleEndian.AppendUint32(f.sums, crc)
				crc, room = 0, chunkSize
			}
		}
	}
	if room < chunkSize {
		f.sums = binary.LittleEndian.AppendUint32(f.sums, crc)
	}
}

// An endRecord ends a fragment, and says what it comes to.
type endRecord struct {
	record
	bytes    int64
	duration int64 // nanoseconds
	frames   uint32
}

func (e *endRecord) append(b []byte) []byte {
	at := len(b)
	le := binary.LittleEndian
	e.kind, e.payload = kindEnd, 0
	b = e.begin(b, endSize)
	b = le.AppendUint64(b, uint64(e.bytes))
	b = le.AppendUint64(b, uint64(e.duration))
	b = le.AppendUint32(b, e.frames)
	return seal(b, at)
}

func parseEnd(r record, b []byte) endRecord {
	le := binary.LittleEndian
	return endRecord{record: r, bytes: int64(le.Uint64(b)), duration: int64(le.Uint64(b[8:])), frames: le.Uint32(b[16:])}
}
