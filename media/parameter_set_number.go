package media

// The kinds of parameter sets, as indices.
const (
	kindVPS = iota
	kindSPS
	kindPPS
	setKinds
)

// setKind returns which kind of parameter set a unit is; false if it is none.
func setKind(codec Codec, unit []byte) (kind int, ok bool) {
	info, ok := InspectUnit(codec, unit)
	if !ok || info.Kind != UnitSet {
		return 0, false
	}
	if codec == AVC {
		return kindSPS + int(unit[0]&0x1f) - avcSPS, true
	}
	return kindVPS + int(unit[0]>>1&0x3f) - hevcVPS, true
}

// setNumber returns the identifier that a set's own kind refers to it by; false
// if it cannot be read.
func setNumber(codec Codec, kind int, unit []byte) (number uint32, ok bool) {
	switch {
	case len(unit) < 2 || codec == HEVC && len(unit) < 3:
		return 0, false
	case kind == kindPPS && codec == AVC:
		r := bitReader{data: unit[1:]}
		number = r.ue()
		return number, !r.short
	case kind == kindPPS:
		r := bitReader{data: unit[2:]}
		number = r.ue()
		return number, !r.short
	case kind == kindVPS:
		return uint32(unit[2] >> 4), true
	case codec == AVC:
		s, err := ParseAVCSPS(unit)
		return uint32(s.ID), err == nil
	default:
		s, err := ParseHEVCSPS(unit)
		return uint32(s.ID), err == nil
	}
}
