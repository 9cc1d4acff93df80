package tail

import (
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A clock is one of the two by which fragments are found.
type clock uint8

const (
	serverClock clock = iota
	producerClock
)

// A span is where a fragment lies on both clocks.
type span struct {
	number   millrace.FragmentNumber
	server   time.Time
	producer time.Time
	duration time.Duration
}

func keptSpan(e store.Entry) span {
	return span{number: e.Number, server: e.ServerTime(), producer: e.ProducerTime, duration: e.Duration}
}

// spanLocked is the fragment's; an open one reaches at least to the present.
// stream.mu is held.
func (f *Fragment) spanLocked() span {
	s := span{number: f.Number, server: f.ServerTime(), producer: f.ProducerTime, duration: f.duration}
	if f.state == Open {
		s.duration = f.stream.tail.now().Sub(f.opened) + time.Millisecond
	}
	return s
}

func (s span) start(c clock) time.Time {
	if c == producerClock {
		return s.producer
	}
	return s.server
}

// contains reports whether t lies in the span: at its start or behind it, and
// before its end.
func (s span) contains(t time.Time, c clock) bool {
	start := s.start(c)
	return !t.Before(start) && t.Before(start.Add(s.duration))
}

// better reports whether s is a better answer to t than other, where both
// contain t or start at or after it: one that contains t beats one that does
// not; of two that do, the newer start wins; of two that do not, the older; and
// the lower number where starts are equal.
func (s span) better(other span, t time.Time, c clock) bool {
	in := s.contains(t, c)
	if in != other.contains(t, c) {
		return in
	}
	a, b := s.start(c), other.start(c)
	if a.Equal(b) {
		return s.number.Compare(other.number) < 0
	}
	return a.After(b) == in
}
