package fmp4

import (
	"bytes"
	"slices"

	"github.com/millrace/millrace/media"
)

// A config is what package media makes of codec private data.
type config interface {
	Append(dst []byte) ([]byte, error)
	AppendAnnexB(dst []byte) []byte
}

// renewed returns the codec private data, in the form that they had, with the
// fresh sets in place of those that have their kind and number; nil if there is
// none that could be used, or if what there is makes no configuration record.
func (s *sets) renewed() []byte {
	if len(s.fresh) == 0 {
		return nil
	}
	var c config
	switch s.codec {
	case media.AVC:
		c = s.renewedAVC()
	case media.HEVC:
		c = s.renewedHEVC()
	}
	if c == nil {
		return nil
	}
	record, err := c.Append(nil)
	switch {
	case err != nil || bytes.Equal(record, s.private):
		return nil
	case s.startCodes:
		return c.AppendAnnexB(nil)
	default:
		return record
	}
}

func (s *sets) renewedAVC() config {
	c, err := media.ParseAVCConfig(s.private)
	if err != nil {
		return nil
	}
	taken := false
	for _, unit := range s.fresh {
		switch unit[0] & 0x1f {
		case 7:
			taken = replaceSet(&c.SPS, unit, avcSPSNumber) || taken
		case 8:
			taken = replaceSet(&c.PPS, unit, avcPPSNumber) || taken
		}
	}
	anew, err := media.NewAVCConfig(c.SPS, c.PPS)
	if err != nil || !taken {
		return nil
	}
	anew.LengthSize = c.LengthSize
	return anew
}

func (s *sets) renewedHEVC() config {
	c, err := media.ParseHEVCConfig(s.private)
	if err != nil {
		return nil
	}
	taken := false
	for _, unit := range s.fresh {
		switch unit[0] >> 1 & 0x3f {
		case 32:
			taken = replaceSet(&c.VPS, unit, hevcVPSNumber) || taken
		case 33:
			taken = replaceSet(&c.SPS, unit, hevcSPSNumber) || taken
		case 34:
			taken = replaceSet(&c.PPS, unit, hevcPPSNumber) || taken
		}
	}
	if !taken {
		return nil
	}
	return c // Append takes the profile from the first SPS
}

// replaceSet puts unit in place of the set in the list that has its number, or
// behind the others if there is none. It reports false of a set whose number
// cannot be read, of which a decoder could make nothing either.
func replaceSet(list *[][]byte, unit []byte, number func([]byte) (uint32, bool)) bool {
	n, ok := number(unit)
	if !ok {
		return false
	}
	same := func(other []byte) bool {
		m, ok := number(other)
		return ok && m == n
	}
	rest := slices.Clone(*list) // the record's own stay as they are
	i := slices.IndexFunc(rest, same)
	if i < 0 {
		*list = append(rest, unit)
		return true
	}
	rest = slices.DeleteFunc(rest, same)
	*list = slices.Insert(rest, i, unit)
	return true
}

func avcSPSNumber(unit []byte) (uint32, bool) {
	s, err := media.ParseAVCSPS(unit)
	return uint32(s.ID), err == nil
}

func avcPPSNumber(unit []byte) (uint32, bool) { return golomb(unit, 1) }

func hevcVPSNumber(unit []byte) (uint32, bool) {
	if len(unit) < 3 {
		return 0, false
	}
	return uint32(unit[2] >> 4), true
}

func hevcSPSNumber(unit []byte) (uint32, bool) {
	s, err := media.ParseHEVCSPS(unit)
	return uint32(s.ID), err == nil
}

func hevcPPSNumber(unit []byte) (uint32, bool) { return golomb(unit, 2) }

// golomb reads the Exp-Golomb number behind a unit's header. It is below 256, so
// no emulation prevention byte can stand in it.
func golomb(unit []byte, header int) (uint32, bool) {
	bit := func(i int) (uint32, bool) {
		at := header + i/8
		if at >= len(unit) {
			return 0, false
		}
		return uint32(unit[at]>>(7-i%8)) & 1, true
	}
	zeros := 0
	for ; ; zeros++ {
		b, ok := bit(zeros)
		if !ok || zeros > 8 {
			return 0, false
		}
		if b == 1 {
			break
		}
	}
	v := uint32(1)
	for i := range zeros {
		b, ok := bit(zeros + 1 + i)
		if !ok {
			return 0, false
		}
		v = v<<1 | b
	}
	return v - 1, true
}
