package media

import "fmt"

// AppendAnnexB appends payload, whose NAL units are preceded by lengthSize bytes
// of length, to dst in Annex B form with four-byte start codes. On error it
// returns dst as it was.
func AppendAnnexB(dst, payload []byte, lengthSize int) ([]byte, error) {
	if !CleanLengthPrefixed(payload, lengthSize) {
		return dst, fmt.Errorf("convert to annex b: nal units: %w", ErrInvalid)
	}
	for unit := range LengthPrefixedUnits(payload, lengthSize) {
		dst = appendStartCode(dst, unit)
	}
	return dst, nil
}

// AppendLengthPrefixed appends the NAL units of an Annex B payload to dst, each
// preceded by its length in four bytes. On error it returns dst as it was. The
// result is clean in the sense of [CleanLengthPrefixed].
func AppendLengthPrefixed(dst, payload []byte) ([]byte, error) {
	if !HasStartCode(payload) {
		return dst, fmt.Errorf("convert to length-prefixed: start code: %w", ErrMissing)
	}
	start := len(dst)
	for unit := range AnnexBUnits(payload) {
		n := len(unit)
		if unit[0]&0x80 != 0 {
			return dst[:start], fmt.Errorf("convert to length-prefixed: nal unit header: %w", ErrInvalid)
		}
		dst = append(dst, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		dst = append(dst, unit...)
	}
	if len(dst) == start {
		return dst, fmt.Errorf("convert to length-prefixed: nal units: %w", ErrMissing)
	}
	return dst, nil
}

func appendStartCode(dst, unit []byte) []byte {
	dst = append(dst, 0, 0, 0, 1)
	return append(dst, unit...)
}
