package export

import (
	"errors"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

const (
	// usualStep is how long a frame lasts of which nothing is known, and longestStep
	// the most that the distance of two frames is taken for their length.
	usualStep   = 40 * time.Millisecond
	longestStep = 200 * time.Millisecond

	// longestGap is the longest that is kept: what a sample of an MP4 file can
	// last, by those who read its ticks of 90 kHz as signed numbers.
	longestGap = 6 * time.Hour

	// apart is how far media time and the producer's clock may be from each other
	// before they are taken for those of another session, whose times count from
	// another beginning.
	apart = time.Second
)

// A clock says where in an output the frames of a fragment are. Within a fragment
// frames keep their distances.
type clock struct {
	back   TimeBack
	pack   bool
	begun  bool
	shift  time.Duration // to add to a frame's PTS
	origin time.Time     // the producer's clock at 0 of the output; zero if it does not say
	start  time.Duration // of the latest fragment's first frame
	tracks map[media.TrackNumber]*pace
}

// A pace is how the times of a track go on.
type pace struct {
	latest time.Duration // greatest so far
	step   time.Duration // from the one before
}

func newClock(back TimeBack, pack bool) clock {
	return clock{back: back, pack: pack, tracks: map[media.TrackNumber]*pace{}}
}

// place sets the shift for a fragment by its first frame. ErrTimeBack changes
// nothing.
func (c *clock) place(f *consumer.Fragment, first *consumer.Frame) (*Move, error) {
	within := time.Duration(first.Timecode-int64(f.Timecode)) * scaleOf(f) // behind the fragment's Timecode
	if !c.begun {
		c.begun, c.shift = true, -(first.PTS - max(within, 0))
		c.start = first.PTS + c.shift
		c.anchor(f, within)
		return nil, nil
	}
	at := c.natural(f, first, within)
	to, reason := c.allowed(first.Track, at)
	if errors.Is(reason, ErrTimeBack) && c.back != TimeBackMoves {
		return nil, ErrTimeBack
	}
	c.shift, c.start = to-first.PTS, to
	if reason == nil {
		return nil, nil
	}
	c.anchor(f, within)
	return &Move{Fragment: f.Number, From: at, To: to, Reason: reason}, nil
}

// anchor makes the producer's clock agree with where the fragment was put.
func (c *clock) anchor(f *consumer.Fragment, within time.Duration) {
	if c.origin = f.ProducerTime; !c.origin.IsZero() {
		c.origin = c.origin.Add(within - c.start)
	}
}

// natural is where the fragment's first frame belongs: where media time says,
// unless by the producer's clock it is another session's.
func (c *clock) natural(f *consumer.Fragment, first *consumer.Frame, within time.Duration) time.Duration {
	at := first.PTS + c.shift
	if c.origin.IsZero() || f.ProducerTime.IsZero() {
		return at
	}
	by := f.ProducerTime.Sub(c.origin) + within
	if d := at - by; d > apart || d < -apart {
		return by
	}
	return at
}

// allowed is where a frame may be that belongs at a time, and why not there. Time
// has gone back if it is not later than what its track has, or before the fragment
// that was last.
func (c *clock) allowed(track media.TrackNumber, at time.Duration) (time.Duration, error) {
	end := c.end()
	p := c.tracks[track]
	switch {
	case p != nil && at <= p.latest, at < c.start:
		return end, ErrTimeBack
	case c.pack && at > end+timeline.Seam, at > end+longestGap:
		return end, ErrGap
	}
	return at, nil
}

// note takes notice of a frame and returns where it is.
func (c *clock) note(f *consumer.Frame) time.Duration {
	at := f.PTS + c.shift
	p := c.tracks[f.Track]
	if p == nil {
		c.tracks[f.Track] = &pace{latest: at, step: usualStep}
		p = c.tracks[f.Track]
	}
	if d := at - p.latest; d > 0 {
		p.step = usualStep
		if d <= longestStep {
			p.step = d
		}
		p.latest = at
	}
	if f.Duration > 0 && at == p.latest {
		p.step = min(f.Duration, longestStep)
	}
	return at
}

// end is when the last frame of all ends.
func (c *clock) end() (end time.Duration) {
	for _, p := range c.tracks {
		end = max(end, p.latest+p.step)
	}
	return end
}
