package pack

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
)

const recordMagic = "MREC"

// A Kind says what a record holds.
type Kind uint8

// The kinds of record.
const (
	KindFragment Kind = iota + 1
	KindHeader
	KindLimits
	KindFooter
)

// A Record is the fixed header of a record.
type Record struct {
	Kind          Kind
	Mark          Mark
	Cipher        uint8
	Salt          uint64
	Table         uint32 // bytes of the sample table
	Leading       uint32 // bytes of the leading elements
	Cluster       uint32 // bytes of the cluster; the whole body of other kinds
	Trailing      uint32 // bytes of the trailing elements
	Stored        uint32 // bytes of the body in the file
	Samples       uint32 // in the table
	Synced        int64  // length of the pack that was durable before
	Stream        millrace.StreamKey
	Flags         millrace.FragmentFlags
	Number        millrace.FragmentNumber
	BodyCRC       uint32
	TableCRC      uint32
	ProducerTime  time.Time
	Duration      time.Duration
	Timecode      uint64
	TimecodeScale uint64
	Sequence      uint64
	Session       millrace.SessionID
	Producer      millrace.ProducerID
	KeyID         [16]byte
	Header        [32]byte // hash of the header elements; zero is none
	HeaderAt      [2]int64 // offsets of their two records
}

// Size is the record's length in the file, padding included.
func (r *Record) Size() int64 {
	return Aligned(RecordHeaderSize + int64(r.Table) + int64(r.Stored))
}

// BodyOffset is where the body starts, from the record's first byte.
func (r *Record) BodyOffset() int64 { return RecordHeaderSize + int64(r.Table) }

// MediaSize is the length of leading elements, cluster and trailing elements.
func (r *Record) MediaSize() int64 {
	return int64(r.Leading) + int64(r.Cluster) + int64(r.Trailing)
}

// put writes the fixed header into b, all but the fields that Stamp sets.
func (r *Record) put(b []byte) {
	le := binary.LittleEndian
	clear(b[:RecordHeaderSize])
	copy(b, recordMagic)
	b[4], b[5], b[markOffset], b[7] = byte(r.Kind), recordVersion, byte(r.Mark), r.Cipher
	le.PutUint32(b[16:], r.Table)
	le.PutUint32(b[20:], r.Leading)
	le.PutUint32(b[24:], r.Cluster)
	le.PutUint32(b[28:], r.Trailing)
	le.PutUint32(b[32:], r.Stored)
	le.PutUint32(b[36:], r.Samples)
	le.PutUint64(b[48:], r.Stream.ID)
	le.PutUint32(b[56:], r.Stream.Generation)
	le.PutUint32(b[60:], uint32(r.Flags))
	number := r.Number.Bytes()
	copy(b[64:], number[:])
	le.PutUint32(b[84:], r.BodyCRC)
	le.PutUint32(b[88:], r.TableCRC)
	le.PutUint64(b[96:], uint64(r.ProducerTime.UnixMilli()))
	le.PutUint64(b[104:], uint64(r.Duration))
	le.PutUint64(b[112:], r.Timecode)
	le.PutUint64(b[120:], r.TimecodeScale)
	le.PutUint64(b[128:], r.Sequence)
	copy(b[136:], r.Session[:])
	copy(b[152:], r.Producer[:])
	copy(b[168:], r.KeyID[:])
	copy(b[184:], r.Header[:])
}

// A Stamp is what a record's fixed header says of the pack that it is written
// to. It is known only when the record is written, and differs when the record
// has to be written again elsewhere.
type Stamp struct {
	Salt     uint64
	Synced   int64    // length of the pack that is durable
	HeaderAt [2]int64 // where the header elements' records start
}

// Put completes the fixed header at the start of b.
func (s Stamp) Put(b []byte) {
	le := binary.LittleEndian
	le.PutUint64(b[8:], s.Salt)
	le.PutUint64(b[40:], uint64(s.Synced))
	le.PutUint32(b[216:], uint32(s.HeaderAt[0]/Align))
	le.PutUint32(b[220:], uint32(s.HeaderAt[1]/Align))
	le.PutUint32(b[252:], headerChecksum(b))
}

// headerChecksum is the checksum of a fixed header, its mark taken as zero.
func headerChecksum(b []byte) uint32 {
	crc := checksum(0, b[:markOffset])
	crc = checksum(crc, []byte{0})
	return checksum(crc, b[markOffset+1:RecordHeaderSize-4])
}

// ReadRecord reads the fixed header at off, and reports what is wrong with it:
// millrace.ErrCorrupt, or the reader's own error.
func ReadRecord(r io.ReaderAt, off int64, salt uint64) (Record, error) {
	var b [RecordHeaderSize]byte
	if err := ReadFull(r, b[:], off); err != nil {
		return Record{}, fmt.Errorf("read record header: %w", err)
	}
	return ParseRecord(b[:], salt)
}

// ParseRecord decodes the fixed header at the start of b. One that is short,
// damaged or of a pack with another salt is millrace.ErrCorrupt.
func ParseRecord(b []byte, salt uint64) (Record, error) {
	le := binary.LittleEndian
	if !maybeRecord(b, salt) || le.Uint32(b[252:]) != headerChecksum(b) {
		return Record{}, corrupt("record header")
	}
	r := Record{
		Kind:          Kind(b[4]),
		Mark:          Mark(b[markOffset]),
		Cipher:        b[7],
		Salt:          salt,
		Table:         le.Uint32(b[16:]),
		Leading:       le.Uint32(b[20:]),
		Cluster:       le.Uint32(b[24:]),
		Trailing:      le.Uint32(b[28:]),
		Stored:        le.Uint32(b[32:]),
		Samples:       le.Uint32(b[36:]),
		Synced:        int64(le.Uint64(b[40:])),
		Stream:        millrace.StreamKey{ID: le.Uint64(b[48:]), Generation: le.Uint32(b[56:])},
		Flags:         millrace.FragmentFlags(le.Uint32(b[60:])),
		Number:        millrace.FragmentNumberFromBytes([20]byte(b[64:84])),
		BodyCRC:       le.Uint32(b[84:]),
		TableCRC:      le.Uint32(b[88:]),
		ProducerTime:  time.UnixMilli(int64(le.Uint64(b[96:]))).UTC(),
		Duration:      time.Duration(le.Uint64(b[104:])),
		Timecode:      le.Uint64(b[112:]),
		TimecodeScale: le.Uint64(b[120:]),
		Sequence:      le.Uint64(b[128:]),
		Session:       millrace.SessionID(b[136:152]),
		Producer:      millrace.ProducerID(b[152:168]),
		KeyID:         [16]byte(b[168:184]),
		Header:        [32]byte(b[184:216]),
		HeaderAt:      [2]int64{int64(le.Uint32(b[216:])) * Align, int64(le.Uint32(b[220:])) * Align},
	}
	return r, r.check()
}

// maybeRecord is the cheap test that a scan makes at each place where a record
// may start.
func maybeRecord(b []byte, salt uint64) bool {
	return len(b) >= RecordHeaderSize && string(b[:4]) == recordMagic && b[5] == recordVersion &&
		binary.LittleEndian.Uint64(b[8:]) == salt
}

// check refuses lengths that no writer of this version produces.
func (r *Record) check() error {
	if r.Table > MaxTable || r.Stored > MaxBody || r.MediaSize() > MaxBody {
		return corrupt("lengths of record")
	}
	if r.Cipher == 0 && int64(r.Stored) != r.MediaSize() {
		return corrupt("lengths of record")
	}
	return nil
}
