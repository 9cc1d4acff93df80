package media

import "bytes"

// UnitKind is what a NAL unit is for, as far as that can be told without decoding.
type UnitKind uint8

// The kinds of NAL units. What is in none of the others is UnitOther: it belongs
// to the picture that follows, or to the one before.
const (
	// UnitOther is supplemental information, and whatever has no name here.
	UnitOther UnitKind = iota
	// UnitSlice is a part of a picture.
	UnitSlice
	// UnitSet is a video, sequence or picture parameter set.
	UnitSet
	// UnitDelimiter marks the start of a picture; it means nothing where frames are
	// apart anyway.
	UnitDelimiter
	// UnitFiller is padding.
	UnitFiller
)

// UnitInfo is what the first bytes of a NAL unit tell.
type UnitInfo struct {
	// Kind is what the unit is for.
	Kind UnitKind
	// First says that the slice is the first of its picture.
	First bool
	// Key says that the slice is of a picture with which decoding may start.
	Key bool
	// Disposable says that no other picture needs the slice's. For H.265 it is true
	// of sub-layer non-reference pictures, which others need not where there is
	// one temporal layer.
	Disposable bool
}

// InspectUnit reads the header of a NAL unit of AVC or HEVC, and of slices the
// first bit behind it. It is false where the header is damaged: it has the
// forbidden bit set, or the unit is too short for its kind.
func InspectUnit(codec Codec, unit []byte) (UnitInfo, bool) {
	if len(unit) == 0 || unit[0]&0x80 != 0 {
		return UnitInfo{}, false
	}
	if codec == AVC {
		return inspectAVCUnit(unit)
	}
	if len(unit) < 2 {
		return UnitInfo{}, false
	}
	return inspectHEVCUnit(unit)
}

func inspectAVCUnit(unit []byte) (info UnitInfo, ok bool) {
	switch kind := unit[0] & 0x1f; kind {
	case avcSlice, avcPartitionA, avcSliceIDR:
		if len(unit) < 2 {
			return UnitInfo{}, false
		}
		return UnitInfo{
			Kind: UnitSlice, First: unit[1]&0x80 != 0, // first_mb_in_slice is 0
			Key: kind == avcSliceIDR, Disposable: unit[0]&0x60 == 0,
		}, true
	case avcPartitionA + 1, avcPartitionA + 2:
		return UnitInfo{Kind: UnitSlice, Disposable: unit[0]&0x60 == 0}, true
	case avcSPS, avcPPS:
		return UnitInfo{Kind: UnitSet}, len(unit) > 1
	case avcDelimiter:
		return UnitInfo{Kind: UnitDelimiter}, true
	case avcFiller:
		return UnitInfo{Kind: UnitFiller}, true
	default:
		return UnitInfo{}, true
	}
}

func inspectHEVCUnit(unit []byte) (info UnitInfo, ok bool) {
	kind, layer := unit[0]>>1&0x3f, unit[0]&1<<5|unit[1]>>3
	switch {
	case kind < hevcVPS && layer > 0:
		return UnitInfo{Kind: UnitSlice}, true // of another view of the same picture
	case kind < hevcVPS:
		if len(unit) < 3 {
			return UnitInfo{}, false
		}
		return UnitInfo{
			Kind: UnitSlice, First: unit[2]&0x80 != 0, // first_slice_segment_in_pic_flag
			Key: kind >= hevcIRAPFirst && kind <= hevcIRAPLast, Disposable: kind < hevcIRAPFirst && kind&1 == 0,
		}, true
	case kind <= hevcPPS && layer == 0:
		return UnitInfo{Kind: UnitSet}, len(unit) > 2
	case kind == hevcDelimiter:
		return UnitInfo{Kind: UnitDelimiter}, true
	case kind == hevcFiller:
		return UnitInfo{Kind: UnitFiller}, true
	default:
		return UnitInfo{}, true
	}
}

// AVCIntra reports whether an H.264 slice, given as a NAL unit, needs no other
// picture. A picture of such slices that is no IDR picture is where decoding may
// start in streams with open groups of pictures.
func AVCIntra(unit []byte) bool {
	info, ok := InspectUnit(AVC, unit)
	if !ok || info.Kind != UnitSlice {
		return false
	}
	r := bitReader{data: unit[1:]}
	r.ue() // first_mb_in_slice
	kind := r.ue()
	const i, si = 2, 4
	return !r.short && (kind%5 == i || kind%5 == si) && kind < 10
}

// AVCRecoveryPoint reports whether an H.264 unit of supplemental information
// has a recovery point: from there on a decoder gets to whole pictures.
func AVCRecoveryPoint(unit []byte) bool {
	if len(unit) == 0 || unit[0]&0x9f != avcSEI {
		return false
	}
	const recoveryPoint = 6
	r := bitReader{data: unit[1:]}
	for r.remaining() > 16 {
		kind, size := readSEINumber(&r), readSEINumber(&r)
		if kind == recoveryPoint {
			return !r.short
		}
		r.skip(8 * min(size, len(unit)))
	}
	return false
}

// readSEINumber reads a payload type or size, of as many bytes 255 as there are
// and the one behind them.
func readSEINumber(r *bitReader) (n int) {
	for !r.short {
		b := int(r.bits(8))
		n += b
		if b != 0xff {
			break
		}
	}
	return n
}

// NextAnnexB returns where the first NAL unit at or behind offset begins and
// ends, without the zero bytes that may follow it, and where to look for the
// one after it. Units without bytes are passed over. It is false if there is
// none.
func NextAnnexB(payload []byte, offset int) (begin, end, next int, ok bool) {
	begin, ok = startCode(payload, offset)
	for ok {
		after, more := startCode(payload, begin)
		end, next = len(payload), len(payload)
		if more {
			end, next = after-3, after-3
		}
		for end > begin && payload[end-1] == 0 {
			end--
		}
		if end > begin {
			return begin, end, next, true
		}
		begin, ok = after, more
	}
	return 0, 0, len(payload), false
}

// startCode returns where the first start code at or behind offset ends.
func startCode(payload []byte, offset int) (after int, ok bool) {
	for i := offset + 2; i < len(payload); i++ {
		n := bytes.IndexByte(payload[i:], 1)
		if n < 0 {
			break
		}
		i += n
		if payload[i-1] == 0 && payload[i-2] == 0 {
			return i + 1, true
		}
	}
	return len(payload), false
}
