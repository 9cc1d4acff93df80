package export

import (
	"errors"
	"fmt"
	"iter"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// An annexB writes pictures of H.264 or H.265 behind start codes. The parameter
// sets in force stand before each key frame that does not bring them: those of the
// codec private data, until frames bring others.
type annexB struct {
	codec      media.Codec
	lengthSize int // bytes before each unit; 0 if the codec private data do not say
	watch      *media.ParameterSetWatch
	record     []byte // of which sets was made
	sets       []byte // behind start codes
}

func newAnnexBPacker(t *track) (packer, error) {
	a, err := newAnnexB(t)
	if err != nil {
		return nil, err
	}
	return a.append, nil
}

func newAnnexB(t *track) (*annexB, error) {
	if t.Media.Codec != media.AVC && t.Media.Codec != media.HEVC {
		return nil, errKind
	}
	a := &annexB{codec: t.Media.Codec, watch: media.NewParameterSetWatch(t.Media.Codec)}
	if len(t.Media.Private) > 0 || t.Fault != nil && !errors.Is(t.Fault, media.ErrMissing) {
		if t.Fault != nil {
			return nil, t.Fault
		}
		if err := a.watch.Load(t.Media.Private); err != nil {
			return nil, err
		}
		a.lengthSize = t.Parameters.LengthSize
	}
	return a, nil
}

// append writes the units of a frame.
func (a *annexB) append(dst []byte, f *consumer.Frame) ([]byte, error) {
	units, err := a.units(f.Data)
	if err != nil {
		return dst, err
	}
	if complete, key := a.look(units); (key || f.Key) && !complete {
		dst = a.withSets(dst, units)
		return dst, nil
	}
	for unit := range units {
		dst = appendUnit(dst, unit)
	}
	return dst, nil
}

// withSets writes the sets in force behind the delimiter, if there is one.
func (a *annexB) withSets(dst []byte, units iter.Seq[[]byte]) []byte {
	written := false
	for unit := range units {
		info, _ := media.InspectUnit(a.codec, unit)
		if !written && info.Kind != media.UnitDelimiter {
			dst, written = append(dst, a.inForce()...), true
		}
		dst = appendUnit(dst, unit)
	}
	return dst
}

func appendUnit(dst, unit []byte) []byte {
	dst = append(dst, 0, 0, 0, 1)
	return append(dst, unit...)
}

// units yields the units of a frame. Frames behind start codes are taken as well
// where lengths are announced.
func (a *annexB) units(frame []byte) (iter.Seq[[]byte], error) {
	length := a.lengthSize
	if length == 0 {
		length = 4
	}
	switch {
	case media.CleanLengthPrefixed(frame, length):
		return media.LengthPrefixedUnits(frame, length), nil
	case media.HasStartCode(frame):
		return media.AnnexBUnits(frame), nil
	}
	return nil, fmt.Errorf("nal units: %w", media.ErrInvalid)
}

// look takes notice of the sets in a frame and says whether there is one of each
// kind, and whether decoding may start with the frame.
func (a *annexB) look(units iter.Seq[[]byte]) (complete, key bool) {
	kinds := uint64(0)
	for unit := range units {
		info, ok := media.InspectUnit(a.codec, unit)
		if !ok {
			continue
		}
		key = key || info.Key
		if info.Kind == media.UnitSet {
			kinds |= 1 << a.kind(unit)
			_ = a.watch.Note(unit) // a set that is too large to be kept stays where it is
		}
	}
	if key {
		_, _ = a.watch.Settle() // sets that do not go together stay where they are
	}
	return kinds&a.all() == a.all(), key
}

// kind is the type of a unit.
func (a *annexB) kind(unit []byte) byte {
	if a.codec == media.AVC {
		return unit[0] & 0x1f
	}
	return unit[0] >> 1 & 0x3f
}

// all is a bit for the type of each kind of set.
func (a *annexB) all() uint64 {
	if a.codec == media.AVC {
		return 1<<7 | 1<<8
	}
	return 1<<32 | 1<<33 | 1<<34
}

// inForce is the sets in force behind start codes; nothing if there are none.
func (a *annexB) inForce() []byte {
	record := a.watch.Record()
	if len(record) == 0 || len(a.record) > 0 && &record[0] == &a.record[0] {
		return a.sets
	}
	a.record, a.sets = record, a.sets[:0]
	if a.codec == media.AVC {
		if c, err := media.ParseAVCConfig(record); err == nil {
			a.sets = c.AppendAnnexB(a.sets)
		}
		return a.sets
	}
	if c, err := media.ParseHEVCConfig(record); err == nil {
		a.sets = c.AppendAnnexB(a.sets)
	}
	return a.sets
}
