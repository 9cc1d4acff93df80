package consumer

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/millrace/millrace/media"
)

// Units yields the units that the frame consists of: the NAL units of H.264 and
// H.265, without lengths or start codes, and the open bitstream units of AV1,
// with their headers. The frame of any other codec is one unit. Units alias
// Data. The walk stops at the first that is damaged.
func (f Frame) Units() iter.Seq[[]byte] {
	switch f.codec() {
	case media.AVC, media.HEVC:
		switch framing := f.framing(); framing {
		case startCodes:
			return media.AnnexBUnits(f.Data)
		case noFraming:
			return media.LengthPrefixedUnits(f.Data, cmp.Or(media.LengthSize(f.Format.Codec, f.Format.Private), int(fourBytes)))
		default:
			return media.LengthPrefixedUnits(f.Data, int(framing))
		}
	case media.AV1:
		return f.obus
	}
	return f.whole
}

func (f Frame) obus(yield func([]byte) bool) {
	for rest := f.Data; len(rest) > 0; {
		unit, tail, ok := media.CutOBU(rest)
		if !ok || !yield(unit.Raw) {
			return
		}
		rest = tail
	}
}

func (f Frame) whole(yield func([]byte) bool) {
	if len(f.Data) > 0 {
		yield(f.Data)
	}
}

func (f Frame) codec() media.Codec {
	if f.Format == nil {
		return media.Unknown
	}
	return f.Format.Codec
}

// framing is how NAL units are told apart in a frame: by lengths of so many
// bytes, or in one of the other ways.
type framing int

const (
	noFraming  framing = -1
	startCodes framing = 0
	fourBytes  framing = 4
)

// framing looks at a frame of AVC or HEVC. The private data say how it should be
// framed; some producers send start codes whatever those say.
func (f Frame) framing() framing {
	size := media.LengthSize(f.Format.Codec, f.Format.Private)
	switch {
	case size > 0 && media.CleanLengthPrefixed(f.Data, size):
		return framing(size)
	case size > 0 && media.HasStartCode(f.Data), media.IsAnnexB(f.Data):
		return startCodes
	case size == 0 && media.CleanLengthPrefixed(f.Data, int(fourBytes)):
		return fourBytes
	}
	return noFraming
}

// AppendAnnexB appends a frame of H.264 or H.265 to dst in Annex B form, with
// start codes of four bytes. In front of a key frame, behind the delimiter if it
// has one, stand those parameter sets of the track's private data that it does
// not carry itself, so that a decoder can begin there. For other codecs the error
// is media.ErrUnsupported, and for data that are no NAL units media.ErrInvalid;
// dst is returned as it was.
func (f Frame) AppendAnnexB(dst []byte) ([]byte, error) {
	if c := f.codec(); c != media.AVC && c != media.HEVC {
		return dst, fmt.Errorf("convert to annex b: %s: %w", c, media.ErrUnsupported)
	}
	if f.framing() == noFraming {
		return dst, fmt.Errorf("convert to annex b: nal units: %w", media.ErrInvalid)
	}
	var sets [][]byte
	if f.Key {
		sets = f.missingSets()
	}
	for unit := range f.Units() {
		if info, _ := media.InspectUnit(f.Format.Codec, unit); info.Kind != media.UnitDelimiter {
			dst, sets = appendUnits(dst, sets), nil
		}
		dst = appendUnit(dst, unit)
	}
	return dst, nil
}

// missingSets returns the parameter sets of the private data that the frame does
// not repeat. Private data that cannot be read have none.
func (f Frame) missingSets() (missing [][]byte) {
	for _, set := range parameterSets(f.Format) {
		there := false
		for unit := range f.Units() {
			if there = bytes.Equal(unit, set); there {
				break
			}
		}
		if !there {
			missing = append(missing, set)
		}
	}
	return missing
}

func parameterSets(t *media.Track) [][]byte {
	annexB := media.HasStartCode(t.Private)
	if t.Codec == media.AVC {
		parse := media.ParseAVCConfig
		if annexB {
			parse = media.AVCConfigFromAnnexB
		}
		c, err := parse(t.Private)
		if err != nil {
			return nil
		}
		return slices.Concat(c.SPS, c.PPS)
	}
	parse := media.ParseHEVCConfig
	if annexB {
		parse = media.HEVCConfigFromAnnexB
	}
	c, err := parse(t.Private)
	if err != nil {
		return nil
	}
	return slices.Concat(c.VPS, c.SPS, c.PPS)
}

func appendUnits(dst []byte, units [][]byte) []byte {
	for _, unit := range units {
		dst = appendUnit(dst, unit)
	}
	return dst
}

func appendUnit(dst, unit []byte) []byte {
	return append(append(dst, 0, 0, 0, 1), unit...)
}
