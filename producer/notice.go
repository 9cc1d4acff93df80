package producer

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/media"
)

// What a [Notice] may be about.
var (
	// ErrUnplayable means that some way of watching the stream will refuse it; the
	// details are in an [*UnplayableError].
	ErrUnplayable = errors.New("stream cannot be played")
	// ErrNotKey means that a frame was given as a key frame and is none. Fragments
	// begin with real ones.
	ErrNotKey = errors.New("frame is no key frame")
	// ErrManyPictures means that a frame has several pictures. Players show such a
	// frame once; each picture should be a frame of its own.
	ErrManyPictures = errors.New("frame has several pictures")
	// ErrPartialPicture means that a frame begins within a picture: its slices were
	// given one by one, or the first was lost.
	ErrPartialPicture = errors.New("frame begins within a picture")
	// ErrUnitsDropped means that supplemental units came without a picture for so
	// long that they were dropped.
	ErrUnitsDropped = errors.New("units without a picture were dropped")
)

// A Notice is what an application should know about a track that is sent all
// the same: [Events].Notice gets it, once a track for each kind.
type Notice struct {
	// Track is the number of the track, 0 for the tracks together.
	Track media.TrackNumber
	// Err says what it is; test with errors.Is.
	Err error
}

// Error reports track and matter.
func (n *Notice) Error() string {
	if n.Track == 0 {
		return "tracks: " + n.Err.Error()
	}
	return fmt.Sprintf("track %d: %v", n.Track, n.Err)
}

// Unwrap returns the matter, so that errors.Is finds it.
func (n *Notice) Unwrap() error { return n.Err }

// odds are the kinds of notices that there have been.
type odds uint8

const (
	oddKey odds = 1 << iota
	oddPictures
	oddPartial
	oddUnits
)

// notice returns a notice the first time that it is asked for one of the kind.
func (c *conditioner) notice(kind odds, err error) error {
	if c.told&kind != 0 {
		return nil
	}
	c.told |= kind
	return &Notice{Track: c.now.Number, Err: err}
}
