package media

// NAL unit types of H.265.
const (
	hevcIRAPFirst = 16
	hevcIRAPLast  = 23
	hevcVPS       = 32
	hevcSPS       = 33
	hevcPPS       = 34
	hevcDelimiter = 35
	hevcFiller    = 38
	hevcSEIPrefix = 39
	hevcSEISuffix = 40
)

// hevcUnitType returns the type in a NAL unit header, and 0xff if the unit is
// too short to have one.
func hevcUnitType(unit []byte) byte {
	if len(unit) < 2 || unit[0]&0x80 != 0 {
		return 0xff
	}
	return unit[0] >> 1
}

// HEVCSPS is what an H.265 sequence parameter set says about the pictures.
type HEVCSPS struct {
	// Profile is the general profile, tier and level.
	Profile HEVCProfile
	// ID is sps_seq_parameter_set_id, 0 to 15.
	ID uint8
	// TemporalLayers is the largest number of temporal sub-layers, 1 to 7.
	TemporalLayers uint8
	// TemporalNested is sps_temporal_id_nesting_flag.
	TemporalNested bool
	// ChromaFormat is 0 for monochrome, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
	ChromaFormat uint8
	// BitDepthLuma and BitDepthChroma are 8 to 16.
	BitDepthLuma, BitDepthChroma uint8
	// Width and Height are in pixels, inside the conformance window.
	Width, Height int
	// MaxReorderFrames is how many frames may precede a frame in decoding order
	// and follow it in presentation, at the highest temporal layer.
	MaxReorderFrames int
	// Aspect is the sample aspect ratio.
	Aspect Ratio
	// Color is the colour description.
	Color Color
	// FrameRate is what the timing information states.
	FrameRate Rate
}

// ParseHEVCSPS reads an H.265 sequence parameter set, given as a NAL unit with
// its header and with emulation prevention bytes. A fault behind the sub-layer
// ordering information leaves the fields of the usability information zero and
// is no error.
func ParseHEVCSPS(unit []byte) (HEVCSPS, error) {
	if len(unit) == 0 {
		return HEVCSPS{}, syntax(HEVC, "sps", ErrMissing)
	}
	if hevcUnitType(unit) != hevcSPS {
		return HEVCSPS{}, syntax(HEVC, "sps header", ErrInvalid)
	}
	var s HEVCSPS
	r := &bitReader{data: unit[2:]}
	r.skip(4) // sps_video_parameter_set_id
	subLayers := r.bits(3)
	if subLayers > 6 {
		return HEVCSPS{}, syntax(HEVC, "sps sub-layers", ErrInvalid)
	}
	s.TemporalLayers, s.TemporalNested = uint8(subLayers)+1, r.flag()
	s.Profile = readHEVCProfile(r, subLayers)
	if err := s.readSize(r); err != nil {
		return HEVCSPS{}, err
	}
	order, err := s.readOrder(r, subLayers)
	if err != nil {
		return HEVCSPS{}, err
	}
	if skipHEVCTools(r, order) {
		s.readVUI(r)
	}
	return s, nil
}

// readSize reads the identifier, the picture format and the conformance window.
func (s *HEVCSPS) readSize(r *bitReader) error {
	id, chroma := r.ue(), r.ue()
	if id > 15 {
		return syntax(HEVC, "sps id", ErrInvalid)
	}
	if chroma > 3 {
		return syntax(HEVC, "sps chroma format", ErrInvalid)
	}
	s.ID, s.ChromaFormat = uint8(id), uint8(chroma)
	if chroma == 3 {
		r.skip(1) // separate_colour_plane_flag
	}
	width, height := int64(r.ue()), int64(r.ue())
	if r.flag() { // conformance_window_flag
		unitX, unitY := chromaUnits(s.ChromaFormat)
		width -= unitX * (int64(r.ue()) + int64(r.ue()))
		height -= unitY * (int64(r.ue()) + int64(r.ue()))
	}
	luma, chromaDepth := r.ue(), r.ue()
	if r.short {
		return syntax(HEVC, "sps", ErrTruncated)
	}
	if luma > 8 || chromaDepth > 8 {
		return syntax(HEVC, "sps bit depth", ErrInvalid)
	}
	s.BitDepthLuma, s.BitDepthChroma = uint8(8+luma), uint8(8+chromaDepth)
	var err error
	s.Width, s.Height, err = pictureSize(HEVC, width, height)
	return err
}

// readOrder reads the sub-layer ordering information. It returns the number of
// bits in the low part of a picture order count, which later fields need.
func (s *HEVCSPS) readOrder(r *bitReader, subLayers uint32) (orderBits int, err error) {
	low := r.ue() // log2_max_pic_order_cnt_lsb_minus4
	if low > 12 {
		return 0, syntax(HEVC, "sps picture order", ErrInvalid)
	}
	layers := uint32(1)
	if r.flag() { // sps_sub_layer_ordering_info_present_flag
		layers += subLayers
	}
	var reorder uint32
	for range layers {
		r.ue() // sps_max_dec_pic_buffering_minus1
		reorder = r.ue()
		r.ue() // sps_max_latency_increase_plus1
	}
	switch {
	case r.short:
		return 0, syntax(HEVC, "sps", ErrTruncated)
	case reorder > 16:
		return 0, syntax(HEVC, "sps reordering", ErrInvalid)
	}
	s.MaxReorderFrames = int(reorder)
	return int(low) + 4, nil
}

// readVUI reads the video usability information. What follows a fault is not set.
func (s *HEVCSPS) readVUI(r *bitReader) {
	aspect, color := readVideoSignal(r)
	if r.short {
		return
	}
	s.Aspect, s.Color = aspect, color
	r.skip(3)     // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
	if r.flag() { // default_display_window_flag
		for range 4 {
			r.ue()
		}
	}
	if !r.flag() { // vui_timing_info_present_flag
		return
	}
	units, scale := r.bits(32), r.bits(32)
	if !r.short && units > 0 && scale > 0 {
		s.FrameRate = Rate{Num: scale, Den: units}
	}
}
