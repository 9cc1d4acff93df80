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
	// known for the first time changes nothing.
	Changed bool
	// Skip says that there is nothing to send: what the frame had to tell is kept,
	// and goes out with a later one.
	Skip bool
	// Notice is set the first time that something odd is found which does not
	// keep the frame from being sent.
	Notice *Notice
}

// A Notice is what an application should know about a track that is sent all the same.
type Notice struct {
	// Track is the number of the track, 0 for the tracks together.
	Track media.TrackNumber
	// Err says what it is; test with errors.Is.
	Err error
	// Detail is for people.
	Detail string
}

// A conditioner makes the frames of one track fit for a fragment: framed as the
// track's private data say, with these data at hand before the first of them. It
// is for one goroutine.
type conditioner struct {
	shape shaper
	now   media.Track // as it is to be declared
	known bool
}

// A shaper knows one family of codecs. It gets frames that are neither empty
// nor above MaxFrameSize.
type shaper interface {
	// shape does the work of condition. t is the track as it is known; known says
	// whether it may be declared. It changes t when the bitstream says so.
	shape(t *media.Track, known *bool, dst []byte, f media.Frame) (conditioned, error)
}

// newConditioner checks the declaration of a track, and fills in what follows
// from it: codec identifier, type, and the private data of codecs that can
// do with sampling rate and channels. The error is a *TrackError.
func newConditioner(t media.Track) (*conditioner, error) {
	c := &conditioner{now: t, known: true, shape: plain{}}
	return c, nil
}

// track returns the track as it is to be declared; false until the parameters
// of its codec are known, which may take a key frame. What it returns is not
// written to afterwards.
func (c *conditioner) track() (media.Track, bool) { return c.now, c.known }

// condition looks at a frame and returns what is to be sent for it. A frame
// that is refused, with a *FrameError, leaves everything as it was. f.Data is
// only read, and not kept.
func (c *conditioner) condition(dst []byte, f media.Frame) (conditioned, error) {
	switch {
	case len(f.Data) == 0:
		return conditioned{}, &FrameError{Track: f.Track, PTS: f.PTS, Part: "empty frame", Err: ErrBadFrame}
	case len(f.Data) > MaxFrameSize:
		return conditioned{}, &FrameError{Track: f.Track, PTS: f.PTS, Offset: MaxFrameSize, Part: "size", Err: ErrFrameTooLarge}
	}
	return c.shape.shape(&c.now, &c.known, dst, f)
}

// plain is for codecs whose frames are sent as they are.
type plain struct{}

func (plain) shape(t *media.Track, known *bool, dst []byte, f media.Frame) (conditioned, error) {
	return conditioned{Payload: f.Data, Key: f.Key || t.Type != media.Video, Discardable: f.Discardable}, nil
}
