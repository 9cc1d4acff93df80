package producer

import (
	"context"

	"github.com/millrace/millrace/media"
)

// Write adds a frame to the stream. Its PTS counts from the epoch, or from
// TimeRules.Start if that is relative. The data are copied. Frames of one track
// come in the order of decoding; each track may have a goroutine of its own.
//
// What is wrong with the frame itself is a [*FrameError], and the stream goes on
// with the next one: [ErrNeedKeyFrame] at the start and after a pause, [ErrTime],
// [ErrUnknownTrack], or what its codec has against it. While the buffer is full
// Write does what BufferRules.OnFull says; it never waits for the network
// otherwise, and no state of the network is an error of Write. After Close it
// is ErrClosed.
func (s *Stream) Write(ctx context.Context, f media.Frame) error {
	return s.packager.write(ctx, f)
}

// SetTracks says what Write takes frames of from now on. The open fragment ends,
// and the next one goes over a new call if tracks differ. An error about a track
// is a [*TrackError].
func (s *Stream) SetTracks(ctx context.Context, tracks []media.Track) error {
	return s.packager.setTracks(ctx, tracks)
}

// SetCodecPrivate has a track go on with other codec private data, from its next
// key frame on if it is video, where a fragment begins with a new header.
// Encoders that put their parameters into the frames do not need it. An error is
// a [*TrackError].
func (s *Stream) SetCodecPrivate(ctx context.Context, track media.TrackNumber, private []byte) error {
	return s.packager.setPrivate(ctx, track, private)
}

// SetTag attaches a name and a value to fragments. It waits for nothing. What no
// server would take is a [*TagError]: more than MaxTags on a fragment, an empty
// name or one of more than MaxTagName bytes, a value of more than MaxTagValue
// bytes, a name that begins with AWS, and what is not text.
func (s *Stream) SetTag(name, value string, scope TagScope) error {
	return s.packager.tags.set(name, value, scope)
}

// EndFragment ends the open fragment and tells the server so, which otherwise
// learns it from the next one. Frames that were held for others go out before.
// What comes next begins a fragment, and of video only a key frame may.
func (s *Stream) EndFragment(ctx context.Context) error { return s.packager.endFragment(ctx) }
