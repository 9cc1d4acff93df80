package playback

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// mediaCost is what cached media take beside their bytes: tables and heads.
const mediaCost = 16 << 10

// A segmentCache has the media of fragments in memory, packaged for players. They take so
// many bytes of the budget at most when nobody reads them; which was not asked for
// longest goes first. Any number of goroutines may use it.
type segmentCache struct {
	archive store.Archive
	budget  *memory.Budget
	events  HLSEvents
	limit   int64         // bytes that are kept
	places  chan struct{} // holds a token for each fragment that may be read and packaged now
	flights flights[mediaKey, *cachedMedia]

	mu    sync.Mutex // guards what follows, and the fields of cachedMedia that say so
	kept  map[mediaKey]*cachedMedia
	order list.List // of *cachedMedia, which was asked for last first
	used  int64     // bytes of what is kept
}

// A mediaKey tells cached media apart: a fragment's frames, of which the segments of all
// its tracks are made, or a whole segment of a transport stream, with how it ends.
type mediaKey struct {
	stream millrace.StreamKey
	number millrace.FragmentNumber
	ts     bool
	hints  [hls.MaxTracks]timeline.Hint
}

// A cachedMedia is the media of one fragment.
type cachedMedia struct {
	key      mediaKey
	size     int64
	loan     *memory.Loan
	fragment *millrace.Fragment // with its samples one by one; nil for a transport stream
	bytes    []byte             // the Cluster, or the transport stream's segment
	packaged flights[trackKey, *fmp4.Segment]

	mu       sync.Mutex // guards what follows
	segments map[trackKey]*fmp4.Segment

	// Guarded by segmentCache.mu.
	at      *list.Element // nil if it is not kept
	gone    bool          // its loan was given back, or is about to be
	readers map[*Segment]struct{}
}

// A trackKey tells the segments of one fragment apart.
type trackKey struct {
	track int
	hint  timeline.Hint
}

// mostEndings is how many segments of one fragment are kept: a track may end in
// different ways in different sessions.
const mostEndings = 8

func newSegmentCache(c *HLSConfig) *segmentCache {
	return &segmentCache{
		archive: c.Archive, budget: c.Memory, events: c.Events, limit: c.Bytes,
		places: make(chan struct{}, c.Packaging), kept: map[mediaKey]*cachedMedia{},
	}
}

// A source is what cachedMedia are made of.
type source struct {
	scope  store.Scope
	stored store.Entry
	entry  *hls.Entry
	format *timeline.Format
}

// segment returns the segment of an entry of a session's window.
func (all *segmentCache) segment(ctx context.Context, v *Visit, from *source, track int) (*Segment, error) {
	e := from.entry
	key := mediaKey{stream: v.Scope.Stream, number: e.Number}
	if v.Order.Container == hls.MPEGTS {
		key.ts = true
		for i := range key.hints {
			key.hints[i] = e.Hint(i)
		}
	} else if e.Tracks[track].Track == nil || e.Tracks[track].Span.Samples == 0 {
		return nil, errNoFragment(e.Number)
	}
	s, cached, err := all.take(ctx, from, key)
	if err != nil {
		return nil, err
	}
	if key.ts {
		s.Cached, s.clock = cached, clockOf(e.Elapsed())
		s.finish(key, track, e, s.media.bytes)
		return s, nil
	}
	packaged, made, err := all.packaged(ctx, s.media, e, trackKey{track, e.Hint(track)})
	if err != nil {
		s.Close()
		return nil, err
	}
	if e.Generation > 0 { // there was another init segment before
		packaged = packaged.WithSets(e.Tracks[track].Track)
	}
	s.Cached, s.Sound = !made, e.Tracks[track].Track.Media.Type == media.Audio
	s.finish(key, track, e, append([][]byte{packaged.Head(uint32(e.Sequence), uint64(e.MediaTime(track)))}, packaged.Payload()...)...)
	return s, nil
}

// clockOf is a time on the clock of transport streams.
func clockOf(d time.Duration) int64 {
	const rate = 90_000 // ticks a second
	return timeline.Rescale(int64(d), int64(time.Second), rate)
}

// mostTakes is how often media are tried to be shared that are let go again before they
// are read, because memory is short.
const mostTakes = 3

// take returns a reader of media, which are made if they are not there. What is
// too large to be kept, or that is let go again and again, is made for this reader
// alone.
func (all *segmentCache) take(ctx context.Context, from *source, key mediaKey) (s *Segment, cached bool, err error) {
	for range mostTakes {
		if all.isLarge(&from.stored, key) {
			break
		}
		if s := all.find(key); s != nil {
			return s, true, nil
		}
		u, made, err := all.flights.do(ctx, key, func(ctx context.Context) (*cachedMedia, error) {
			u, err := all.make(ctx, from, key)
			if err == nil {
				all.keep(u)
			}
			return u, err
		})
		if err != nil {
			return nil, false, err
		}
		if s := all.attach(u); s != nil {
			return s, !made, nil
		}
	}
	u, err := all.make(ctx, from, key)
	if err != nil {
		return nil, false, err
	}
	if s = all.attach(u); s == nil {
		return nil, false, millrace.Errorf(millrace.CodeUnavailable, "The server is short of memory. Try again.")
	}
	return s, false, nil
}

func (all *segmentCache) isLarge(entry *store.Entry, key mediaKey) bool {
	return needs(entry, key) > all.limit/4
}

// needs is how many bytes are needed to make cachedMedia.
func needs(entry *store.Entry, key mediaKey) int64 {
	if key.ts {
		return 2*entry.Size + entry.Size/4 + mediaCost
	}
	return entry.Size + mediaCost
}

// find returns a reader of media that are kept, nil if they are not.
func (all *segmentCache) find(key mediaKey) *Segment {
	all.mu.Lock()
	defer all.mu.Unlock()
	u := all.kept[key]
	if u == nil {
		return nil
	}
	all.order.MoveToFront(u.at)
	return all.attachLocked(u)
}

// attach returns a reader of media, nil if they have been let go.
func (all *segmentCache) attach(u *cachedMedia) *Segment {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.attachLocked(u)
}

func (all *segmentCache) attachLocked(u *cachedMedia) *Segment {
	if u.gone {
		return nil
	}
	s := &Segment{cache: all, media: u}
	s.note()
	u.readers[s] = struct{}{}
	return s
}

// keep keeps media for others, and lets go of those that there is no room for
// any more.
func (all *segmentCache) keep(u *cachedMedia) {
	all.mu.Lock()
	u.at = all.order.PushFront(u)
	all.kept[u.key] = u
	all.used += u.size
	var gone []*memory.Loan
	for all.used > all.limit && all.order.Len() > 1 {
		gone = append(gone, all.dropLocked(all.order.Back().Value.(*cachedMedia)))
	}
	all.mu.Unlock()
	giveBack(gone...)
}

// dropLocked does not keep media any more. It returns what is to be given back:
// nothing while somebody reads them.
func (all *segmentCache) dropLocked(u *cachedMedia) *memory.Loan {
	if u.at != nil {
		all.order.Remove(u.at)
		u.at = nil
		delete(all.kept, u.key)
		all.used -= u.size
	}
	if len(u.readers) > 0 || u.gone {
		return nil
	}
	u.gone = true
	return u.loan
}

// giveBack gives back what there is. No lock is held, for somebody who waits for
// memory may be served.
func giveBack(loans ...*memory.Loan) {
	for _, l := range loans {
		if l != nil {
			l.Return()
		}
	}
}

// leave ends a reader.
func (all *segmentCache) leave(s *Segment) {
	all.mu.Lock()
	u := s.media
	delete(u.readers, s)
	var gone *memory.Loan
	if u.at == nil {
		gone = all.dropLocked(u)
	}
	all.mu.Unlock()
	giveBack(gone)
}

// shed lets go of what was not asked for longest of what nobody reads. It reports
// false if there is nothing.
func (all *segmentCache) shed() bool {
	all.mu.Lock()
	var gone *memory.Loan
	for at := all.order.Back(); at != nil && gone == nil; at = at.Prev() {
		if u := at.Value.(*cachedMedia); len(u.readers) == 0 {
			gone = all.dropLocked(u)
			break
		}
	}
	all.mu.Unlock()
	giveBack(gone)
	return gone != nil
}

// cut breaks off the readers of media that have taken nothing for so long.
func (all *segmentCache) cut(u *cachedMedia, idle time.Duration) bool {
	all.mu.Lock()
	everybody := u.bytes != nil // what is being made has readers to come
	for s := range u.readers {
		if s.idle() < idle {
			everybody = false
			continue
		}
		s.breakOff()
	}
	var gone *memory.Loan
	if everybody {
		gone = all.dropLocked(u)
	}
	all.mu.Unlock()
	giveBack(gone)
	return everybody
}
