package producer

import (
	"bytes"
	"math"
	"strings"

	"github.com/millrace/millrace/media"
)

const (
	maxPrivate    = 1 << 20 // bytes of codec private data
	maxSide       = math.MaxUint16
	maxSampleRate = 10_000_000
	maxChannels   = 255
)

// resolve checks the fields of a track that do not depend on its codec, and
// fills in number, identifier, codec and type where the others tell.
func resolve(t media.Track) (media.Track, error) {
	if part := outOfRange(t); part != "" {
		return t, &TrackError{Track: t.Number, Part: part, Err: media.ErrInvalid}
	}
	if len(t.Private) > maxPrivate {
		return t, &TrackError{Track: t.Number, Part: "codec private data", Err: media.ErrLimit}
	}
	t.CodecID, t.Private = strings.TrimRight(t.CodecID, "\x00"), bytes.Clone(t.Private)
	detected := media.DetectCodec(t.CodecID, t.Private)
	switch {
	case t.CodecID == "" && t.Codec == media.Unknown:
		return t, &TrackError{Track: t.Number, Part: "codec id", Err: media.ErrMissing}
	case t.Codec == media.Unknown:
		t.Codec = detected
	case detected != media.Unknown && detected != t.Codec && t.Codec != media.Data:
		return t, &TrackError{Track: t.Number, Part: "codec id " + t.CodecID + " of " + t.Codec.String(), Err: media.ErrInvalid}
	}
	if t.Codec == media.Unknown && len(t.Private) == 0 && strings.Contains(t.CodecID, "_MS/") {
		return t, &TrackError{Track: t.Number, Part: "codec private data of " + t.CodecID, Err: media.ErrMissing}
	}
	if t.CodecID == "" {
		t.CodecID = t.Codec.CodecID()
	}
	if t.UID == 0 {
		t.UID = uint64(t.Number)
	}
	return resolveType(t)
}

// outOfRange names the first field that is no number a header can have.
func outOfRange(t media.Track) string {
	switch {
	case t.Number == 0:
		return "number"
	case t.Width < 0, t.Height < 0, t.Width > maxSide, t.Height > maxSide, (t.Width == 0) != (t.Height == 0):
		return "picture size"
	case math.IsNaN(t.SampleRate), t.SampleRate < 0, t.SampleRate > maxSampleRate:
		return "sample rate"
	case t.Channels < 0, t.Channels > maxChannels:
		return "channels"
	case t.BitDepth < 0, t.BitDepth > 64:
		return "bit depth"
	case t.DefaultDuration < 0:
		return "default duration"
	default:
		return ""
	}
}

// resolveType sets the type, which has to be the codec's.
func resolveType(t media.Track) (media.Track, error) {
	want := t.Codec.Type()
	switch {
	case t.Codec == media.Data && t.Type != 0:
		return t, nil // whatever the application says it is
	case want != 0 && t.Type != 0 && t.Type != want:
		return t, &TrackError{Track: t.Number, Part: "type " + t.Type.String() + " of " + t.Codec.String(), Err: media.ErrInvalid}
	case want != 0:
		t.Type = want
	case t.Type != 0:
	case strings.HasPrefix(t.CodecID, "V_"):
		t.Type = media.Video
	case strings.HasPrefix(t.CodecID, "A_"):
		t.Type = media.Audio
	case strings.HasPrefix(t.CodecID, "S_"):
		t.Type = media.Subtitle
	default:
		t.Type = media.Metadata
	}
	return t, nil
}

// privateError says that the track's private data cannot be used.
func (c *conditioner) privateError(err error) error {
	return &TrackError{Track: c.now.Number, Part: "codec private data", Err: err}
}

// contradicts says that a field is not what the codec private data say.
func (c *conditioner) contradicts(part string) error {
	return &TrackError{Track: c.now.Number, Part: part + ", which the codec private data contradict", Err: media.ErrInvalid}
}

// adopt declares the track with private data, and takes from them what they
// tell of the picture.
func (c *conditioner) adopt(private []byte) {
	c.now.Private, c.known = private, true
	if p, err := c.now.Parameters(); err == nil && p.Width > 0 {
		c.now.Width, c.now.Height = p.Width, p.Height
	}
}
