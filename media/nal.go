package media

import (
	"bytes"
	"iter"
)

// CleanLengthPrefixed reports whether payload is exactly a sequence of NAL
// units, each preceded by its length in lengthSize bytes (1, 2, 3 or 4): at
// least one unit, none empty, each beginning with a zero bit as all NAL headers
// do, and the last one ending with the payload. It reads only lengths and first
// bytes and does not allocate.
func CleanLengthPrefixed(payload []byte, lengthSize int) bool {
	if lengthSize < 1 || lengthSize > 4 || len(payload) == 0 {
		return false
	}
	for ok := true; len(payload) > 0; {
		if _, payload, ok = nextLengthPrefixed(payload, lengthSize); !ok {
			return false
		}
	}
	return true
}

// nextLengthPrefixed cuts the first unit off p. lengthSize is 1 to 4.
func nextLengthPrefixed(p []byte, lengthSize int) (unit, rest []byte, ok bool) {
	if len(p) <= lengthSize {
		return nil, nil, false
	}
	var n uint64
	for _, b := range p[:lengthSize] {
		n = n<<8 | uint64(b)
	}
	p = p[lengthSize:]
	if n == 0 || n > uint64(len(p)) || p[0]&0x80 != 0 {
		return nil, nil, false
	}
	return p[:n:n], p[n:], true
}

// LengthPrefixedUnits yields the NAL units of a payload whose units are preceded
// by lengthSize bytes of length. The units alias payload. It stops at the first
// malformed unit; [CleanLengthPrefixed] tells whether there is one.
func LengthPrefixedUnits(payload []byte, lengthSize int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if lengthSize < 1 || lengthSize > 4 {
			return
		}
		for rest := payload; len(rest) > 0; {
			unit, tail, ok := nextLengthPrefixed(rest, lengthSize)
			if !ok || !yield(unit) {
				return
			}
			rest = tail
		}
	}
}

// IsAnnexB reports whether payload begins with a start code (00 00 01, or 00 00
// 00 01) and is not at the same time a clean sequence of units with lengths of
// four bytes: 00 00 01 xx is also the length of a unit of some 300 bytes.
func IsAnnexB(payload []byte) bool {
	return HasStartCode(payload) && !CleanLengthPrefixed(payload, 4)
}

// HasStartCode reports whether payload begins with a start code, 00 00 01 or 00 00
// 00 01. It may be a length at the same time: see IsAnnexB.
func HasStartCode(payload []byte) bool {
	return bytes.HasPrefix(payload, []byte{0, 0, 1}) || bytes.HasPrefix(payload, []byte{0, 0, 0, 1})
}

// AnnexBUnits yields the NAL units between the start codes of an Annex B
// payload, without start codes and without the zero bytes that may follow a
// unit. Units alias payload; empty ones are left out, as are bytes before the
// first start code.
func AnnexBUnits(payload []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		code := []byte{0, 0, 1}
		_, rest, found := bytes.Cut(payload, code)
		for found {
			var unit []byte
			unit, rest, found = bytes.Cut(rest, code)
			unit = bytes.TrimRight(unit, "\x00")
			if len(unit) > 0 && !yield(unit[:len(unit):len(unit)]) {
				return
			}
		}
	}
}
