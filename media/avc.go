package media

import (
	"encoding/hex"
	"math"
)

// AVCConfig is an H.264 decoder configuration record (avcC):
//
//	01 profile compatibility level | 111111 lengthSize-1(2) | 111 spsCount(5)
//	{ length(16) sps } … | ppsCount(8) { length(16) pps } …
//	high profiles, not always written:
//	111111 chromaFormat(2) | 11111 luma-8(3) | 11111 chroma-8(3) | extCount(8) { length(16) spsExt } …
type AVCConfig struct {
	// Profile, Compatibility and Level are copied from the first SPS.
	Profile, Compatibility, Level uint8
	// LengthSize is the number of bytes before each NAL unit of a frame: 1, 2 or 4.
	LengthSize int
	// SPS and PPS are the parameter sets as NAL units: 1 to 31 and 1 to 255 of
	// them, each of at most 65,535 bytes.
	SPS, PPS [][]byte
	// Format is set when the record has the fields of the high profiles.
	Format *AVCFormat
}

// AVCFormat is the part of the configuration record that only high profiles have.
type AVCFormat struct {
	// ChromaFormat is 0 for monochrome, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
	ChromaFormat uint8
	// BitDepthLuma and BitDepthChroma are 8 to 15.
	BitDepthLuma, BitDepthChroma uint8
	// SPSExt are the sequence parameter set extensions, at most 255.
	SPSExt [][]byte
}

const (
	maxAVCSPS        = 31
	maxParameterSets = 255
	maxParameterSet  = math.MaxUint16 // bytes in one
	usualLengthSize  = 4              // bytes, of records made here
)

// ParseAVCConfig reads a configuration record. It checks that the record holds
// at least one set of each kind and that the first SPS can be parsed. What
// follows the sets is optional, and ignored where it makes no sense, because
// clients differ there.
func ParseAVCConfig(b []byte) (AVCConfig, error) {
	switch {
	case len(b) == 0:
		return AVCConfig{}, syntax(AVC, "avcC", ErrMissing)
	case b[0] != 1:
		return AVCConfig{}, syntax(AVC, "avcC version", ErrInvalid)
	case len(b) < 7:
		return AVCConfig{}, syntax(AVC, "avcC", ErrTruncated)
	case b[4]&3 == 2:
		return AVCConfig{}, syntax(AVC, "avcC length size", ErrInvalid)
	}
	c := AVCConfig{Profile: b[1], Compatibility: b[2], Level: b[3], LengthSize: int(b[4]&3) + 1}
	rest, ok := b[6:], false
	if c.SPS, rest, ok = cutSets(rest, int(b[5]&0x1f)); !ok {
		return AVCConfig{}, syntax(AVC, "avcC sps", ErrTruncated)
	}
	if len(rest) == 0 {
		return AVCConfig{}, syntax(AVC, "avcC pps", ErrTruncated)
	}
	if c.PPS, rest, ok = cutSets(rest[1:], int(rest[0])); !ok {
		return AVCConfig{}, syntax(AVC, "avcC pps", ErrTruncated)
	}
	if err := c.check(); err != nil {
		return AVCConfig{}, err
	}
	c.Format = parseAVCFormat(c.Profile, rest)
	return c, nil
}

// cutSets reads count units preceded by 16 bits of length. It allocates for
// units that are there, not for units that are promised.
func cutSets(b []byte, count int) (units [][]byte, rest []byte, ok bool) {
	for range count {
		if len(b) < 2 {
			return nil, nil, false
		}
		n := int(b[0])<<8 | int(b[1])
		b = b[2:]
		if n > len(b) {
			return nil, nil, false
		}
		units = append(units, b[:n:n])
		b = b[n:]
	}
	return units, b, true
}

func parseAVCFormat(profile uint8, b []byte) *AVCFormat {
	if !avcHasFormat(profile) || len(b) < 4 {
		return nil
	}
	units, _, ok := cutSets(b[4:], int(b[3]))
	if !ok {
		return nil
	}
	return &AVCFormat{ChromaFormat: b[0] & 3, BitDepthLuma: b[1]&7 + 8, BitDepthChroma: b[2]&7 + 8, SPSExt: units}
}

// check looks at the sets, of a record that was read as well as of one to be written.
func (c *AVCConfig) check() error {
	switch {
	case len(c.SPS) == 0:
		return syntax(AVC, "avcC sps", ErrMissing)
	case len(c.PPS) == 0:
		return syntax(AVC, "avcC pps", ErrMissing)
	case len(c.SPS) > maxAVCSPS, len(c.PPS) > maxParameterSets:
		return syntax(AVC, "avcC parameter sets", ErrLimit)
	}
	for _, unit := range c.SPS {
		if err := checkAVCUnit(unit, avcSPS, "avcC sps"); err != nil {
			return err
		}
	}
	for _, unit := range c.PPS {
		if err := checkAVCUnit(unit, avcPPS, "avcC pps"); err != nil {
			return err
		}
	}
	_, err := ParseAVCSPS(c.SPS[0])
	return err
}

func checkAVCUnit(unit []byte, kind byte, part string) error {
	switch {
	case len(unit) < 2:
		return syntax(AVC, part, ErrTruncated)
	case len(unit) > maxParameterSet:
		return syntax(AVC, part, ErrLimit)
	case unit[0]&0x9f != kind:
		return syntax(AVC, part, ErrInvalid)
	}
	return nil
}

// NewAVCConfig makes a record for frames with lengths of four bytes from
// parameter sets, which it keeps. Format is set where the profile has one.
func NewAVCConfig(sps, pps [][]byte) (AVCConfig, error) {
	c := AVCConfig{LengthSize: usualLengthSize, SPS: sps, PPS: pps}
	if err := c.check(); err != nil {
		return AVCConfig{}, err
	}
	s, err := ParseAVCSPS(sps[0])
	if err != nil {
		return AVCConfig{}, err
	}
	c.Profile, c.Compatibility, c.Level = s.Profile, s.Constraints, s.Level
	if avcHasFormat(s.Profile) {
		c.Format = &AVCFormat{ChromaFormat: s.ChromaFormat, BitDepthLuma: s.BitDepthLuma, BitDepthChroma: s.BitDepthChroma}
	}
	return c, nil
}

// AVCConfigFromAnnexB makes a record from the parameter sets in an Annex B
// payload: a key frame, or bare parameter sets. Repeated sets count once.
func AVCConfigFromAnnexB(payload []byte) (AVCConfig, error) {
	var sps, pps [][]byte
	for unit := range AnnexBUnits(payload) {
		switch unit[0] & 0x1f {
		case avcSPS:
			sps = appendNew(sps, unit, maxAVCSPS)
		case avcPPS:
			pps = appendNew(pps, unit, maxParameterSets)
		}
	}
	return NewAVCConfig(sps, pps)
}

// Append appends the record to dst. On error it returns dst as it was.
func (c AVCConfig) Append(dst []byte) ([]byte, error) {
	if err := c.check(); err != nil {
		return dst, err
	}
	if c.LengthSize != 1 && c.LengthSize != 2 && c.LengthSize != 4 {
		return dst, syntax(AVC, "avcC length size", ErrInvalid)
	}
	out := append(dst, 1, c.Profile, c.Compatibility, c.Level, 0xfc|byte(c.LengthSize-1), 0xe0|byte(len(c.SPS)))
	out = appendSets(out, c.SPS)
	out = append(out, byte(len(c.PPS)))
	out = appendSets(out, c.PPS)
	if f := c.Format; f != nil {
		if len(f.SPSExt) > maxParameterSets {
			return dst, syntax(AVC, "avcC parameter sets", ErrLimit)
		}
		for _, unit := range f.SPSExt {
			if len(unit) > maxParameterSet {
				return dst, syntax(AVC, "avcC sps extension", ErrLimit)
			}
		}
		out = append(out, 0xfc|f.ChromaFormat&3, 0xf8|(f.BitDepthLuma-8)&7, 0xf8|(f.BitDepthChroma-8)&7, byte(len(f.SPSExt)))
		out = appendSets(out, f.SPSExt)
	}
	return out, nil
}

func appendSets(dst []byte, units [][]byte) []byte {
	for _, unit := range units {
		dst = append(dst, byte(len(unit)>>8), byte(len(unit)))
		dst = append(dst, unit...)
	}
	return dst
}

// AppendAnnexB appends the parameter sets to dst with start codes, as decoders
// and transport streams want them before a key frame.
func (c AVCConfig) AppendAnnexB(dst []byte) []byte {
	for _, units := range [][][]byte{c.SPS, c.PPS} {
		for _, unit := range units {
			dst = appendStartCode(dst, unit)
		}
	}
	return dst
}

// CodecString returns the RFC 6381 form, such as "avc1.64001f".
func (c AVCConfig) CodecString() string {
	return "avc1." + hex.EncodeToString([]byte{c.Profile, c.Compatibility, c.Level})
}

func avcParameters(private []byte) (Parameters, error) {
	c, size, err := avcConfig(private)
	if err != nil {
		return Parameters{}, err
	}
	s, err := ParseAVCSPS(c.SPS[0])
	if err != nil {
		return Parameters{}, err
	}
	return Parameters{
		Width: s.Width, Height: s.Height, FrameRate: s.FrameRate,
		LengthSize: size, CodecString: c.CodecString(),
	}, nil
}

// avcConfig reads either form of codec private data; size is 0 for Annex B.
func avcConfig(private []byte) (c AVCConfig, size int, err error) {
	if HasStartCode(private) {
		c, err = AVCConfigFromAnnexB(private)
		return c, 0, err
	}
	c, err = ParseAVCConfig(private)
	return c, c.LengthSize, err
}
