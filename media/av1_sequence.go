package media

// AV1Sequence is what an AV1 sequence header says about the pictures.
type AV1Sequence struct {
	// Config has the fields that a configuration record repeats; its OBUs are empty.
	Config AV1Config
	// Width and Height are the largest of any frame, in pixels.
	Width, Height int
	// Color is the colour description.
	Color Color
	// FrameRate is set where the header promises equal intervals.
	FrameRate Rate
}

// ParseAV1Sequence reads the payload of a sequence header OBU, without OBU
// header and size.
func ParseAV1Sequence(payload []byte) (AV1Sequence, error) {
	r := &bitReader{data: payload, raw: true}
	s := AV1Sequence{Config: AV1Config{BitDepth: 8}}
	s.Config.Profile = uint8(r.bits(3))
	if s.Config.Profile > 2 {
		return AV1Sequence{}, syntax(AV1, "sequence profile", ErrInvalid)
	}
	r.skip(1) // still_picture
	reduced := r.flag()
	if reduced {
		s.Config.Level = uint8(r.bits(5))
	} else {
		s.readOperatingPoints(r)
	}
	bitsX, bitsY := int(r.bits(4))+1, int(r.bits(4))+1
	s.Width, s.Height = int(r.bits(bitsX))+1, int(r.bits(bitsY))+1
	skipAV1Tools(r, reduced)
	s.readColor(r)
	if r.short {
		return AV1Sequence{}, syntax(AV1, "sequence", ErrTruncated)
	}
	return s, nil
}

// readOperatingPoints reads timing, decoder model and the list of operating points.
func (s *AV1Sequence) readOperatingPoints(r *bitReader) {
	delayBits := 0
	if r.flag() { // timing_info_present_flag
		units, scale := r.bits(32), r.bits(32)
		if r.flag() { // equal_picture_interval
			s.FrameRate = av1FrameRate(units, scale, r.ue())
		}
		if r.flag() { // decoder_model_info_present_flag
			delayBits = int(r.bits(5)) + 1
			r.skip(32 + 5 + 5)
		}
	}
	initialDelay := r.flag()
	for i := range r.bits(5) + 1 {
		r.skip(12) // operating_point_idc
		level := uint8(r.bits(5))
		high := level > 7 && r.flag()
		if delayBits > 0 && r.flag() { // decoder_model_present_for_this_op
			r.skip(2*delayBits + 1)
		}
		delay := uint8(0)
		if initialDelay && r.flag() {
			delay = uint8(r.bits(4)) + 1
		}
		if i == 0 {
			s.Config.Level, s.Config.High, s.Config.PresentationDelay = level, high, delay
		}
	}
}

func av1FrameRate(units, scale, ticksMinus1 uint32) Rate {
	den := uint64(units) * (uint64(ticksMinus1) + 1)
	if den == 0 || den > 1<<32-1 || scale == 0 {
		return Rate{}
	}
	return Rate{Num: scale, Den: uint32(den)}
}

// skipAV1Tools passes over the coding tools between the size and the colours.
func skipAV1Tools(r *bitReader, reduced bool) {
	if !reduced && r.flag() { // frame_id_numbers_present_flag
		r.skip(7)
	}
	r.skip(3) // superblock size, filter intra, intra edge filter
	if !reduced {
		r.skip(4) // interintra, masked, warped motion, dual filter
		order := r.flag()
		if order {
			r.skip(2)
		}
		force := uint32(2)
		if !r.flag() { // seq_choose_screen_content_tools
			force = r.bits(1)
		}
		if force > 0 && !r.flag() { // seq_choose_integer_mv
			r.skip(1)
		}
		if order {
			r.skip(3)
		}
	}
	r.skip(3) // superres, cdef, restoration
}

// readColor reads color_config.
func (s *AV1Sequence) readColor(r *bitReader) {
	c := &s.Config
	if r.flag() { // high_bitdepth
		c.BitDepth = 10
		if c.Profile == 2 && r.flag() { // twelve_bit
			c.BitDepth = 12
		}
	}
	c.Monochrome = c.Profile != 1 && r.flag()
	s.Color = Color{Primaries: 2, Transfer: 2, Matrix: 2}
	if r.flag() { // color_description_present_flag
		s.Color = Color{Primaries: uint8(r.bits(8)), Transfer: uint8(r.bits(8)), Matrix: uint8(r.bits(8))}
	}
	switch {
	case c.Monochrome:
		s.Color.FullRange = r.flag()
		c.SubsamplingX, c.SubsamplingY = true, true
		return
	case s.Color == Color{Primaries: 1, Transfer: 13, Matrix: 0}: // sRGB
		s.Color.FullRange = true
		return
	}
	s.Color.FullRange = r.flag()
	switch {
	case c.Profile == 0:
		c.SubsamplingX, c.SubsamplingY = true, true
	case c.Profile == 2 && c.BitDepth == 12:
		c.SubsamplingX = r.flag()
		c.SubsamplingY = c.SubsamplingX && r.flag()
	case c.Profile == 2:
		c.SubsamplingX = true
	}
	if c.SubsamplingX && c.SubsamplingY {
		c.ChromaPosition = uint8(r.bits(2))
	}
}
