package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Size is a number of bytes. Its text form takes the suffixes K, M, G and T
// for powers of 1024, with or without iB or B after them.
type Size int64

const sizeUnits = "KMGT"

// ParseSize reads a size: digits and an optional suffix, such as 512M or 2GiB.
func ParseSize(s string) (Size, error) {
	digits := strings.TrimRight(strings.ToUpper(s), "IB")
	factor := int64(1)
	if n := len(digits); n > 0 {
		if unit := strings.IndexByte(sizeUnits, digits[n-1]); unit >= 0 {
			factor <<= 10 * (unit + 1)
			digits = digits[:n-1]
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return 0, fmt.Errorf("size %.40q is not a number of bytes with an optional K, M, G or T", s)
	}
	return Size(n * factor), nil
}

// String returns the shortest exact form that ParseSize reads.
func (s Size) String() string {
	n, unit := int64(s), ""
	for i := 0; n != 0 && n%1024 == 0 && i < len(sizeUnits); i++ {
		n /= 1024
		unit = sizeUnits[i:i+1] + "iB"
	}
	return strconv.FormatInt(n, 10) + unit
}

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) error {
	v, err := ParseSize(string(text))
	if err != nil {
		return err
	}
	*s = v
	return nil
}
