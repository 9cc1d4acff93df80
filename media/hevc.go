package media

// HEVCConfig is an H.265 decoder configuration record (hvcC):
//
//	01 | profile(12 bytes) | 1111 minSpatialSegmentation(12) | 111111 parallelism(2)
//	111111 chromaFormat(2) | 11111 luma-8(3) | 11111 chroma-8(3) | avgFrameRate(16)
//	constantFrameRate(2) temporalLayers(3) temporalNested(1) lengthSize-1(2) | arrays(8)
//	{ complete(1) 0 type(6) | count(16) { length(16) unit } … } …
//
// The fields before the arrays repeat what the SPS says. A widely used client
// writes the profile shifted by a byte and the level as zero, so [ParseHEVCConfig]
// takes them from the SPS, and Append writes a record in which they are right.
type HEVCConfig struct {
	// Profile is that of the first SPS.
	Profile HEVCProfile
	// LengthSize is the number of bytes before each NAL unit of a frame: 1, 2 or 4.
	LengthSize int
	// VPS, SPS and PPS are the parameter sets as NAL units, at least one and at
	// most 255 of each, each of at most 65,535 bytes.
	VPS, SPS, PPS [][]byte
	// SEI are supplemental units that hold for the whole stream, at most 255.
	SEI [][]byte
}

const hevcRecordHead = 23 // bytes before the arrays

// ParseHEVCConfig reads a configuration record. It checks that the record holds
// at least one set of each kind and that the first SPS can be parsed. Units of
// other kinds than those of [HEVCConfig] are dropped.
func ParseHEVCConfig(b []byte) (HEVCConfig, error) {
	switch {
	case len(b) == 0:
		return HEVCConfig{}, syntax(HEVC, "hvcC", ErrMissing)
	case b[0] != 1:
		return HEVCConfig{}, syntax(HEVC, "hvcC version", ErrInvalid)
	case len(b) < hevcRecordHead:
		return HEVCConfig{}, syntax(HEVC, "hvcC", ErrTruncated)
	case b[21]&3 == 2:
		return HEVCConfig{}, syntax(HEVC, "hvcC length size", ErrInvalid)
	}
	c := HEVCConfig{LengthSize: int(b[21]&3) + 1}
	rest := b[hevcRecordHead:]
	for range b[22] {
		if len(rest) < 3 {
			return HEVCConfig{}, syntax(HEVC, "hvcC arrays", ErrTruncated)
		}
		count := int(rest[1])<<8 | int(rest[2])
		if count > maxParameterSets {
			return HEVCConfig{}, syntax(HEVC, "hvcC arrays", ErrLimit)
		}
		units, tail, ok := cutSets(rest[3:], count)
		if !ok {
			return HEVCConfig{}, syntax(HEVC, "hvcC arrays", ErrTruncated)
		}
		if array := c.array(rest[0] & 0x3f); array != nil {
			*array = append(*array, units...)
		}
		rest = tail
	}
	return c, c.settle()
}

// array returns the field for units of a type, nil if there is none.
func (c *HEVCConfig) array(kind byte) *[][]byte {
	switch kind {
	case hevcVPS:
		return &c.VPS
	case hevcSPS:
		return &c.SPS
	case hevcPPS:
		return &c.PPS
	case hevcSEIPrefix, hevcSEISuffix:
		return &c.SEI
	default:
		return nil
	}
}

// settle checks the record and takes the profile from its first SPS.
func (c *HEVCConfig) settle() error {
	if err := c.check(); err != nil {
		return err
	}
	s, err := ParseHEVCSPS(c.SPS[0])
	if err != nil {
		return err
	}
	c.Profile = s.Profile
	return nil
}

func (c *HEVCConfig) check() error {
	switch {
	case len(c.VPS) == 0:
		return syntax(HEVC, "hvcC vps", ErrMissing)
	case len(c.SPS) == 0:
		return syntax(HEVC, "hvcC sps", ErrMissing)
	case len(c.PPS) == 0:
		return syntax(HEVC, "hvcC pps", ErrMissing)
	}
	for kind, units := range c.arrays() {
		if len(units) > maxParameterSets {
			return syntax(HEVC, "hvcC parameter sets", ErrLimit)
		}
		for _, unit := range units {
			if err := checkHEVCUnit(unit, kind); err != nil {
				return err
			}
		}
	}
	return nil
}

// arrays yields the units by type, in the order of the record.
func (c *HEVCConfig) arrays() func(yield func(byte, [][]byte) bool) {
	return func(yield func(byte, [][]byte) bool) {
		_ = yield(hevcVPS, c.VPS) && yield(hevcSPS, c.SPS) && yield(hevcPPS, c.PPS) && yield(hevcSEIPrefix, c.SEI)
	}
}

func checkHEVCUnit(unit []byte, kind byte) error {
	got := hevcUnitType(unit)
	switch {
	case len(unit) > maxParameterSet:
		return syntax(HEVC, "hvcC unit", ErrLimit)
	case got == kind, kind == hevcSEIPrefix && got == hevcSEISuffix:
		return nil
	default:
		return syntax(HEVC, "hvcC unit", ErrInvalid)
	}
}

// NewHEVCConfig makes a record for frames with lengths of four bytes from
// parameter sets, which it keeps.
func NewHEVCConfig(vps, sps, pps [][]byte) (HEVCConfig, error) {
	c := HEVCConfig{LengthSize: usualLengthSize, VPS: vps, SPS: sps, PPS: pps}
	if err := c.settle(); err != nil {
		return HEVCConfig{}, err
	}
	return c, nil
}

// HEVCConfigFromAnnexB makes a record from the parameter sets in an Annex B
// payload: a key frame, or bare parameter sets. Repeated sets count once.
func HEVCConfigFromAnnexB(payload []byte) (HEVCConfig, error) {
	var c HEVCConfig
	for unit := range AnnexBUnits(payload) {
		kind := hevcUnitType(unit)
		if kind != hevcVPS && kind != hevcSPS && kind != hevcPPS {
			continue
		}
		array := c.array(kind)
		*array = appendNew(*array, unit, maxParameterSets)
	}
	return NewHEVCConfig(c.VPS, c.SPS, c.PPS)
}

// Append appends the record to dst. On error it returns dst as it was. The
// fields that describe the pictures come from the first SPS.
func (c HEVCConfig) Append(dst []byte) ([]byte, error) {
	if err := c.settle(); err != nil {
		return dst, err
	}
	if c.LengthSize != 1 && c.LengthSize != 2 && c.LengthSize != 4 {
		return dst, syntax(HEVC, "hvcC length size", ErrInvalid)
	}
	s, err := ParseHEVCSPS(c.SPS[0])
	if err != nil {
		return dst, err
	}
	out := append(dst, 1)
	out = s.Profile.append(out)
	out = append(out, 0xf0, 0, 0xfc, 0xfc|s.ChromaFormat&3, 0xf8|(s.BitDepthLuma-8)&7, 0xf8|(s.BitDepthChroma-8)&7, 0, 0)
	layers := s.TemporalLayers<<3 | byte(c.LengthSize-1)
	if s.TemporalNested {
		layers |= 4
	}
	return c.appendArrays(append(out, layers)), nil
}

func (c *HEVCConfig) appendArrays(dst []byte) []byte {
	count := len(dst)
	dst = append(dst, 0)
	for kind, units := range c.arrays() {
		if len(units) == 0 {
			continue
		}
		dst[count]++
		const complete = 0x80
		dst = append(dst, complete|kind, byte(len(units)>>8), byte(len(units)))
		dst = appendSets(dst, units)
	}
	return dst
}

// AppendAnnexB appends the parameter sets to dst with start codes, as decoders
// want them before a key frame.
func (c HEVCConfig) AppendAnnexB(dst []byte) []byte {
	for _, units := range [][][]byte{c.VPS, c.SPS, c.PPS} {
		for _, unit := range units {
			dst = appendStartCode(dst, unit)
		}
	}
	return dst
}

// CodecString returns the RFC 6381 form, such as "hvc1.1.6.L93.B0".
func (c HEVCConfig) CodecString() string { return c.Profile.CodecString() }

func hevcParameters(private []byte) (Parameters, error) {
	c, size, err := hevcConfig(private)
	if err != nil {
		return Parameters{}, err
	}
	s, err := ParseHEVCSPS(c.SPS[0])
	if err != nil {
		return Parameters{}, err
	}
	return Parameters{
		Width: s.Width, Height: s.Height, FrameRate: s.FrameRate,
		LengthSize: size, CodecString: c.CodecString(),
	}, nil
}

// hevcConfig reads either form of codec private data; size is 0 for Annex B.
func hevcConfig(private []byte) (c HEVCConfig, size int, err error) {
	if HasStartCode(private) {
		c, err = HEVCConfigFromAnnexB(private)
		return c, 0, err
	}
	c, err = ParseHEVCConfig(private)
	return c, c.LengthSize, err
}
