package producer

import (
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/media"
)

// Errors of a stream's methods.
var (
	// ErrClosed means that Close or Abort was called before.
	ErrClosed = errors.New("stream is closed")
	// ErrNotAuthorized means that the server does not accept the credentials, or
	// that there are none. The stream keeps what it has and goes on trying.
	ErrNotAuthorized = errors.New("not authorized")
	// ErrStreamNotFound means that there is no such stream, and that
	// StreamConfig.Create does not make it, or cannot. The stream keeps what it has
	// and goes on trying.
	ErrStreamNotFound = errors.New("stream not found")
	// ErrOrder means that there is no header yet, or no fragment to append to.
	ErrOrder = errors.New("call out of order")
	// ErrTooLarge means that a fragment would be larger than MaxFragmentSize.
	ErrTooLarge = fmt.Errorf("fragment is larger than %d bytes", MaxFragmentSize)
	// ErrTime means that a frame's time is too far from those before it.
	ErrTime = errors.New("frame time is out of range")
	// ErrBufferFull means that there is no room, and the policy is FullFail.
	ErrBufferFull = errors.New("buffer is full")
	// ErrSpool is told to Events.Notice when the disk fails under the spool. Media
	// are kept in memory then, and the disk is tried again with each fragment. A
	// fragment in whose midst it failed is whole in memory alone: the rest of it is
	// lost if the program ends before it is durable.
	ErrSpool = errors.New("spool takes nothing; media are kept in memory alone")
)

// Errors within the package.
var (
	errNoSpool = errors.New("a stream is to have a spool, but Client.Spool is empty")
	errOmit    = errors.New("frame is to be left out")
	errGone    = errors.New("fragment was given up")
)

// What may be wrong with a track or a frame. All of it is found out before
// anything is sent; test with errors.Is. The details are in a [*TrackError] or a
// [*FrameError].
var (
	// ErrBadTrack means that a track's declaration does not hold together: a codec
	// without an identifier, codec private data that cannot be read, a sampling rate
	// that the private data contradict.
	ErrBadTrack = errors.New("track is not well declared")
	// ErrUnknownTrack means that a frame's track was not declared.
	ErrUnknownTrack = errors.New("unknown track")
	// ErrBadFrame means that the frame's bytes are not what its codec calls a
	// frame. Only this frame is refused; the next one is looked at afresh.
	ErrBadFrame = errors.New("frame is damaged")
	// ErrNeedKeyFrame means that nothing can be decoded before a key frame, with
	// the parameter sets that no frame and no private data have carried so far. Ask
	// the encoder for one.
	ErrNeedKeyFrame = errors.New("key frame with parameter sets needed")
	// ErrNeedPrivate means that the frames of a track cannot be decoded without codec
	// private data, which were not declared and do not come with them.
	ErrNeedPrivate = errors.New("codec private data needed")
	// ErrFrameTooLarge means that the frame is above [MaxFrameSize].
	ErrFrameTooLarge = fmt.Errorf("frame is larger than %d bytes", MaxFrameSize)
)

// TrackError says what is wrong with the declaration of a track. It is an
// [ErrBadTrack] and, where codec private data are at fault, what package media
// calls the fault.
type TrackError struct {
	// Track is the number of the track.
	Track media.TrackNumber
	// Part names the field, such as "sample rate".
	Part string
	// Err is the reason, nil where Part says it all.
	Err error
}

// Error reports track, field and reason.
func (e *TrackError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("track %d: %s: %v", e.Track, e.Part, ErrBadTrack)
	}
	return fmt.Sprintf("track %d: %s: %v", e.Track, e.Part, e.Err)
}

// Unwrap returns ErrBadTrack and the reason.
func (e *TrackError) Unwrap() []error { return []error{ErrBadTrack, e.Err} }

// FrameError says which frame was refused, and for what.
type FrameError struct {
	// Track and PTS are those of the frame.
	Track media.TrackNumber
	PTS   time.Duration
	// Offset is where in the frame's data the fault was noticed, in bytes.
	Offset int
	// Part names what is wrong or missing, such as "nal unit length" or "sps".
	Part string
	// Err is one of this package's errors, such as ErrBadFrame, perhaps with what
	// package media says.
	Err error
}

// Error reports frame, fault and place.
func (e *FrameError) Error() string {
	text := fmt.Sprintf("track %d, frame at %s: %v: %s", e.Track, legible(e.PTS), e.Err, e.Part)
	if errors.Is(e.Err, ErrBadFrame) {
		text += fmt.Sprintf(" at byte %d", e.Offset)
	}
	return text
}

// Unwrap returns the kind, so that errors.Is finds it.
func (e *FrameError) Unwrap() error { return e.Err }

// legible is a frame's time for people: a date where it can only be counted from
// the epoch.
func legible(pts time.Duration) string {
	const year = 365 * 24 * time.Hour
	if pts < year {
		return pts.String()
	}
	return time.Unix(0, int64(pts)).UTC().Format(time.RFC3339Nano)
}

// damaged is ErrBadFrame for a reason that package media gives.
func damaged(err error) error { return fmt.Errorf("%w: %w", ErrBadFrame, err) }
