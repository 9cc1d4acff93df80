package store

import (
	"time"

	"github.com/millrace/millrace"
)

// PackStats is what the packs hold together.
type PackStats struct {
	Packs         int
	SetAside      int   // of them, those that cannot be read
	Bytes         int64 // of the files
	LiveFragments int   // that can be found
	LiveBytes     int64 // of their media
	Unfed         int   // of the live ones, those that are not in the pages yet
}

// StreamStats is what is kept of one stream, expired or not.
type StreamStats struct {
	Fragments int
	Bytes     int64                   // of media
	Oldest    millrace.FragmentNumber // none if there is no fragment
	Newest    millrace.FragmentNumber
}

// PackStats sums all packs up.
func (e *Engine) PackStats() PackStats { return e.packs.count() }

// StreamStats sums one stream up. A stream that has nothing has zeros.
func (e *Engine) StreamStats(key millrace.StreamKey) StreamStats {
	x := e.index.stream(key)
	if x == nil {
		return StreamStats{}
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := StreamStats{Fragments: x.rows.length + x.paged.count, Bytes: x.bytes + x.paged.bytes}
	if r := x.rows.first(); r != nil {
		s.Oldest, s.Newest = r.number, x.rows.last().number
	}
	if p := &x.paged; p.count > 0 {
		if s.Oldest.IsZero() || p.first.Compare(s.Oldest) < 0 {
			s.Oldest = p.first
		}
		if p.last.Compare(s.Newest) > 0 {
			s.Newest = p.last
		}
	}
	return s
}

// LastServerTime is the latest server time of any fragment that was ever found
// in the packs or committed since, also of streams that have gone; zero if
// there was none. The server's clock must not go behind it (I3).
func (e *Engine) LastServerTime() time.Time {
	ms := e.index.facts.server.Load()
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
