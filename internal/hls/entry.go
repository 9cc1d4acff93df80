package hls

import (
	"time"

	"github.com/millrace/millrace/internal/timeline"
)

// An Entry is one fragment's place in a session. It does not change once it is
// listed, but for Gap.
type Entry struct {
	Facts
	Sequence      uint64 // its number in the session, from 1
	Generation    int    // which codec private data it needs, see Window.Init
	Discontinuity bool   // a tag stands before it
	Gap           bool   // listed, but found not to be readable

	anchor   time.Time
	moved    time.Duration    // its media lie so much later than on the clock
	before   uint64           // discontinuities before its own
	next     [MaxTracks]int64 // Hint.Next
	joined   [MaxTracks]bool  // Hint.HasNext
	duration [MaxTracks]int64 // ticks, as joined
	until    time.Time        // when it is forgotten, once it has left the playlist
}

// Hint is with what the samples of a track are to be timed, so that their
// segment lasts as long as the playlist says.
func (e *Entry) Hint(track int) timeline.Hint {
	return timeline.Hint{Next: e.next[track], HasNext: e.joined[track], Usual: e.Tracks[track].Usual}
}

// Duration is how long the segment of a track lasts, in its ticks: the sum of
// its samples' durations. It is 0 if the fragment has nothing of the track.
func (e *Entry) Duration(track int) int64 { return e.duration[track] }

// MediaTime is when the first sample of a track is decoded, in the track's ticks
// since the anchor and never negative: the tfdt of its segment.
func (e *Entry) MediaTime(track int) int64 {
	t := &e.Tracks[track]
	if t.Track == nil {
		return 0
	}
	return max(0, e.origin(t.Track)+t.Span.Start)
}

// Elapsed is the media time from the anchor to the fragment's start, never negative:
// what the times of a segment of several tracks are counted from.
func (e *Entry) Elapsed() time.Duration { return max(0, e.place()) }

// place is the fragment's start since the anchor, as media have it.
func (e *Entry) place() time.Duration { return e.Start.Sub(e.anchor) + e.moved }

// origin is the fragment's start in a track's ticks since the anchor.
func (e *Entry) origin(t *timeline.Track) int64 { return t.Ticks(e.place()) }

// join lets the segments of e reach to those of the entry after it, where these
// are near enough for it.
func (e *Entry) join(after *Entry) {
	for i := range e.Tracks {
		t, u := &e.Tracks[i], &after.Tracks[i]
		if !t.plays() || !u.plays() || t.Track.Timescale != u.Track.Timescale {
			continue
		}
		next := after.MediaTime(i) - e.origin(t.Track)
		e.duration[i] = t.Track.Join(t.Span, next)
		if t.Span.Start+e.duration[i] == next {
			e.next[i], e.joined[i] = next, true
		}
	}
}

// millis is how long the entry lasts in the playlist of a track: where the
// fragment has nothing of it, as long as the track that it has.
func (e *Entry) millis(track int) int64 {
	t := &e.Tracks[track]
	if !t.plays() {
		return toMillis(e.length())
	}
	return toMillis(t.Track.Time(e.duration[track]))
}

// length is how long the lead's segment lasts.
func (e *Entry) length() time.Duration {
	for i := range e.Tracks {
		if t := &e.Tracks[i]; t.plays() {
			return t.Track.Time(e.duration[i])
		}
	}
	return 0
}

func toMillis(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }
