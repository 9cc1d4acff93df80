package limit

import (
	"sync"
	"time"
)

// A Cost is what a request for archived media uses up of a stream's two quotas,
// or what a stream has of them for each second.
type Cost struct {
	Metadata int // points for what is said of fragments
	Media    int // points for their media
}

// imagesBase is what GetImages costs beside its images.
const imagesBase = 400

// What requests cost. A number that a caller leaves out is the operation's
// default; none is less than 0.

// ListFragments is the cost of a page of at most so many fragments.
func ListFragments(maxResults int) Cost { return Cost{Metadata: maxResults} }

// GetMediaForFragmentList is the cost of a list of so many fragments.
func GetMediaForFragmentList(fragments int) Cost { return Cost{Media: fragments} }

// GetClip is the cost of a clip of so many fragments.
func GetClip(fragments int) Cost { return Cost{Metadata: fragments, Media: fragments} }

// GetImages is the cost of at most so many images.
func GetImages(maxResults int) Cost {
	return Cost{Metadata: imagesBase + maxResults, Media: maxResults}
}

// Playlist is the cost of an HLS media playlist or a DASH manifest of at most so
// many fragments.
func Playlist(maxFragments int) Cost { return Cost{Metadata: maxFragments} }

// PlaybackFragment is the cost of one fragment that a player loads.
func PlaybackFragment() Cost { return Cost{Media: 1} }

// Points holds streams to their quotas of points. Any number of goroutines may
// use it; a nil *Points affords everything.
type Points struct {
	each Cost
	now  func() time.Time

	mu       sync.Mutex // guards what follows
	metadata buckets
	media    buckets
}

// NewPoints returns Points of which nothing is spent. each is what a stream has
// for each second, and at most at once; 0 is no bound. Without any bound the
// result is nil.
func NewPoints(each Cost, now func() time.Time) *Points {
	if each == (Cost{}) {
		return nil
	}
	return &Points{each: each, now: now, metadata: newBuckets(), media: newBuckets()}
}

// Spend takes a request's cost from a stream's points, all of it or, if it is
// more than there is, nothing (L1): that is CodeRateLimit. A request that costs
// more than a stream ever has is served when it has all, and the next one waits
// for so much longer. The stream is what the error names and what the points
// are counted by, for all operations together.
func (p *Points) Spend(operation, stream string, c Cost) error {
	if p == nil {
		return nil
	}
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	type part struct {
		of   *bucket
		cost float64
	}
	var used []part
	for _, q := range []struct {
		in         buckets
		each, cost int
		what       string
	}{
		{p.metadata, p.each.Metadata, c.Metadata, "fragment metadata"},
		{p.media, p.each.Media, c.Media, "fragment media"},
	} {
		if q.each == 0 || q.cost == 0 {
			continue
		}
		of := q.in.of(holder{resource: stream}, float64(q.each), now)
		if !of.affords(float64(q.cost)) {
			return errTooMany(q.what, operation, stream)
		}
		used = append(used, part{of, float64(q.cost)})
	}
	for _, u := range used {
		u.of.use(u.cost)
	}
	return nil
}
