package producer

import (
	"context"

	"github.com/millrace/millrace/media"
)

// Write adds a frame to the stream. Its PTS counts from the epoch, or from
// TimeRules.Start if that is relative. The data are copied. While the buffer is
// full Write does what BufferRules.OnFull says; it never waits for the network
// otherwise, and no state of the network is an error of Write.
func (s *Stream) Write(ctx context.Context, f media.Frame) error {
	return s.packager.write(ctx, f)
}

// SetTracks says what Write takes frames of from now on. The open fragment ends,
// and where the tracks differ the next one goes over a new call.
func (s *Stream) SetTracks(ctx context.Context, tracks []media.Track) error {
	return s.packager.setTracks(ctx, tracks)
}

// SetTag attaches a name and a value to the open fragment, or to the next one
// if none is open.
func (s *Stream) SetTag(name, value string) { s.packager.setTag(name, value) }

// EndFragment ends the open fragment and tells the server so, which otherwise
// learns it from the next one. The next frame begins another.
func (s *Stream) EndFragment(ctx context.Context) error { return s.packager.endFragment(ctx) }
