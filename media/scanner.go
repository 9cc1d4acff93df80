package media

// PayloadInfo is what the headers of a frame's units tell.
type PayloadInfo struct {
	// Clean says that the payload is exactly a sequence of length-prefixed NAL
	// units. It is false for codecs without NAL units.
	Clean bool
	// Key says that decoding may start here: an IDR picture of H.264, a random
	// access point of H.265, a key frame of AV1, VP8 or VP9. Frames of all other
	// codecs stand alone, so for them it is true.
	Key bool
	// ParameterSets says that the frame carries SPS, PPS or VPS, or the sequence
	// header of AV1.
	ParameterSets bool
}

// Scanner looks at a frame that arrives in pieces, such as those of a socket's
// read buffer. It hops over lengths, keeps no byte of the frame and does not
// allocate. The zero Scanner is for codecs without NAL units; begin each frame
// with Reset. A Scanner serves one goroutine at a time.
type Scanner struct {
	codec      Codec
	lengthSize uint8
	lengthLeft uint8 // bytes of the current length still to come
	header     bool  // the next byte is a unit's first
	broken     bool
	units      bool   // there was a whole length
	left       uint64 // bytes of the current unit still to come
	info       PayloadInfo
}

// Reset prepares for a frame of AVC or HEVC whose units are preceded by
// lengthSize bytes of length (1 to 4), as codec private data say. With any other
// codec or length size the result of the scan is never clean, never key and
// without parameter sets; use [Inspect] for whole frames of other codecs.
func (s *Scanner) Reset(codec Codec, lengthSize int) {
	*s = Scanner{codec: codec}
	if codec != AVC && codec != HEVC || lengthSize < 1 || lengthSize > 4 {
		s.broken = true
		return
	}
	s.lengthSize, s.lengthLeft = uint8(lengthSize), uint8(lengthSize)
}

// Feed takes the next piece of the frame.
func (s *Scanner) Feed(piece []byte) {
	for len(piece) > 0 && !s.broken && s.lengthSize > 0 {
		switch {
		case s.lengthLeft > 0:
			s.left = s.left<<8 | uint64(piece[0])
			s.lengthLeft--
			piece = piece[1:]
			if s.lengthLeft == 0 {
				s.header, s.units = true, true
				s.broken = s.left == 0
			}
		case s.header:
			s.unit(piece[0])
			s.header = false
		default:
			n := min(s.left, uint64(len(piece)))
			s.left -= n
			piece = piece[n:]
			if s.left == 0 {
				s.lengthLeft = s.lengthSize
			}
		}
	}
}

// unit takes note of a unit by the first byte of its header.
func (s *Scanner) unit(first byte) {
	if first&0x80 != 0 {
		s.broken = true
		return
	}
	s.info.note(s.codec, first)
}

// Result returns what is known of the frame when its last piece was fed. Key and
// ParameterSets of a frame that is not clean come from the units before the fault.
func (s *Scanner) Result() PayloadInfo {
	info := s.info
	info.Clean = s.units && !s.broken && s.left == 0 && s.lengthLeft == s.lengthSize
	return info
}

// note adds what a NAL unit's first header byte tells.
func (p *PayloadInfo) note(codec Codec, first byte) {
	if codec == AVC {
		switch first & 0x1f {
		case avcSliceIDR:
			p.Key = true
		case avcSPS, avcPPS, avcSPSExt:
			p.ParameterSets = true
		}
		return
	}
	switch kind := first >> 1 & 0x3f; {
	case kind >= hevcIRAPFirst && kind <= hevcIRAPLast:
		p.Key = true
	case kind >= hevcVPS && kind <= hevcPPS:
		p.ParameterSets = true
	}
}

// Inspect looks at a whole frame of any codec. lengthSize is that of
// [Parameters]; zero means that the codec private data did not tell: then units
// of AVC and HEVC are in Annex B form if the frame begins like it, else behind
// lengths of four bytes. Inspect does not allocate.
func Inspect(codec Codec, payload []byte, lengthSize int) PayloadInfo {
	switch codec {
	case AVC, HEVC:
		if lengthSize == 0 && IsAnnexB(payload) {
			return inspectAnnexB(codec, payload)
		}
		if lengthSize == 0 {
			lengthSize = usualLengthSize
		}
		var s Scanner
		s.Reset(codec, lengthSize)
		s.Feed(payload)
		return s.Result()
	case AV1:
		key, sequence := av1Key(payload)
		return PayloadInfo{Key: key, ParameterSets: sequence}
	case VP8:
		return PayloadInfo{Key: len(payload) > 0 && payload[0]&1 == 0}
	case VP9:
		return PayloadInfo{Key: vp9Key(payload)}
	default:
		return PayloadInfo{Key: true}
	}
}

func inspectAnnexB(codec Codec, payload []byte) PayloadInfo {
	var p PayloadInfo
	for unit := range AnnexBUnits(payload) {
		if unit[0]&0x80 == 0 {
			p.note(codec, unit[0])
		}
	}
	return p
}

// vp9Key reads the first bits of the uncompressed header.
func vp9Key(payload []byte) bool {
	r := bitReader{data: payload, raw: true}
	if r.bits(2) != 2 { // frame_marker
		return false
	}
	profile := r.bits(1) | r.bits(1)<<1
	if profile == 3 {
		r.skip(1)
	}
	if r.flag() { // show_existing_frame
		return false
	}
	return !r.flag() && !r.short // frame_type
}
