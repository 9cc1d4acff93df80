package pack

import (
	"fmt"

	"github.com/millrace/millrace"
)

// AppendFragment appends the fixed header and the sample table of f's record
// to b, and says what a footer would; the offset is the caller's to fill in.
// The body is not copied: write the result, then what AppendBody lists, then
// zeros up to the next multiple of Align. The fixed header is incomplete until
// a Stamp has been put on it.
func AppendFragment(b []byte, f *millrace.Fragment) ([]byte, Entry, error) {
	size := f.Size()
	if size > MaxBody || len(f.Samples) > MaxTable/minSample {
		return b, Entry{}, fmt.Errorf("%d bytes and %d samples: %w", size, len(f.Samples), ErrTooLarge)
	}
	if f.Header != nil && len(f.Header.Bytes) > MaxBody {
		return b, Entry{}, fmt.Errorf("%d bytes of header elements: %w", len(f.Header.Bytes), ErrTooLarge)
	}
	at := len(b)
	b = append(b, make([]byte, RecordHeaderSize)...)
	b = appendSamples(b, f.Samples)
	table := b[at+RecordHeaderSize:]
	if len(table) > MaxTable {
		return b[:at], Entry{}, fmt.Errorf("sample table of %d bytes: %w", len(table), ErrTooLarge)
	}
	r := Record{
		Kind:          KindFragment,
		Table:         uint32(len(table)),
		Leading:       uint32(len(f.Leading)),
		Cluster:       uint32(f.ClusterSize()),
		Trailing:      uint32(len(f.Trailing)),
		Stored:        uint32(size),
		Samples:       uint32(len(f.Samples)),
		Stream:        f.Stream,
		Flags:         f.Flags,
		Number:        f.Number,
		BodyCRC:       bodyChecksum(f),
		TableCRC:      checksum(0, table),
		ProducerTime:  f.ProducerTime,
		Duration:      f.Duration,
		Timecode:      f.Timecode,
		TimecodeScale: f.TimecodeScale,
		Sequence:      f.Sequence,
		Session:       f.Session,
		Producer:      f.Producer,
	}
	if f.Header != nil {
		r.Header = f.Header.Hash
	}
	r.put(b[at:])
	return b, EntryOf(&r, 0), nil
}

func bodyChecksum(f *millrace.Fragment) uint32 {
	crc := checksum(0, f.Leading)
	for _, p := range f.Cluster {
		crc = checksum(crc, p)
	}
	return checksum(crc, f.Trailing)
}

// AppendBody appends the pieces of f's body to list, without empty ones.
func AppendBody(list [][]byte, f *millrace.Fragment) [][]byte {
	list = appendPiece(list, f.Leading)
	for _, p := range f.Cluster {
		list = appendPiece(list, p)
	}
	return appendPiece(list, f.Trailing)
}

func appendPiece(list [][]byte, p []byte) [][]byte {
	if len(p) == 0 {
		return list
	}
	return append(list, p)
}

// Fragment decodes a fragment record, whose table and body have been read, and
// verifies their checksums. The fragment refers to body and to header, which
// must be the elements that r.Header names, or nil if it names none.
func (r *Record) Fragment(table, body []byte, header *millrace.Header) (*millrace.Fragment, error) {
	if err := r.CheckBody(body); err != nil {
		return nil, err
	}
	f, err := r.Outline(table, header)
	if err != nil {
		return nil, err
	}
	lead, tail := int(r.Leading), int(r.Leading+r.Cluster)
	f.Leading, f.Cluster, f.Trailing = body[:lead:lead], [][]byte{body[lead:tail:tail]}, body[tail:]
	return f, nil
}

// Outline is Fragment without a body: the table is verified, and the fragment's
// Leading, Cluster and Trailing are nil.
func (r *Record) Outline(table []byte, header *millrace.Header) (*millrace.Fragment, error) {
	samples, err := r.samples(table)
	if err != nil {
		return nil, err
	}
	return &millrace.Fragment{
		Stream:        r.Stream,
		Number:        r.Number,
		ProducerTime:  r.ProducerTime,
		Timecode:      r.Timecode,
		TimecodeScale: r.TimecodeScale,
		Duration:      r.Duration,
		Session:       r.Session,
		Sequence:      r.Sequence,
		Producer:      r.Producer,
		Flags:         r.Flags,
		Header:        header,
		Samples:       samples,
	}, nil
}

// samples decodes a sample table that has been read.
func (r *Record) samples(table []byte) ([]millrace.Sample, error) {
	if len(table) != int(r.Table) || checksum(0, table) != r.TableCRC {
		return nil, corrupt("sample table")
	}
	return parseSamples(table, r.Samples)
}

// CheckBody verifies the checksum of a body that has been read.
func (r *Record) CheckBody(body []byte) error {
	if r.Cipher != 0 {
		return fmt.Errorf("cipher %d: %w", r.Cipher, ErrVersion)
	}
	if len(body) != int(r.Stored) || checksum(0, body) != r.BodyCRC {
		return corrupt("record body")
	}
	return nil
}
