package producer

import (
	"github.com/millrace/millrace/media"
)

// MaxFrameSize bounds one frame, in bytes: what a fragment may hold, with room
// for the headers and tags around it.
const MaxFrameSize = MaxFragmentSize - 1<<20

// conditioned is a frame as it goes into a block.
type conditioned struct {
	// Payload is the block's payload. It aliases the frame's data where nothing had
	// to change, else it was appended to dst[:0], as Copied says.
	Payload []byte
	// Copied says that Payload is not the frame's data: it stands in dst, or in
	// larger memory, which may serve as the next call's dst.
	Copied bool
	// Key says that decoding may start here. It comes from the bitstream where the
	// codec tells.
	Key bool
	// Discardable says that no other frame needs this one.
	Discardable bool
	// Changed says that the track is another one from this frame on, as track says
	// now: a new header has to begin with it. The frame that makes the track
	// known for the first time changes nothing. Only key frames change a track.
	Changed bool
	// Skip says that there is nothing to send: what the frame had to tell is kept,
	// and goes out with a later one.
	Skip bool
	// Notice is set the first time that something odd is found which does not
	// keep the frame from being sent; it is a *Notice.
	Notice error
}

// A conditioner makes the frames of one track fit for a fragment: framed as the
// track's private data say, with these data at hand before the first of them.
// Frames come in decoding order. It is for one goroutine.
type conditioner struct {
	shape shaper
	now   media.Track // as it is to be declared
	known bool        // that it may be declared
	told  odds        // what notices there have been
}

// A shaper knows one family of codecs. It gets frames that are neither empty
// nor above MaxFrameSize, and may change what c knows of the track.
type shaper interface {
	shape(c *conditioner, dst []byte, f media.Frame) (conditioned, error)
}

// newConditioner checks the declaration of a track, and fills in what follows
// from it: codec identifier, type, and the private data of codecs that can
// do with sampling rate and channels. The error is a *TrackError.
func newConditioner(t media.Track) (*conditioner, error) {
	t, err := resolve(t)
	if err != nil {
		return nil, err
	}
	c := &conditioner{now: t}
	switch t.Codec {
	case media.AVC, media.HEVC:
		err = c.declareUnits()
	case media.AV1:
		err = c.declareAV1()
	case media.VP8, media.VP9, media.MJPEG, media.PNG:
		err = c.declarePictures()
	case media.AAC:
		err = c.declareAAC()
	case media.Opus:
		err = c.declareOpus()
	case media.ALaw, media.MuLaw, media.PCMLittle, media.PCMBig, media.PCMFloat:
		err = c.declareSamples()
	default:
		c.shape, c.known = opaque{}, true
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// track returns the track as it is to be declared; false until the parameters
// of its codec are known, which may take a key frame. What it returns is not
// written to afterwards.
func (c *conditioner) track() (media.Track, bool) { return c.now, c.known }

// condition looks at a frame and returns what is to be sent for it. A frame
// that is refused, with a *FrameError, leaves the track as it was. f.Data is
// only read, and not kept.
func (c *conditioner) condition(dst []byte, f media.Frame) (conditioned, error) {
	switch {
	case len(f.Data) == 0:
		return conditioned{}, refuse(f, 0, "no bytes", ErrBadFrame)
	case len(f.Data) > MaxFrameSize:
		return conditioned{}, refuse(f, MaxFrameSize, "size", ErrFrameTooLarge)
	}
	return c.shape.shape(c, dst, f)
}

// starts reports whether decoding may start with a frame, if condition takes it.
func (c *conditioner) starts(f media.Frame) bool {
	switch s := c.shape.(type) {
	case *units:
		_, err := s.split(c.now.Codec, f)
		return err == nil && s.look(c.now.Codec, f).key
	case opaque:
		return f.Key || c.now.Type != media.Video
	default:
		return media.Inspect(c.now.Codec, f.Data, 0).Key
	}
}

func refuse(f media.Frame, offset int, part string, err error) error {
	return &FrameError{Track: f.Track, PTS: f.PTS, Offset: offset, Part: part, Err: err}
}

// opaque is for frames that nobody here can look into: data, and codecs
// without a name here.
type opaque struct{}

func (opaque) shape(c *conditioner, _ []byte, f media.Frame) (conditioned, error) {
	return conditioned{Payload: f.Data, Key: f.Key || c.now.Type != media.Video, Discardable: f.Discardable}, nil
}
