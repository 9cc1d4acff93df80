package export

import (
	"time"

	"github.com/millrace/millrace/consumer"
)

// A muxer is what one container does with frames. An output calls it: carries for
// each track, begin once, then for each fragment that has a frame start, any number
// of frames, and end, and at last finish, if it called begin.
// Times are the output's; they may be a little below 0, for a frame that came
// behind the first and is shown before it. After an error nothing but finish is
// called.
type muxer interface {
	// carries says why the container cannot hold a track beside those that it
	// holds already; nil if it can. It writes nothing.
	carries(t *track, beside []*track) error
	// begin may write what stands in front of the media.
	begin(h heading) error
	// start begins a fragment, of which there is a frame. at is where its Timecode
	// falls.
	start(f *consumer.Fragment, at time.Duration) error
	// frame takes a frame, of which it keeps no reference.
	frame(f *consumer.Frame, t *track, at time.Duration) error
	// end ends the fragment, which may have been cut.
	end() error
	finish() error
}

// A heading is what is known before the first frame.
type heading struct {
	header *consumer.Header
	tracks []*track  // those to write
	date   time.Time // the producer's time of the first fragment; may be zero
}

// A timeless muxer writes no times.
type timeless interface{ hasNoTimes() }
