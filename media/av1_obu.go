package media

// OBU types of AV1.
const (
	obuSequenceHeader = 1
	obuFrameHeader    = 3
	obuFrame          = 6
)

// obu is one open bitstream unit without its header.
type obu struct {
	kind    byte
	payload []byte
}

// nextOBU cuts the first unit off b. A unit without a size field reaches to the end.
func nextOBU(b []byte) (unit obu, rest []byte, ok bool) {
	if len(b) == 0 || b[0]&0x80 != 0 {
		return obu{}, nil, false
	}
	header := b[0]
	unit.kind = header >> 3 & 0xf
	b = b[1:]
	if header&4 != 0 { // obu_extension_flag
		if len(b) == 0 {
			return obu{}, nil, false
		}
		b = b[1:]
	}
	if header&2 == 0 { // obu_has_size_field
		unit.payload = b
		return unit, nil, true
	}
	size, b, ok := cutLEB128(b)
	if !ok || size > uint64(len(b)) {
		return obu{}, nil, false
	}
	unit.payload = b[:size:size]
	return unit, b[size:], true
}

// cutLEB128 reads a little-endian base-128 number of at most eight bytes.
func cutLEB128(b []byte) (v uint64, rest []byte, ok bool) {
	for i := range min(8, len(b)) {
		v |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return v, b[i+1:], true
		}
	}
	return 0, nil, false
}

func appendOBU(dst []byte, kind byte, payload []byte) []byte {
	dst = append(dst, kind<<3|2)
	return append(appendLEB128(dst, len(payload)), payload...)
}

func appendLEB128(dst []byte, v int) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// av1Find returns the first unit of a kind.
func av1Find(b []byte, kind byte) (obu, error) {
	for len(b) > 0 {
		unit, rest, ok := nextOBU(b)
		if !ok {
			return obu{}, syntax(AV1, "obu", ErrTruncated)
		}
		if unit.kind == kind {
			return unit, nil
		}
		b = rest
	}
	return obu{}, syntax(AV1, "obu", ErrMissing)
}

// av1Key reports whether a temporal unit begins with a shown key frame, and
// whether it carries a sequence header.
func av1Key(b []byte) (key, sequence bool) {
	still := false
	for len(b) > 0 {
		unit, rest, ok := nextOBU(b)
		if !ok {
			return false, sequence
		}
		switch {
		case len(unit.payload) == 0:
		case unit.kind == obuSequenceHeader:
			sequence = true
			still = unit.payload[0]&0x08 != 0 // reduced_still_picture_header
		case unit.kind == obuFrameHeader, unit.kind == obuFrame:
			return still || unit.payload[0]&0xf0 == 0x10, sequence // shown, frame_type 0, show_frame
		}
		b = rest
	}
	return false, sequence
}
