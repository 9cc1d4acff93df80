package producer

import (
	"bytes"
	"cmp"
	"math"
	"reflect"
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
	if err := unnamed(t); t.Codec == media.Unknown && err != nil {
		return t, &TrackError{Track: t.Number, Part: "codec private data of " + t.CodecID, Err: err}
	}
	if t.CodecID == "" {
		t.CodecID = t.Codec.CodecID()
	}
	if t.UID == 0 {
		t.UID = uint64(t.Number)
	}
	return resolveType(t)
}

// unnamed says why private data do not name the codec where the identifier leaves
// that to them.
func unnamed(t media.Track) (err error) {
	switch t.CodecID {
	case "A_MS/ACM":
		_, err = media.ParseWaveFormat(t.Private)
	case "V_MS/VFW/FOURCC":
		_, err = media.ParseBitmapInfo(t.Private)
	}
	return err
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

// replaced returns a conditioner for the same track with other private data. What
// these do not tell stays as it was declared. It is nil where nothing changes but
// perhaps the framing.
func (c *conditioner) replaced(private []byte) (*conditioner, error) {
	t, _ := media.NewTrack(c.now.Number, c.now.CodecID, private) // faults are found below
	t.UID, t.Type, t.Name = c.now.UID, c.now.Type, c.now.Name
	if t.Codec == media.Unknown || c.now.Codec == media.Data {
		t.Codec = c.now.Codec
	}
	if t.Width == 0 {
		t.Width, t.Height = c.now.Width, c.now.Height
	}
	t.SampleRate = cmp.Or(t.SampleRate, c.now.SampleRate)
	t.Channels, t.BitDepth = cmp.Or(t.Channels, c.now.Channels), cmp.Or(t.BitDepth, c.now.BitDepth)
	t.DefaultDuration = cmp.Or(t.DefaultDuration, c.now.DefaultDuration)
	next, err := newConditioner(t)
	if err != nil || !c.known || !next.known || !sameTrack(c.now, next.now) {
		return next, err
	}
	if now, ok := c.shape.(*units); ok {
		now.declared = next.shape.(*units).declared
	}
	return nil, nil
}

// succeed has c go on where another conditioner of the track stopped: with what waits
// for a picture, and without telling again what has been told.
func (c *conditioner) succeed(before *conditioner) {
	c.told = before.told
	switch now := c.shape.(type) {
	case *units:
		if was, ok := before.shape.(*units); ok {
			now.inherit(was)
		}
	case *temporalUnits:
		if was, ok := before.shape.(*temporalUnits); ok {
			now.held = was.held
		}
	}
}

// overhear lets c, which will take over, know of a frame that goes before: sets in it
// are newer than those of its private data.
func (c *conditioner) overhear(f media.Frame) {
	if u, ok := c.shape.(*units); ok {
		if _, err := u.split(c.now.Codec, f); err == nil {
			_, _ = u.note(f) // what is wrong with it is found where it is sent
		}
	}
}

// sameTrack reports whether a header is the same with either track.
func sameTrack(a, b media.Track) bool {
	if !bytes.Equal(a.Private, b.Private) {
		return false
	}
	a.Private, b.Private = nil, nil
	return reflect.DeepEqual(a, b)
}

// adopt declares the track with private data, and takes from them what they
// tell of the picture.
func (c *conditioner) adopt(private []byte) {
	c.now.Private, c.known = private, true
	if p, err := c.now.Parameters(); err == nil && p.Width > 0 {
		c.now.Width, c.now.Height = p.Width, p.Height
	}
}
