package media

import "fmt"

// AV1Config is an AV1 codec configuration record (av1C):
//
//	1 version=1(7) | profile(3) level(5)
//	tier highBitdepth twelveBit monochrome subsamplingX subsamplingY position(2)
//	000 delayPresent delay-1(4) | OBUs
type AV1Config struct {
	// Profile is seq_profile, 0 to 2.
	Profile uint8
	// Level is seq_level_idx of the first operating point, 0 to 31.
	Level uint8
	// High is the high tier.
	High bool
	// BitDepth is 8, 10 or 12.
	BitDepth uint8
	// Monochrome says that there is no chroma.
	Monochrome bool
	// SubsamplingX and SubsamplingY say in which directions chroma is halved.
	SubsamplingX, SubsamplingY bool
	// ChromaPosition is chroma_sample_position, 0 to 3.
	ChromaPosition uint8
	// PresentationDelay is the number of frames to decode before the first is
	// shown, 1 to 16; 0 if the record does not tell.
	PresentationDelay uint8
	// OBUs are the configuration OBUs: nothing, or a sequence header with its size.
	OBUs []byte
}

// ParseAV1Config reads a configuration record.
func ParseAV1Config(b []byte) (AV1Config, error) {
	const version = 0x81
	switch {
	case len(b) == 0:
		return AV1Config{}, syntax(AV1, "av1C", ErrMissing)
	case len(b) < 4:
		return AV1Config{}, syntax(AV1, "av1C", ErrTruncated)
	case b[0] != version:
		return AV1Config{}, syntax(AV1, "av1C version", ErrInvalid)
	}
	c := AV1Config{
		Profile: b[1] >> 5, Level: b[1] & 0x1f, High: b[2]&0x80 != 0, BitDepth: 8, Monochrome: b[2]&0x10 != 0,
		SubsamplingX: b[2]&8 != 0, SubsamplingY: b[2]&4 != 0, ChromaPosition: b[2] & 3, OBUs: b[4:],
	}
	switch b[2] & 0x60 {
	case 0x40:
		c.BitDepth = 10
	case 0x60:
		c.BitDepth = 12
	case 0x20:
		return AV1Config{}, syntax(AV1, "av1C bit depth", ErrInvalid)
	}
	if b[3]&0x10 != 0 {
		c.PresentationDelay = b[3]&0xf + 1
	}
	if c.Profile > 2 {
		return AV1Config{}, syntax(AV1, "av1C profile", ErrInvalid)
	}
	return c, nil
}

// NewAV1Config makes a record from a temporal unit, or any other sequence of
// OBUs with sizes, that holds a sequence header. It copies the header.
func NewAV1Config(unit []byte) (AV1Config, error) {
	obu, err := av1Find(unit, obuSequenceHeader)
	if err != nil {
		return AV1Config{}, err
	}
	s, err := ParseAV1Sequence(obu.payload)
	if err != nil {
		return AV1Config{}, err
	}
	c := s.Config
	c.OBUs = appendOBU(nil, obuSequenceHeader, obu.payload)
	return c, nil
}

// Append appends the record to dst. On error it returns dst as it was.
func (c AV1Config) Append(dst []byte) ([]byte, error) {
	if c.Profile > 2 || c.Level > 31 || c.ChromaPosition > 3 || c.PresentationDelay > 16 {
		return dst, syntax(AV1, "av1C", ErrInvalid)
	}
	w := bitWriter{}
	w.bits(8, 0x81)
	w.bits(3, uint32(c.Profile))
	w.bits(5, uint32(c.Level))
	w.bits(1, bit(c.High))
	switch c.BitDepth {
	case 8:
		w.bits(2, 0)
	case 10:
		w.bits(2, 2)
	case 12:
		w.bits(2, 3)
	default:
		return dst, syntax(AV1, "av1C bit depth", ErrInvalid)
	}
	w.bits(1, bit(c.Monochrome))
	w.bits(1, bit(c.SubsamplingX))
	w.bits(1, bit(c.SubsamplingY))
	w.bits(2, uint32(c.ChromaPosition))
	w.bits(3, 0)
	if c.PresentationDelay > 0 {
		w.bits(1, 1)
		w.bits(4, uint32(c.PresentationDelay-1))
	} else {
		w.bits(5, 0)
	}
	return append(append(dst, w.data...), c.OBUs...), nil
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// CodecString returns the RFC 6381 form, such as "av01.0.04M.08".
func (c AV1Config) CodecString() string {
	tier := 'M'
	if c.High {
		tier = 'H'
	}
	return fmt.Sprintf("av01.%d.%02d%c.%02d", c.Profile, c.Level, tier, c.BitDepth)
}

func av1Parameters(private []byte) (Parameters, error) {
	c, err := ParseAV1Config(private)
	if err != nil {
		return Parameters{}, err
	}
	p := Parameters{CodecString: c.CodecString()}
	if len(c.OBUs) == 0 {
		return p, nil
	}
	obu, err := av1Find(c.OBUs, obuSequenceHeader)
	if err != nil {
		return Parameters{}, err
	}
	s, err := ParseAV1Sequence(obu.payload)
	if err != nil {
		return Parameters{}, err
	}
	p.Width, p.Height, p.FrameRate = s.Width, s.Height, s.FrameRate
	return p, nil
}
