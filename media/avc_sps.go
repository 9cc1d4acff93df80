package media

import "math"

// NAL unit types of H.264.
const (
	avcSlice      = 1
	avcPartitionA = 2
	avcSliceIDR   = 5
	avcSEI        = 6
	avcSPS        = 7
	avcPPS        = 8
	avcDelimiter  = 9
	avcFiller     = 12
	avcSPSExt     = 13
)

// maxPictureSide bounds widths and heights, in pixels: what MP4 and Matroska
// players can be told, and far above what any level allows.
const maxPictureSide = math.MaxUint16

// AVCSPS is what an H.264 sequence parameter set says about the pictures.
type AVCSPS struct {
	// Profile, Constraints and Level are profile_idc, the constraint flags and level_idc.
	Profile, Constraints, Level uint8
	// ID is seq_parameter_set_id, 0 to 31.
	ID uint8
	// ChromaFormat is 0 for monochrome, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
	ChromaFormat uint8
	// BitDepthLuma and BitDepthChroma are 8 to 14.
	BitDepthLuma, BitDepthChroma uint8
	// Width and Height are in pixels, after cropping.
	Width, Height int
	// Interlaced says that pictures may be fields.
	Interlaced bool
	// MaxReorderFrames is how many frames may precede a frame in decoding order
	// and follow it in presentation; -1 if the set does not tell.
	MaxReorderFrames int
	// Aspect is the sample aspect ratio.
	Aspect Ratio
	// Color is the colour description.
	Color Color
	// FrameRate is half the field rate that the timing information states.
	FrameRate Rate
}

// ParseAVCSPS reads an H.264 sequence parameter set, given as a NAL unit with
// its header and with emulation prevention bytes. A fault in the usability
// information at its end, which some encoders get wrong, leaves the fields that
// come from there zero and is no error.
func ParseAVCSPS(unit []byte) (AVCSPS, error) {
	if len(unit) == 0 {
		return AVCSPS{}, syntax(AVC, "sps", ErrMissing)
	}
	if unit[0]&0x9f != avcSPS {
		return AVCSPS{}, syntax(AVC, "sps header", ErrInvalid)
	}
	r := &bitReader{data: unit[1:]}
	s := AVCSPS{MaxReorderFrames: -1}
	s.Profile, s.Constraints, s.Level = uint8(r.bits(8)), uint8(r.bits(8)), uint8(r.bits(8))
	id := r.ue()
	if id > 31 {
		return AVCSPS{}, syntax(AVC, "sps id", ErrInvalid)
	}
	s.ID = uint8(id)
	planes, err := s.readFormat(r)
	if err != nil {
		return AVCSPS{}, err
	}
	if err := skipAVCOrder(r); err != nil {
		return AVCSPS{}, err
	}
	if err := s.readSize(r, planes); err != nil {
		return AVCSPS{}, err
	}
	s.readVUI(r)
	return s, nil
}

// readFormat reads the fields that only the high profiles have. It returns the
// ChromaArrayType, from which the units of cropping follow.
func (s *AVCSPS) readFormat(r *bitReader) (planes uint8, err error) {
	s.ChromaFormat, s.BitDepthLuma, s.BitDepthChroma = 1, 8, 8
	if !avcHasFormat(s.Profile) {
		return 1, nil
	}
	chroma := r.ue()
	if chroma > 3 {
		return 0, syntax(AVC, "sps chroma format", ErrInvalid)
	}
	s.ChromaFormat = uint8(chroma)
	planes = s.ChromaFormat
	if chroma == 3 && r.flag() { // separate_colour_plane_flag
		planes = 0
	}
	luma, chromaDepth := r.ue(), r.ue()
	if luma > 6 || chromaDepth > 6 {
		return 0, syntax(AVC, "sps bit depth", ErrInvalid)
	}
	s.BitDepthLuma, s.BitDepthChroma = uint8(8+luma), uint8(8+chromaDepth)
	r.skip(1)     // qpprime_y_zero_transform_bypass_flag
	if r.flag() { // seq_scaling_matrix_present_flag
		skipAVCScalingMatrix(r, chroma)
	}
	return planes, nil
}

// avcHasFormat reports whether sets of the profile carry chroma format and bit depth.
func avcHasFormat(profile uint8) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 134, 135, 138, 139:
		return true
	default:
		return false
	}
}

func skipAVCScalingMatrix(r *bitReader, chroma uint32) {
	lists := 8
	if chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if !r.flag() {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := int32(8), int32(8)
		for range size {
			if next != 0 {
				next = (last + r.se()) & 0xff
			}
			if next != 0 {
				last = next
			}
		}
	}
}

// skipAVCOrder passes over frame numbering and picture order count.
func skipAVCOrder(r *bitReader) error {
	if r.ue() > 12 { // log2_max_frame_num_minus4
		return syntax(AVC, "sps frame number", ErrInvalid)
	}
	switch r.ue() { // pic_order_cnt_type
	case 0:
		if r.ue() > 12 { // log2_max_pic_order_cnt_lsb_minus4
			return syntax(AVC, "sps picture order", ErrInvalid)
		}
	case 1:
		r.skip(1)
		r.se()
		r.se()
		cycle := r.ue()
		if cycle > 255 {
			return syntax(AVC, "sps picture order", ErrLimit)
		}
		for range cycle {
			r.se()
		}
	case 2:
	default:
		return syntax(AVC, "sps picture order", ErrInvalid)
	}
	r.ue()    // max_num_ref_frames
	r.skip(1) // gaps_in_frame_num_value_allowed_flag
	return nil
}

// readSize reads the coded size and the cropping window.
func (s *AVCSPS) readSize(r *bitReader, planes uint8) error {
	const macroblock = 16
	width, height := (int64(r.ue())+1)*macroblock, (int64(r.ue())+1)*macroblock
	unitX, unitY := chromaUnits(planes)
	s.Interlaced = !r.flag() // frame_mbs_only_flag
	if s.Interlaced {
		height *= 2
		unitY *= 2
		r.skip(1) // mb_adaptive_frame_field_flag
	}
	r.skip(1)     // direct_8x8_inference_flag
	if r.flag() { // frame_cropping_flag
		width -= unitX * (int64(r.ue()) + int64(r.ue()))
		height -= unitY * (int64(r.ue()) + int64(r.ue()))
	}
	if r.short {
		return syntax(AVC, "sps", ErrTruncated)
	}
	var err error
	s.Width, s.Height, err = pictureSize(AVC, width, height)
	return err
}

// chromaUnits returns the steps in which a window over the picture is counted.
func chromaUnits(planes uint8) (x, y int64) {
	switch planes {
	case 1:
		return 2, 2
	case 2:
		return 2, 1
	default:
		return 1, 1
	}
}

func pictureSize(codec Codec, width, height int64) (int, int, error) {
	if width < 1 || height < 1 {
		return 0, 0, syntax(codec, "sps picture size", ErrInvalid)
	}
	if width > maxPictureSide || height > maxPictureSide {
		return 0, 0, syntax(codec, "sps picture size", ErrLimit)
	}
	return int(width), int(height), nil
}

// readVUI reads the video usability information. What follows a fault is not set.
func (s *AVCSPS) readVUI(r *bitReader) {
	if !r.flag() {
		return
	}
	aspect, color := readVideoSignal(r)
	if r.short {
		return
	}
	s.Aspect, s.Color = aspect, color
	if r.flag() { // timing_info_present_flag
		units, scale := r.bits(32), r.bits(32)
		r.skip(1) // fixed_frame_rate_flag
		if !r.short {
			s.FrameRate = avcFrameRate(units, scale)
		}
	}
	hasHRD := skipAVCHRDs(r)
	if hasHRD {
		r.skip(1) // low_delay_hrd_flag
	}
	r.skip(1)      // pic_struct_present_flag
	if !r.flag() { // bitstream_restriction_flag
		return
	}
	r.skip(1) // motion_vectors_over_pic_boundaries_flag
	for range 4 {
		r.ue()
	}
	reorder := r.ue()
	if !r.short && reorder <= 16 {
		s.MaxReorderFrames = int(reorder)
	}
}

// avcFrameRate turns the tick of the timing information, which counts fields,
// into a rate of frames.
func avcFrameRate(units, scale uint32) Rate {
	if units == 0 || scale == 0 {
		return Rate{}
	}
	if scale%2 == 0 {
		return Rate{Num: scale / 2, Den: units}
	}
	if units > math.MaxUint32/2 {
		return Rate{}
	}
	return Rate{Num: scale, Den: units * 2}
}

// skipAVCHRDs passes over both sets of decoder buffer parameters and reports
// whether there was one.
func skipAVCHRDs(r *bitReader) bool {
	found := false
	for range 2 {
		if !r.flag() {
			continue
		}
		found = true
		count := r.ue()
		if count > 31 {
			r.short = true
			return found
		}
		r.skip(8)
		for range count + 1 {
			r.ue()
			r.ue()
			r.skip(1)
		}
		r.skip(20)
	}
	return found
}
