package media

import "time"

// Frame is one encoded picture or one unit of sound or data.
//
// Times are integers on the media's clock, in nanoseconds since that clock's
// origin: the Unix epoch for streams with absolute time, the start of the
// stream for others. A frame does not know which of the two it has.
type Frame struct {
	// Track is the number of the track that the frame belongs to.
	Track TrackNumber
	// PTS is when the frame is to be presented.
	PTS time.Duration
	// Duration is how long it is presented; zero means until the next frame.
	Duration time.Duration
	// Key says that decoding may start with this frame.
	Key bool
	// Discardable says that no other frame needs this one.
	Discardable bool
	// Data is the encoded frame. Who hands a frame over says how long Data is valid.
	Data []byte
}

// Clone returns a copy of the frame whose Data is its own.
func (f Frame) Clone() Frame {
	f.Data = append([]byte(nil), f.Data...)
	return f
}

// Instant returns PTS. Frames of two streams can be joined by it where both
// count from the same origin; see [Align].
func (f Frame) Instant() time.Duration { return f.PTS }
