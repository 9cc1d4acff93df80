package pack

import (
	"encoding/binary"
	"io"
)

// A Limit says that in the packs First to Last whatever lies at or behind
// Offset was never confirmed, and does not count.
type Limit struct {
	First, Last uint64
	Offset      int64
}

const limitSize = 24

// AppendLimits appends the whole record of limits to b. It is complete once a
// Stamp has been put on it.
func AppendLimits(b []byte, limits []Limit) []byte {
	return appendWhole(b, Record{Kind: KindLimits}, appendLimits(nil, limits))
}

func appendLimits(b []byte, limits []Limit) []byte {
	for _, l := range limits {
		b = binary.LittleEndian.AppendUint64(b, l.First)
		b = binary.LittleEndian.AppendUint64(b, l.Last)
		b = binary.LittleEndian.AppendUint64(b, uint64(l.Offset))
	}
	return b
}

// ReadLimits reads the limits record at off.
func ReadLimits(r io.ReaderAt, off int64, rec *Record) ([]Limit, error) {
	body, err := ReadBody(r, off, rec)
	if err != nil {
		return nil, err
	}
	return ParseLimits(body)
}

// FormatLimits encodes what ParseLimits decodes. No limits are no bytes.
func FormatLimits(limits []Limit) []byte { return appendLimits(nil, limits) }

// ParseLimits decodes the body of a limits record.
func ParseLimits(b []byte) ([]Limit, error) {
	if len(b)%limitSize != 0 {
		return nil, corrupt("limits")
	}
	limits := make([]Limit, 0, len(b)/limitSize)
	for ; len(b) > 0; b = b[limitSize:] {
		limits = append(limits, Limit{
			First:  binary.LittleEndian.Uint64(b),
			Last:   binary.LittleEndian.Uint64(b[8:]),
			Offset: int64(binary.LittleEndian.Uint64(b[16:])),
		})
	}
	return limits, nil
}
