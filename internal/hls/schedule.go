package hls

import "time"

const (
	// settled is how long after the end of its range LIVE_REPLAY waits for
	// fragments that began within it.
	settled = 30 * time.Second

	// ahead is how many fragments LIVE_REPLAY reads at a time beyond what it
	// lists.
	ahead = 8
)

// A schedule says when LIVE_REPLAY lists an entry. The first list is there at
// once, at T0; after that an entry comes when as much time has passed since the
// one before it came as it lasts itself, or when it is there, if that is later.
// What is late by itself makes all that follows as much later.
type schedule struct {
	at time.Time // when the newest entry was listed; T0 at first
}

// isDue reports whether e, the first that is not listed, is due, and counts it
// as listed if so.
func (s *schedule) isDue(now time.Time, e *Entry, paced bool) bool {
	if s.at.IsZero() {
		s.at = now
	}
	at := s.at
	if paced {
		at = at.Add(e.length())
	}
	if e.Whole.After(at) {
		at = e.Whole
	}
	if at.After(now) {
		return false
	}
	s.at = at
	return true
}
