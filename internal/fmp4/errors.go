package fmp4

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/media"
)

var (
	// ErrCodec means that MP4 has no sample entry for the codec, or none that
	// this package writes.
	ErrCodec = errors.New("no sample entry for the codec")
	// ErrAnnexB means that the NAL units of a frame stand behind start codes where
	// the codec private data announce lengths, or that the parameter sets of those
	// data do where frames are written as they are.
	ErrAnnexB = errors.New("nal units behind start codes")
	// ErrFraming means that the NAL units of a frame do not fill it, or that there
	// are none.
	ErrFraming = errors.New("nal units do not fill the frame")
	// ErrEmpty means that there is nothing to write.
	ErrEmpty = errors.New("empty")
	// ErrRange means that a sample is not within its Cluster.
	ErrRange = errors.New("sample outside of its cluster")
	// ErrLimit means that a segment would be larger than its boxes can say.
	ErrLimit = errors.New("too large for a segment")
)

// FrameError says which frame cannot be written. Err is ErrAnnexB, ErrFraming,
// ErrEmpty or ErrRange.
type FrameError struct {
	Track media.TrackNumber
	Frame int // of the run, from 0
	Err   error
}

// Error names the frame and what is wrong with it.
func (e *FrameError) Error() string {
	return fmt.Sprintf("frame %d of track %d: %v", e.Frame, e.Track, e.Err)
}

// Unwrap returns the kind, so that errors.Is finds it.
func (e *FrameError) Unwrap() error { return e.Err }
