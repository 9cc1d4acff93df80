package media

// OBUKind is the type of an AV1 open bitstream unit.
type OBUKind uint8

// The kinds of units that a container is concerned with.
const (
	OBUSequenceHeader    OBUKind = obuSequenceHeader
	OBUTemporalDelimiter OBUKind = 2
	OBUFrameHeader       OBUKind = obuFrameHeader
	OBUTileGroup         OBUKind = 4
	OBUFrame             OBUKind = obuFrame
	OBUTileList          OBUKind = 8
	OBUPadding           OBUKind = 15
)

// OBU is one open bitstream unit of AV1.
type OBU struct {
	// Kind is the unit's type.
	Kind OBUKind
	// Payload is what stands behind header and size.
	Payload []byte
	// Raw is the unit as it was read, header and size included.
	Raw []byte
	// Sized says that the unit had its size with it; else it reached to the end.
	Sized bool
}

// CutOBU cuts the first unit off b. It is false where b does not begin with a
// whole one.
func CutOBU(b []byte) (unit OBU, rest []byte, ok bool) {
	u, rest, ok := nextOBU(b)
	if !ok {
		return OBU{}, nil, false
	}
	return OBU{Kind: OBUKind(u.kind), Payload: u.payload, Raw: b[:len(b)-len(rest)], Sized: b[0]&2 != 0}, rest, true
}

// AppendOBU appends a unit that was cut to dst, with its size.
func AppendOBU(dst []byte, unit OBU) []byte {
	if unit.Sized {
		return append(dst, unit.Raw...)
	}
	header := len(unit.Raw) - len(unit.Payload)
	dst = append(dst, unit.Raw[0]|2)
	dst = append(dst, unit.Raw[1:header]...)
	return append(appendLEB128(dst, len(unit.Payload)), unit.Payload...)
}
