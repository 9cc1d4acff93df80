package mkv

import (
	"math"
	"strings"
	"time"
)

// ParseUint reads an unsigned integer of at most eight bytes; no bytes are 0.
// More are ErrBadValue.
func ParseUint(data []byte) (uint64, error) {
	if len(data) > 8 {
		return 0, ErrBadValue
	}
	return bigEndian(data), nil
}

// ParseInt reads a signed integer of at most eight bytes; no bytes are 0. More
// are ErrBadValue.
func ParseInt(data []byte) (int64, error) {
	if len(data) > 8 {
		return 0, ErrBadValue
	}
	shift := 64 - 8*len(data)
	return int64(bigEndian(data)<<shift) >> shift, nil
}

// ParseFloat reads a float of four or eight bytes; no bytes are 0. Other
// lengths are ErrBadValue. Infinities and NaN are returned as they are.
func ParseFloat(data []byte) (float64, error) {
	switch len(data) {
	case 0:
		return 0, nil
	case 4:
		return float64(math.Float32frombits(uint32(bigEndian(data)))), nil
	case 8:
		return math.Float64frombits(bigEndian(data)), nil
	}
	return 0, ErrBadValue
}

// ParseString reads a string and drops the NULs some writers pad it with. It
// does not check the encoding.
func ParseString(data []byte) string {
	return strings.TrimRight(string(data), "\x00")
}

// ParseDate reads a date, nanoseconds since the start of 2001, in UTC. Other
// than eight bytes or none are ErrBadValue; none are the start of 2001.
func ParseDate(data []byte) (time.Time, error) {
	if len(data) != 0 && len(data) != 8 {
		return time.Time{}, ErrBadValue
	}
	return dateEpoch().Add(time.Duration(bigEndian(data))), nil
}

func dateEpoch() time.Time { return time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC) }

// quantity reads a float that is a number of something: what is no finite
// number above zero becomes 0, "not known".
func quantity(data []byte) (float64, error) {
	v, err := ParseFloat(data)
	if v > 0 && !math.IsInf(v, 1) {
		return v, err
	}
	return 0, err
}

// The scan functions store a child's value, so that a switch over ids has one
// line per id. An element without payload has the default value its parser has
// set before, as EBML demands.

func scanUint(dst *uint64, e Element) (err error) {
	if e.Size == 0 {
		return nil
	}
	*dst, err = ParseUint(e.Data())
	return err
}

func scanQuantity(dst *float64, e Element) (err error) {
	if e.Size == 0 {
		return nil
	}
	*dst, err = quantity(e.Data())
	return err
}

func scanString(dst *string, e Element) error {
	*dst = ParseString(e.Data())
	return nil
}

func scanBytes(dst *[]byte, e Element) error {
	*dst = append(make([]byte, 0, e.Size), e.Data()...)
	return nil
}
