package millrace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/bits"
	"strings"
	"time"
)

// MaxFragmentNumberDigits is the longest decimal form that ParseFragmentNumber
// accepts, as the API's pattern says.
const MaxFragmentNumberDigits = 128

// A FragmentNumber identifies one fragment of a stream and orders it.
//
// Its value is the 160-bit integer
//
//	1 (4 bits) | sequence (64 bits) | server milliseconds (64 bits) | random (28 bits)
//
// which has 47 decimal digits, so that string order, numeric order and arrival
// order agree. The zero FragmentNumber is "none" and sorts before all others.
// FragmentNumbers are comparable with ==.
type FragmentNumber struct {
	b [20]byte // big endian
}

// NewFragmentNumber builds a number from its parts. Only the lower 28 bits of
// random are used. at is taken in whole milliseconds.
func NewFragmentNumber(sequence uint64, at time.Time, random uint32) FragmentNumber {
	ms := uint64(at.UnixMilli())
	var n FragmentNumber
	// Nibbles: 1, 16 of sequence, 16 of ms, 7 of random.
	binary.BigEndian.PutUint32(n.b[0:], 1<<28|uint32(sequence>>36))
	binary.BigEndian.PutUint64(n.b[4:], sequence<<28|ms>>36)
	binary.BigEndian.PutUint64(n.b[12:], ms<<28|uint64(random&(1<<28-1)))
	return n
}

// ParseFragmentNumber reads 1 to 128 decimal digits. Numbers that were not
// made by Millrace are accepted: their value is kept for ordering, and those
// beyond 160 bits become the greatest number there is.
func ParseFragmentNumber(s string) (FragmentNumber, error) {
	if s == "" || len(s) > MaxFragmentNumberDigits || strings.Trim(s, "0123456789") != "" {
		return FragmentNumber{}, fmt.Errorf("fragment number %.140q is not 1 to %d decimal digits", s, MaxFragmentNumberDigits)
	}
	v, _ := new(big.Int).SetString(s, 10)
	if v.BitLen() > 160 {
		return MaxFragmentNumber(), nil
	}
	var n FragmentNumber
	v.FillBytes(n.b[:])
	return n, nil
}

// MaxFragmentNumber is the number that sorts after all others.
func MaxFragmentNumber() FragmentNumber {
	var n FragmentNumber
	for i := range n.b {
		n.b[i] = 0xff
	}
	return n
}

// FragmentNumberFromBytes is the inverse of Bytes.
func FragmentNumberFromBytes(b [20]byte) FragmentNumber { return FragmentNumber{b: b} }

// Bytes returns the number as a 160-bit big-endian integer.
func (n FragmentNumber) Bytes() [20]byte { return n.b }

// String returns the decimal form, without leading zeros ("0" for none).
func (n FragmentNumber) String() string {
	var room [maxDecimalDigits]byte
	return string(n.Append(room[:0]))
}

// maxDecimalDigits is the length of the decimal form of the greatest number.
const maxDecimalDigits = 49

// Append appends the decimal form to dst, and allocates nothing else.
func (n FragmentNumber) Append(dst []byte) []byte {
	const group, groupDigits = 1e19, 19 // the greatest power of ten in 64 bits
	limbs := [3]uint64{
		uint64(binary.BigEndian.Uint32(n.b[0:])),
		binary.BigEndian.Uint64(n.b[4:]),
		binary.BigEndian.Uint64(n.b[12:]),
	}
	var digits [3 * groupDigits]byte
	for end := len(digits); end > 0; end -= groupDigits {
		var rest uint64
		for i := range limbs {
			limbs[i], rest = bits.Div64(rest, limbs[i], group)
		}
		for i := end - 1; i >= end-groupDigits; i-- {
			digits[i] = byte('0' + rest%10)
			rest /= 10
		}
	}
	first := 0
	for first < len(digits)-1 && digits[first] == '0' {
		first++
	}
	return append(dst, digits[first:]...)
}

// Compare returns -1, 0 or +1 as n sorts before, with or after m.
func (n FragmentNumber) Compare(m FragmentNumber) int { return bytes.Compare(n.b[:], m.b[:]) }

// IsZero reports whether n is "none".
func (n FragmentNumber) IsZero() bool { return n == FragmentNumber{} }

// Next returns the smallest number greater than n; the greatest stays itself.
func (n FragmentNumber) Next() FragmentNumber { return n.step(1, 0xff) }

// Prev returns the greatest number smaller than n; none stays none.
func (n FragmentNumber) Prev() FragmentNumber { return n.step(0xff, 0) }

// step adds delta (1, or 0xff for -1) to the last byte; a byte that equals
// wrap before the step carries into the one before it.
func (n FragmentNumber) step(delta, wrap byte) FragmentNumber {
	m := n
	for i := len(m.b) - 1; i >= 0; i-- {
		carry := m.b[i] == wrap
		m.b[i] += delta
		if !carry {
			return m
		}
	}
	return n
}

// Sequence returns the 64-bit sequence part. It is meaningful only for
// numbers that NewFragmentNumber made.
func (n FragmentNumber) Sequence() uint64 {
	return uint64(binary.BigEndian.Uint32(n.b[0:]))<<36 | binary.BigEndian.Uint64(n.b[4:])>>28
}

// ServerTime returns the embedded server time, in UTC and whole milliseconds:
// when the fragment's cluster started to arrive. It is meaningful only for
// numbers that NewFragmentNumber made.
func (n FragmentNumber) ServerTime() time.Time { return time.UnixMilli(n.serverMillis()).UTC() }

func (n FragmentNumber) serverMillis() int64 {
	hi := binary.BigEndian.Uint64(n.b[4:]) << 36
	lo := binary.BigEndian.Uint64(n.b[12:]) >> 28
	return int64(hi | lo)
}

// MarshalText implements encoding.TextMarshaler with the decimal form.
func (n FragmentNumber) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *FragmentNumber) UnmarshalText(text []byte) error {
	v, err := ParseFragmentNumber(string(text))
	if err != nil {
		return err
	}
	*n = v
	return nil
}
