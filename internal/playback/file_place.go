package playback

import (
	"math"
	"time"

	"github.com/millrace/millrace/internal/timeline"
)

// A fileTrack is one track of a file: the track of each fragment's format in turn.
type fileTrack struct {
	scale  uint32 // ticks a second
	seen   bool
	begin  int64 // of its first sample, in the file's time
	last   int64 // when its last sample so far is decoded
	end    int64 // when that ends, by itself
	usual  int64
	latest *trackSpan // of the last fragment that had the track
}

// A trackSpan is what a fragment has of one fileTrack, in ticks of that.
type trackSpan struct {
	samples uint32
	start   int64 // as of timeline.Span, like the next two
	last    int64
	own     int64 // how long the last sample lasts by itself
	usual   int64
	hold    uint32 // how long it lasts in the file
}

// A placer lays fragments one behind the other on the time of a file, which begins
// at 0 with the first. Within a fragment all tracks keep their distance; a small
// difference to the fragment before goes into the last sample there.
type placer struct {
	tracks   []*fileTrack
	at       time.Duration // of the latest fragment's start in the file
	producer time.Time     // its start by the producer's clock
	begun    bool
}

// place returns when a fragment starts in the file. spans has one for each track.
func (p *placer) place(start time.Time, spans []*trackSpan) time.Duration {
	switch {
	case !p.begun:
		p.at = -p.earliest(spans)
		p.begun = true
	default:
		p.at = p.follow(p.at+start.Sub(p.producer), spans)
	}
	p.producer = start
	for i, r := range p.tracks {
		if spans[i].samples > 0 {
			r.add(p.at, spans[i])
		}
	}
	return p.at
}

// earliest is when the first sample of a fragment is shown, after its start.
func (p *placer) earliest(spans []*trackSpan) time.Duration {
	first := time.Duration(math.MaxInt64)
	for i, r := range p.tracks {
		if spans[i].samples > 0 {
			first = min(first, r.time(spans[i].start))
		}
	}
	if first == math.MaxInt64 {
		return 0
	}
	return first
}

// follow returns where a fragment goes that starts at natural by the producer's
// clock: there, if it begins within a Seam of the end of the one before, and else at
// that end, so that over a longer gap, or overlap, the file goes on at once.
func (p *placer) follow(natural time.Duration, spans []*trackSpan) time.Duration {
	for i, r := range p.tracks {
		s := spans[i]
		if s.samples == 0 || !r.seen || !r.isLatest(p) {
			continue
		}
		at := r.ticks(natural) + s.start
		if reach := r.ticks(timeline.Seam); at-r.end <= reach && r.end-at <= reach && at > r.last {
			return natural
		}
		return r.time(r.end - s.start)
	}
	end := p.end()
	if off := natural + p.earliest(spans) - end; off <= timeline.Seam && off >= -timeline.Seam {
		return natural
	}
	return end - p.earliest(spans)
}

// isLatest reports whether no other track goes on far beyond this one, as it does
// where fragments have been without this track.
func (r *fileTrack) isLatest(p *placer) bool { return p.end()-r.time(r.end) <= time.Second }

// end is when the last sample of all ends.
func (p *placer) end() (end time.Duration) {
	for _, r := range p.tracks {
		if r.seen {
			end = max(end, r.time(r.end))
		}
	}
	return end
}

// add lays a span behind what the file has of the track.
func (r *fileTrack) add(at time.Duration, s *trackSpan) {
	begin := r.ticks(at) + s.start
	if !r.seen {
		r.seen, r.begin = true, begin
	} else {
		begin = max(begin, r.last+1)
		r.latest.hold = uint32(min(begin-r.last, math.MaxUint32))
		begin = r.last + int64(r.latest.hold)
	}
	r.last = begin + s.last - s.start
	r.end = r.last + s.own
	r.usual, r.latest = s.usual, s
	s.hold = uint32(min(s.own, math.MaxUint32))
}

// ticks and time convert between the file's time and the track's.
func (r *fileTrack) ticks(d time.Duration) int64 {
	return timeline.Rescale(int64(d), int64(time.Second), int64(r.scale))
}

func (r *fileTrack) time(ticks int64) time.Duration {
	return time.Duration(timeline.Rescale(ticks, int64(r.scale), int64(time.Second)))
}

// rescaleRun brings a run to another scale. Its samples keep their order.
func rescaleRun(r *timeline.Run, from, to uint32) {
	if from == to {
		return
	}
	f, t := int64(from), int64(to)
	at := r.Start
	r.Start, r.Usual = timeline.Rescale(r.Start, f, t), timeline.Rescale(r.Usual, f, t)
	now := r.Start
	for i := range r.Samples {
		s := &r.Samples[i]
		at += int64(s.Duration)
		next := max(timeline.Rescale(at, f, t), now+1)
		s.Duration = uint32(min(next-now, math.MaxUint32))
		s.Composition = int32(timeline.Rescale(int64(s.Composition), f, t))
		now = next
	}
}
