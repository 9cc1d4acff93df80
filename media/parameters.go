package media

import (
	"strings"
	"time"
)

// Rate is a frequency as a fraction, in units of 1/s. The zero Rate is unknown.
type Rate struct {
	Num, Den uint32
}

// Interval returns the time between two events, rounded down to nanoseconds,
// and zero for an unknown rate.
func (r Rate) Interval() time.Duration {
	if r.Num == 0 || r.Den == 0 {
		return 0
	}
	return time.Duration(uint64(r.Den) * uint64(time.Second) / uint64(r.Num))
}

// Parameters are what a track's codec private data say about its frames. A
// field that the codec does not have, or does not tell, is zero.
type Parameters struct {
	// Width and Height are in pixels, after cropping.
	Width, Height int
	// FrameRate is the nominal rate of pictures.
	FrameRate Rate
	// SampleRate is the output rate in samples a second.
	SampleRate int
	// Channels is the number of audio channels.
	Channels int
	// BitDepth is the number of bits in one uncompressed audio sample.
	BitDepth int
	// LengthSize is the number of bytes (1, 2 or 4) before each NAL unit of a
	// frame. It is zero for codecs without NAL units and where the private data
	// are in Annex B form, in which case the frames are likely to be as well:
	// see [Inspect].
	LengthSize int
	// CodecString is the RFC 6381 codecs parameter; empty where none is registered.
	CodecString string
}

// Parameters reads the track's codec private data. H.264 and H.265 may carry
// bare Annex B parameter sets instead of a configuration record, as some
// cameras send them. A codec that needs no private data has no error when there
// are none; Unknown and Data always answer with zero Parameters.
func (t *Track) Parameters() (Parameters, error) {
	private := t.Private
	switch strings.TrimRight(t.CodecID, "\x00") {
	case idACM:
		return waveParameters(private)
	case idVFW:
		return bitmapParameters(private)
	}
	switch t.Codec {
	case AVC:
		return avcParameters(private)
	case HEVC:
		return hevcParameters(private)
	case AV1:
		return av1Parameters(private)
	case AAC:
		return aacParameters(private)
	case Opus:
		return opusParameters(private)
	default:
		return Parameters{CodecString: plainCodecString(t.Codec)}, nil
	}
}

// plainCodecString returns the codec strings that have no parameters of their own.
func plainCodecString(c Codec) string {
	switch c {
	case VP8:
		return "vp8"
	case Opus:
		return "opus"
	case ALaw:
		return "alaw"
	case MuLaw:
		return "ulaw"
	default:
		return ""
	}
}
