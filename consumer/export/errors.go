package export

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/media"
)

var (
	// ErrTracksChanged means that a fragment's tracks are not those of what is being
	// written. Nothing of the fragment was read or written; another Writer can take
	// it.
	ErrTracksChanged = errors.New("the tracks have changed")
	// ErrTimeBack means that a fragment is not later than the one before it. One
	// frame of it was read and none written.
	ErrTimeBack = errors.New("time goes back")
	// ErrGap is why a fragment was moved: what lies between it and the one before
	// is not to be kept, or is longer than the container can say.
	ErrGap = errors.New("a gap is left out")
	// ErrLength is why another file begins: the one before is long enough.
	ErrLength = errors.New("the file is long enough")
	// ErrNoTracks means that there is nothing to write: a fragment's header names no
	// track, or none of those that were asked for.
	ErrNoTracks = errors.New("no track to write")
	// ErrCarry means that a container cannot carry a track.
	ErrCarry = errors.New("the container cannot carry it")
	// ErrTooLarge means that an output would be larger than its container can say.
	ErrTooLarge = errors.New("too large for the container")
	// ErrClosed means that a Writer was closed before.
	ErrClosed = errors.New("the output is closed")
)

// A TrackError says which track a container cannot carry. errors.Is finds ErrCarry
// in it, and in most cases why.
type TrackError struct {
	Container Container
	Track     media.TrackNumber
	Codec     media.Codec
	CodecID   string // as Matroska spells it
	Err       error  // why
}

// Error names container and track.
func (e *TrackError) Error() string {
	name := e.CodecID
	if e.Codec != media.Unknown {
		name = e.Codec.String()
	}
	return fmt.Sprintf("%s cannot carry track %d (%s): %v", e.Container, e.Track, name, e.Err)
}

// Unwrap returns ErrCarry and the reason.
func (e *TrackError) Unwrap() []error { return []error{ErrCarry, e.Err} }

// A FrameError says that a frame is not what its track says. errors.As finds it.
type FrameError struct {
	Track media.TrackNumber
	Err   error
}

// Error names the track.
func (e *FrameError) Error() string { return fmt.Sprintf("frame of track %d: %v", e.Track, e.Err) }

// Unwrap returns the reason.
func (e *FrameError) Unwrap() error { return e.Err }

// Why a track cannot be carried where its codec could.
var (
	errSecond  = errors.New("it has room for one track")
	errKind    = errors.New("it has no form for the codec")
	errEncoded = errors.New("its frames are compressed or encrypted by Matroska")
)
