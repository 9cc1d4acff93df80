package fmp4

import (
	"encoding/binary"

	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// usualLength is how many bytes of length there are before the NAL units of a
// track whose codec private data are parameter sets behind start codes. Its
// frames are likely to be in that form too, and are converted.
const usualLength = 4

// recordOf returns the configuration record of a track of H.264 or H.265, and
// whether it had to be made of sets behind start codes.
func recordOf(t *timeline.Track) (record []byte, startCodes bool, err error) {
	private := t.Media.Private
	if !media.HasStartCode(private) {
		return private, false, nil
	}
	if t.Media.Codec == media.AVC {
		c, err := media.AVCConfigFromAnnexB(private)
		if err != nil {
			return nil, true, err
		}
		record, err = c.Append(nil)
		return record, true, err
	}
	c, err := media.HEVCConfigFromAnnexB(private)
	if err != nil {
		return nil, true, err
	}
	record, err = c.Append(nil)
	return record, true, err
}

// inLengths returns the track with a configuration record for codec private data.
func inLengths(t *timeline.Track) (*timeline.Track, error) {
	if t.Media.Codec != media.AVC && t.Media.Codec != media.HEVC || !media.HasStartCode(t.Media.Private) {
		return t, nil
	}
	record, _, err := recordOf(t)
	if err != nil {
		return nil, err
	}
	converted := *t
	converted.Media.Private = record
	return &converted, nil
}

// convert adds a frame whose units stand behind start codes, each behind its
// length instead, but for those that have no place in it.
func (p *packer) convert(frame []byte) (sync bool, err error) {
	before := p.size
	for unit := range media.AnnexBUnits(frame) {
		r := roleOf(p.codec, unit[0])
		sync = sync || r == roleSync
		if r == roleNothing || r == roleSet && p.sets.repeats(unit) {
			continue
		}
		p.keepUnit(unit)
	}
	if p.size == before { // nothing but units to leave out: rather those than no frame
		for unit := range media.AnnexBUnits(frame) {
			p.keepUnit(unit)
		}
	}
	if p.size == before {
		return false, ErrFraming
	}
	return sync, nil
}

// keepUnit adds a unit behind its length.
func (p *packer) keepUnit(unit []byte) {
	var length [usualLength]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(unit)))
	p.keep(length[:])
	p.keep(unit)
}
