package fmp4

import (
	"bytes"

	"github.com/millrace/millrace/media"
)

// sets compares the parameter sets in the frames of a segment with those of the
// codec private data.
type sets struct {
	codec      media.Codec
	private    []byte   // as a configuration record
	startCodes bool     // the track has them behind start codes
	parsed     bool     // known is what the private data have
	known      [][]byte // without zeros behind them
	others     bool     // the frames have had a set that is not known
	fresh      [][]byte // sets of the first frame that are not known
	closed     bool     // the first frame is over
}

// repeats reports whether a set in band only says what the private data say.
// From the first one on that says something else, all sets are needed where
// they stand: a set that is known would undo the one before.
func (s *sets) repeats(unit []byte) bool {
	if !s.parsed {
		s.known, s.parsed = setsOf(s.codec, s.private), true
	}
	trimmed := bytes.TrimRight(unit, "\x00")
	if !s.others {
		for _, k := range s.known {
			if bytes.Equal(k, trimmed) {
				return true
			}
		}
	}
	s.others = true
	if !s.closed {
		s.fresh = append(s.fresh, trimmed)
	}
	return false
}

// setsOf returns the parameter sets of a configuration record, none of one that
// cannot be read.
func setsOf(codec media.Codec, record []byte) (units [][]byte) {
	var lists [][][]byte
	switch codec {
	case media.AVC:
		if c, err := media.ParseAVCConfig(record); err == nil {
			lists = [][][]byte{c.SPS, c.PPS}
			if c.Format != nil {
				lists = append(lists, c.Format.SPSExt)
			}
		}
	case media.HEVC:
		if c, err := media.ParseHEVCConfig(record); err == nil {
			lists = [][][]byte{c.VPS, c.SPS, c.PPS}
		}
	}
	for _, list := range lists {
		for _, unit := range list {
			units = append(units, bytes.TrimRight(unit, "\x00"))
		}
	}
	return units
}
