package hls

import (
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
)

// MaxTracks is how many tracks a session plays: the picture and its sound.
const MaxTracks = 2

// Facts are what a window has to know of a fragment.
type Facts struct {
	Number millrace.FragmentNumber
	Start  time.Time // on the session's clock
	Whole  time.Time // about when all of it was there, on the clock that Extend is told, at the latest when it is told of it; LIVE_REPLAY lists it no sooner

	// Damaged fragments are passed over, and leave a gap.
	Damaged bool

	// Tracks are those that the session plays, by TrackNumber less one.
	Tracks [MaxTracks]Timed
}

// Timed is one track of a fragment.
type Timed struct {
	Track *timeline.Track // nil if the fragment's header has none
	Span  timeline.Span   // timed without a next fragment; without samples if the fragment has nothing of the track
	Usual int64           // the Hint's that it was timed with
}

// Anchor is the moment that media time 0 stands for in a session that begins
// with f: its start, or its earliest frame if that is earlier. Within a session
// it never changes.
func Anchor(f *Facts) time.Time {
	var earliest time.Duration
	for i := range f.Tracks {
		if t := &f.Tracks[i]; t.plays() && t.Span.Start < 0 {
			earliest = min(earliest, t.Track.Time(t.Span.Start))
		}
	}
	return f.Start.Add(earliest)
}

// playable reports whether there is anything to be played.
func (f *Facts) playable() bool { return !f.Damaged && f.lead() != nil }

// lead is the first track that the fragment has samples of, nil if there is
// none. What can be said only once for all tracks is said of it.
func (f *Facts) lead() *Timed {
	for i := range f.Tracks {
		if f.Tracks[i].plays() {
			return &f.Tracks[i]
		}
	}
	return nil
}

// begin and end are when the lead's media begin and end, on the session's clock.
func (f *Facts) begin() time.Time {
	t := f.lead()
	return f.Start.Add(t.Track.Time(t.Span.Start))
}

func (f *Facts) end() time.Time { return f.begin().Add(f.lead().length()) }

func (t *Timed) plays() bool { return t.Track != nil && t.Span.Samples > 0 }

// length is how long the samples last.
func (t *Timed) length() time.Duration { return t.Track.Time(t.Span.Duration) }
