package media

import (
	"encoding/hex"
	"math/bits"
	"strconv"
	"strings"
)

// HEVCProfile is the general profile, tier and level of an H.265 stream.
type HEVCProfile struct {
	// Space is general_profile_space, 0 to 3; IDC is general_profile_idc, 0 to 31.
	Space, IDC uint8
	// High is the high tier.
	High bool
	// Level is general_level_idc: thirty times the level.
	Level uint8
	// Compatibility are the 32 compatibility flags, flag 0 in the highest bit.
	Compatibility uint32
	// Constraints are the 48 bits that follow the compatibility flags.
	Constraints [6]byte
}

func readHEVCProfile(r *bitReader, subLayers uint32) HEVCProfile {
	p := HEVCProfile{Space: uint8(r.bits(2)), High: r.flag(), IDC: uint8(r.bits(5)), Compatibility: r.bits(32)}
	for i := range p.Constraints {
		p.Constraints[i] = byte(r.bits(8))
	}
	p.Level = uint8(r.bits(8))
	if subLayers > 0 {
		skipHEVCSubLayers(r, subLayers)
	}
	return p
}

// skipHEVCSubLayers passes over the profiles and levels of lower temporal layers.
func skipHEVCSubLayers(r *bitReader, count uint32) {
	var profile, level [8]bool
	for i := range count {
		profile[i], level[i] = r.flag(), r.flag()
	}
	r.skip(2 * int(8-count))
	for i := range count {
		if profile[i] {
			r.skip(88)
		}
		if level[i] {
			r.skip(8)
		}
	}
}

// append appends the twelve bytes that the profile takes in a configuration record.
func (p HEVCProfile) append(dst []byte) []byte {
	first := p.Space<<6 | p.IDC&0x1f
	if p.High {
		first |= 0x20
	}
	c := p.Compatibility
	dst = append(dst, first, byte(c>>24), byte(c>>16), byte(c>>8), byte(c))
	dst = append(dst, p.Constraints[:]...)
	return append(dst, p.Level)
}

// CodecString returns the RFC 6381 form with parameter sets out of band, such as
// "hvc1.1.6.L93.B0".
func (p HEVCProfile) CodecString() string {
	var s strings.Builder
	s.WriteString("hvc1.")
	if p.Space > 0 {
		s.WriteByte('A' + p.Space&3 - 1)
	}
	s.WriteString(strconv.Itoa(int(p.IDC)))
	s.WriteByte('.')
	s.WriteString(strings.ToUpper(strconv.FormatUint(uint64(bits.Reverse32(p.Compatibility)), 16)))
	s.WriteByte('.')
	tier := byte('L')
	if p.High {
		tier = 'H'
	}
	s.WriteByte(tier)
	s.WriteString(strconv.Itoa(int(p.Level)))
	for _, c := range p.Constraints[:p.constraintBytes()] {
		s.WriteByte('.')
		s.WriteString(strings.ToUpper(hexByte(c)))
	}
	return s.String()
}

// constraintBytes returns how many constraint bytes there are before the trailing zeros.
func (p HEVCProfile) constraintBytes() int {
	n := len(p.Constraints)
	for n > 0 && p.Constraints[n-1] == 0 {
		n--
	}
	return n
}

func hexByte(b byte) string { return hex.EncodeToString([]byte{b}) }
