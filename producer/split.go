package producer

import (
	"context"
	"time"
)

// turn is how long calls are at least for what is newer, and for what is older,
// where they take turns.
const turn = 10 * time.Second

// split decides what goes over a call that was accepted, where the newest is to
// go first. The newest fragment is where the split is then.
func (l *lane) split(ctx context.Context, c *connection) {
	s := l.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.fills || s.config.Buffer.Order != LiveFirst || s.delays() {
		return
	}
	s.parallel = c.known
	if c.known {
		l.older = false
	}
	if !l.older {
		s.moveSplit()
	}
	if s.parallel && s.hasOlder() && !s.filling {
		s.filling = true
		s.helpers.Go(func() { newLane(s, true, l.waits).run(ctx) })
	}
}

func (s *Stream) moveSplit() {
	newest := s.newest()
	first := s.queue.first
	for first != nil && first.on != nil {
		first = first.next
	}
	if newest != nil && first != nil && first.ordinal < newest.ordinal {
		s.split = newest.ordinal
	}
}

// alternates reports whether calls for what is newer and for what is older take
// turns.
func (s *Stream) alternates() bool { return s.split > 0 && !s.parallel }

// hasOlder reports whether anything older than the split is kept.
func (s *Stream) hasOlder() bool {
	return s.queue.first != nil && s.queue.first.ordinal < s.split
}

// firstFrom returns the oldest fragment that is not older than the split.
func (s *Stream) firstFrom(split uint64) *fragment {
	f := s.queue.last
	for f != nil && f.prev != nil && f.prev.ordinal >= split {
		f = f.prev
	}
	if f == nil || f.ordinal < split {
		return nil
	}
	return f
}

// turnOver reports whether it is the other side's turn, at the end of a fragment.
func (l *lane) turnOver(c *connection, now time.Time) bool {
	s := l.stream
	if !s.alternates() || l.fills {
		return false
	}
	if left := turn - now.Sub(c.began); left > 0 {
		l.alarm(left)
		return false
	}
	l.older = !l.older
	next, _ := l.next(nil, now)
	if next == nil {
		l.older = !l.older
	}
	return next != nil
}

// yields reports whether what is older has to wait for what is newer: the network
// is too slow for both. It goes on at least once a second, or when it has waited
// for some times as long as it took to send a piece.
func (l *lane) yields(c *connection, now time.Time) bool {
	waiting := l.stream.latency.unsent
	return l.fills && !waiting.IsZero() && now.Sub(waiting) > yieldAfter && now.Sub(c.wrote) < max(time.Second, yieldFor*c.took)
}

const (
	yieldAfter = 100 * time.Millisecond
	yieldFor   = 4
)

// portion is how much goes out at once: little of what is older, because what is
// newer has to wait for it.
func (l *lane) portion() int {
	if l.fills {
		return maxFill
	}
	return maxBatch
}

const maxFill = 16 << 10 // bytes
