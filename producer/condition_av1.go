package producer

import (
	"bytes"

	"github.com/millrace/millrace/media"
)

// sizes is what a frame grows by at most when its last unit gets its size, in bytes.
const sizes = 8

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
// without temporal delimiters, tile lists and padding. Units that come without a
// picture wait for the next one and go in front of it.
type temporalUnits struct {
	sequence []byte // payload of the sequence header in force
	held     []byte // units that wait, as they will be sent
}

func (s *temporalUnits) shape(c *conditioner, dst []byte, f media.Frame) (conditioned, error) {
	n, err := s.look(f)
	switch {
	case err != nil:
		return conditioned{}, err
	case !n.picture:
		return s.hold(c, f), nil
	case len(f.Data)+len(s.held) > MaxFrameSize:
		return conditioned{}, refuse(f, MaxFrameSize, "size", ErrFrameTooLarge)
	}
	out := conditioned{Key: media.Inspect(media.AV1, f.Data, 0).Key, Discardable: f.Discardable}
	if out.Changed, err = s.settle(c, f, n, out.Key); err != nil {
		return conditioned{}, err
	}
	switch {
	case !n.begins:
		out.Notice = c.notice(oddPartial, ErrPartialPicture)
	case f.Key && !out.Key:
		out.Notice = c.notice(oddKey, ErrNotKey)
	case n.delimiters > 1:
		out.Notice = c.notice(oddPictures, ErrManyPictures)
	}
	out.Payload, out.Copied = s.payload(dst, f.Data)
	return out, nil
}

// A temporalUnit is what the units of a frame tell together.
type temporalUnit struct {
	sequence   []byte // the first sequence header, as a unit; nil if there is none
	at         int    // where it stands in the frame
	delimiters int
	picture    bool // there is a piece of a frame at all
	begins     bool // a frame begins
}

func (s *temporalUnits) look(f media.Frame) (n temporalUnit, err error) {
	for rest := f.Data; len(rest) > 0; {
		unit, tail, ok := media.CutOBU(rest)
		if !ok {
			return n, refuse(f, len(f.Data)-len(rest), "obu", ErrBadFrame)
		}
		switch unit.Kind {
		case media.OBUTemporalDelimiter:
			n.delimiters++
		case media.OBUSequenceHeader:
			if n.sequence == nil {
				n.sequence, n.at = unit.Raw, len(f.Data)-len(rest)
			}
		case media.OBUFrameHeader, media.OBUFrame:
			n.picture, n.begins = true, true
		case media.OBUTileGroup:
			n.picture = true
		}
		rest = tail
	}
	if n.sequence == nil {
		n.sequence = s.waiting()
	}
	return n, nil
}

// waiting returns the last sequence header among the units that wait.
func (s *temporalUnits) waiting() (sequence []byte) {
	for rest := s.held; len(rest) > 0; {
		unit, tail, _ := media.CutOBU(rest)
		if unit.Kind == media.OBUSequenceHeader {
			sequence = unit.Raw
		}
		rest = tail
	}
	return sequence
}

// hold keeps the units of a frame without a picture.
func (s *temporalUnits) hold(c *conditioner, f media.Frame) conditioned {
	out := conditioned{Skip: true}
	if len(s.held)+len(f.Data)+sizes > maxLoose {
		s.held = s.held[:0]
		out.Notice = c.notice(oddUnits, ErrUnitsDropped)
		return out
	}
	s.held = appendSent(s.held, f.Data)
	return out
}

// settle puts a sequence header in force, which only a key frame may bring.
func (s *temporalUnits) settle(c *conditioner, f media.Frame, n temporalUnit, key bool) (changed bool, err error) {
	switch {
	case !key && !c.known:
		return false, refuse(f, 0, "key frame, sequence header", ErrNeedKeyFrame)
	case !key, n.sequence == nil && c.known:
		return false, nil
	case n.sequence == nil:
		return false, refuse(f, 0, "sequence header", ErrNeedKeyFrame)
	}
	unit, _, _ := media.CutOBU(n.sequence)
	if c.known && bytes.Equal(unit.Payload, s.sequence) {
		return false, nil
	}
	config, err := media.NewAV1Config(n.sequence)
	if err != nil {
		return false, refuse(f, n.at, "sequence header", damaged(err))
	}
	private, err := config.Append(nil)
	if err != nil {
		return false, refuse(f, n.at, "sequence header", damaged(err))
	}
	before := c.known
	s.sequence = bytes.Clone(unit.Payload)
	c.adopt(private)
	return before, nil
}

// payload returns the units that are sent. What only has to lose units at its
// front needs no copy. The units were all cut before.
func (s *temporalUnits) payload(dst, data []byte) (payload []byte, copied bool) {
	begin, whole := 0, len(s.held) == 0
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
	dst = appendSent(append(roomFor(dst, len(s.held)+len(data)+sizes), s.held...), data)
	s.held = s.held[:0]
	return dst, true
}

// appendSent appends the units of a frame that are sent. They were all cut before.
func appendSent(dst, data []byte) []byte {
	for rest := data; len(rest) > 0; {
		unit, tail, _ := media.CutOBU(rest)
		if !dropsOBU(unit) {
			dst = media.AppendOBU(dst, unit)
		}
		rest = tail
	}
	return dst
}

func dropsOBU(unit media.OBU) bool {
	switch unit.Kind {
	case media.OBUTemporalDelimiter, media.OBUTileList, media.OBUPadding:
		return true
	default:
		return false
	}
}
