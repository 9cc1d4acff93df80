package producer

import (
	"bytes"

	"github.com/millrace/millrace/media"
)

// declareAV1 prepares for AV1. A record without a sequence header does not say
// enough, so that the first key frame has to.
func (c *conditioner) declareAV1() error {
	private, err := c.unwrapped()
	if err != nil {
		return c.privateError(err)
	}
	s := &temporalUnits{}
	c.shape, c.now.CodecID, c.now.Private = s, media.AV1.CodecID(), nil
	if len(private) == 0 {
		return nil
	}
	config, err := media.ParseAV1Config(private)
	if err != nil {
		return c.privateError(err)
	}
	for rest := config.OBUs; len(rest) > 0; {
		unit, tail, ok := media.CutOBU(rest)
		if !ok {
			return c.privateError(media.ErrTruncated)
		}
		if unit.Kind == media.OBUSequenceHeader {
			if _, err := media.ParseAV1Sequence(unit.Payload); err != nil {
				return c.privateError(err)
			}
			s.sequence = bytes.Clone(unit.Payload)
			c.adopt(bytes.Clone(private))
			return nil
		}
		rest = tail
	}
	return nil
}

// temporalUnits makes frames of AV1 what a block holds: units with their sizes,
// without temporal delimiters, tile lists and padding.
type temporalUnits struct {
	sequence []byte // payload of the sequence header in force
}

func (s *temporalUnits) shape(c *conditioner, dst []byte, f media.Frame) (conditioned, error) {
	sequence, delimiters, err := s.look(f)
	if err != nil {
		return conditioned{}, err
	}
	info := media.Inspect(media.AV1, f.Data, 0)
	out := conditioned{Key: info.Key, Discardable: f.Discardable}
	switch {
	case f.Key && !info.Key:
		out.Notice = c.notice(oddKey, ErrNotKey)
	case delimiters > 1:
		out.Notice = c.notice(oddPictures, ErrManyPictures)
	}
	if out.Changed, err = s.settle(c, f, sequence, info.Key); err != nil {
		return conditioned{}, err
	}
	out.Payload, out.Copied = s.payload(dst, f.Data)
	if len(out.Payload) == 0 {
		return conditioned{Skip: true}, nil
	}
	return out, nil
}

// look finds the sequence header and counts delimiters.
func (s *temporalUnits) look(f media.Frame) (sequence []byte, delimiters int, err error) {
	for rest := f.Data; len(rest) > 0; {
		unit, tail, ok := media.CutOBU(rest)
		if !ok {
			return nil, 0, refuse(f, len(f.Data)-len(rest), "obu", ErrBadFrame)
		}
		switch unit.Kind {
		case media.OBUTemporalDelimiter:
			delimiters++
		case media.OBUSequenceHeader:
			sequence = unit.Payload
		}
		rest = tail
	}
	return sequence, delimiters, nil
}

// settle puts a sequence header in force, which only a key frame may bring.
func (s *temporalUnits) settle(c *conditioner, f media.Frame, sequence []byte, key bool) (changed bool, err error) {
	switch {
	case !key && !c.known:
		return false, refuse(f, 0, "key frame, sequence header", ErrNeedKeyFrame)
	case !key, sequence == nil && c.known, sequence != nil && bytes.Equal(sequence, s.sequence):
		return false, nil
	case sequence == nil:
		return false, refuse(f, 0, "sequence header", ErrNeedKeyFrame)
	}
	config, err := media.NewAV1Config(f.Data)
	if err != nil {
		return false, refuse(f, 0, "sequence header", damaged(err))
	}
	private, err := config.Append(nil)
	if err != nil {
		return false, refuse(f, 0, "sequence header", damaged(err))
	}
	before := c.known
	s.sequence = bytes.Clone(sequence)
	c.adopt(private)
	return before, nil
}

// payload returns the units that are sent. What only has to lose units at its
// front needs no copy. The units were all cut before.
func (s *temporalUnits) payload(dst, data []byte) (payload []byte, copied bool) {
	begin, whole := 0, true
	for rest := data; len(rest) > 0; {
		unit, tail, _ := media.CutOBU(rest)
		switch {
		case dropsOBU(unit) && len(data)-len(rest) == begin:
			begin = len(data) - len(tail)
		case dropsOBU(unit), !unit.Sized:
			whole = false
		}
		rest = tail
	}
	if whole {
		return data[begin:], false
	}
	dst = dst[:0]
	for rest := data; len(rest) > 0; {
		unit, tail, _ := media.CutOBU(rest)
		if !dropsOBU(unit) {
			dst = media.AppendOBU(dst, unit)
		}
		rest = tail
	}
	return dst, true
}

func dropsOBU(unit media.OBU) bool {
	switch unit.Kind {
	case media.OBUTemporalDelimiter, media.OBUTileList, media.OBUPadding:
		return true
	default:
		return false
	}
}
