package spool

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The kinds of record.
const (
	kindFragment = iota + 1
	kindFrame
	kindEnd
	kindHeader
	kindIndex
)

// Flags of records, and of entries of the index.
const (
	flagKey      = 1 << iota // of a frame
	flagElement              // of a frame
	flagTrailing             // of a frame
	flagRelative             // of a fragment: it has an origin
	flagTorn                 // of an entry of the index
	flagDamaged              // of an entry of the index
)

// MaxAppend bounds what one Append takes, in bytes.
const MaxAppend = maxChunks * chunkSize

const (
	recordMagic = "MSPR"

	commonSize   = 40       // of every record, up to what its kind adds
	chunkSize    = 64 << 10 // bytes of a frame that have a checksum of their own
	maxChunks    = 4000
	fragmentSize = commonSize + 16 + 7*8 + 4
	frameSize    = commonSize + 20 + 4 // without the checksums of its chunks
	endSize      = commonSize + 20 + 4
	headerSize   = commonSize + 32 + 4
	indexSize    = commonSize + 8 + 4
	maxRecord    = frameSize + 4*maxChunks
	recordRoom   = 256           // takes any record but those of frames above 3 MB
	clusterSize  = 4 + 8 + 2 + 8 // of the start of a Cluster, behind a fragment's record
)

func checksum(b []byte) uint32 { return extend(0, b) }

func extend(crc uint32, b []byte) uint32 {
	return crc32.Update(crc, crc32.MakeTable(crc32.Castagnoli), b)
}

// A record is what every kind of record has.
type record struct {
	kind    byte
	salt    uint64
	ref     Ref
	index   uint32 // 0 in a fragment's record, then counted
	flags   uint32
	payload int64 // bytes behind the record
}

// begin appends all of a record that its kind does not add. size is that of the
// whole record.
func (r record) begin(b []byte, size int) []byte {
	le := binary.LittleEndian
	b = append(b, idVoid, 0x40|byte((size-3)>>8), byte(size-3), r.kind)
	b = append(b, recordMagic...)
	b = le.AppendUint64(b, r.salt)
	b = le.AppendUint64(b, uint64(r.ref))
	b = le.AppendUint32(b, r.index)
	b = le.AppendUint32(b, r.flags)
	return le.AppendUint64(b, uint64(r.payload))
}

// seal appends the checksum of the record that begins at b[at].
func seal(b []byte, at int) []byte {
	return binary.LittleEndian.AppendUint32(b, checksum(b[at:]))
}

// recordLength returns the length that the record at the start of b declares,
// or false if no record of this file begins there. b holds commonSize bytes.
func recordLength(b []byte, salt uint64) (int, bool) {
	size := int(b[1]&0x3f)<<8 | int(b[2])
	ok := b[0] == idVoid && b[1]>>6 == 1 && string(b[4:8]) == recordMagic &&
		saltOf(b) == salt && size+3 >= indexSize && size+3 <= maxRecord
	return size + 3, ok
}

// saltOf is the salt that the record at the start of b names.
func saltOf(b []byte) uint64 { return binary.LittleEndian.Uint64(b[8:]) }

// parseRecord decodes b, which is a whole record, and returns what its kind adds.
func parseRecord(b []byte, salt uint64) (record, []byte, error) {
	if len(b) < commonSize+4 {
		return record{}, nil, damaged("record")
	}
	size, ok := recordLength(b, salt)
	le := binary.LittleEndian
	if !ok || size != len(b) || le.Uint32(b[size-4:]) != checksum(b[:size-4]) {
		return record{}, nil, damaged("record")
	}
	r := record{
		kind: b[3], salt: salt, ref: Ref(le.Uint64(b[16:])), index: le.Uint32(b[24:]),
		flags: le.Uint32(b[28:]), payload: int64(le.Uint64(b[32:])),
	}
	if r.payload < 0 || r.payload > maxPayload || !r.fits(size) {
		return record{}, nil, damaged("record")
	}
	return r, b[commonSize : size-4], nil
}

// maxPayload bounds what a record declares to follow it: far more than an index
// of a file of the smallest fragments takes, and than any frame.
const maxPayload = 1 << 40

// fits reports whether a record of this kind is so long and may have such a
// payload.
func (r record) fits(size int) bool {
	switch r.kind {
	case kindFragment:
		return size == fragmentSize && r.payload == clusterSize && r.index == 0
	case kindFrame:
		return size == frameSize+4*chunks(r.payload) && r.payload > 0 && r.payload <= MaxAppend && r.index > 0
	case kindEnd:
		return size == endSize && r.payload == 0 && r.index > 0
	case kindHeader:
		return size == headerSize && r.payload >= longVoidHead && r.payload <= longVoidHead+MaxHeader
	case kindIndex:
		return size == indexSize
	}
	return false
}

func chunks(n int64) int { return int((n + chunkSize - 1) / chunkSize) }

func damaged(what string) error { return fmt.Errorf("%s: %w", what, ErrDamaged) }
