package media

import (
	"strings"
	"time"
)

// TrackNumber identifies a track within one stream's header; zero is not a track.
type TrackNumber uint64

// TrackType is the kind of media in a track, with the values that Matroska uses.
type TrackType uint8

// The track types that occur in streams.
const (
	Video    TrackType = 1
	Audio    TrackType = 2
	Subtitle TrackType = 17
	Metadata TrackType = 33
)

// String returns a lower-case name, "other" for types without one here.
func (t TrackType) String() string {
	switch t {
	case Video:
		return "video"
	case Audio:
		return "audio"
	case Subtitle:
		return "subtitle"
	case Metadata:
		return "metadata"
	default:
		return "other"
	}
}

// Track describes one track of a stream. The zero values of its fields mean
// "not known"; none is derived from another unless [NewTrack] made the track.
type Track struct {
	// Number is the number that frames refer to; it starts at 1.
	Number TrackNumber
	// UID is the producer's own identifier for the track.
	UID uint64
	// Type is the kind of media.
	Type TrackType
	// Codec is what CodecID and Private say, see [DetectCodec].
	Codec Codec
	// CodecID is the identifier as Matroska spells it, without trailing NUL bytes.
	CodecID string
	// Private is the codec private data, byte for byte.
	Private []byte
	// Name is a label for people, without trailing NUL bytes.
	Name string

	// Width and Height are in pixels, after cropping.
	Width, Height int
	// SampleRate is in samples a second, as the container carries it.
	SampleRate float64
	// Channels is the number of audio channels.
	Channels int
	// BitDepth is the number of bits in one audio sample.
	BitDepth int
	// DefaultDuration is the nominal time from one frame to the next.
	DefaultDuration time.Duration
}

// NewTrack returns a track with everything that its codec private data tell
// filled in. The track is usable even when the error is not nil: then only
// number, type, codec, identifier and private data are set. NUL bytes at the end
// of codecID are dropped; private is kept.
func NewTrack(number TrackNumber, codecID string, private []byte) (Track, error) {
	codec := DetectCodec(codecID, private)
	t := Track{Number: number, UID: uint64(number), Type: codec.Type(), Codec: codec, Private: private}
	t.CodecID = strings.TrimRight(codecID, "\x00")
	p, err := t.Parameters()
	if err != nil {
		return t, err
	}
	t.Width, t.Height = p.Width, p.Height
	t.SampleRate, t.Channels, t.BitDepth = float64(p.SampleRate), p.Channels, p.BitDepth
	t.DefaultDuration = p.FrameRate.Interval()
	return t, nil
}
