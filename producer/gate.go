package producer

import (
	"time"

	"github.com/millrace/millrace/producer/spool"
)

// A gateState is where the gate of a stream stands. One that was never used is
// open, and leaves Delay in force.
type gateState struct {
	closed, used bool
}

// Gate closes and opens the stream's gate. Behind a closed gate the last Delay
// of media is kept, in whole fragments, and nothing is sent; the fragment that is
// being written still is. Opening it sends what is kept, from its first key frame
// on, and then everything as it comes, over one call. Media that grow too old
// behind the gate are let go: Stats.Withheld counts them, they are not Dropped.
// What is kept is in memory alone, with a spool too, until a frame is written
// after the gate was opened. Gate may be called at any time by any goroutine.
func (s *Stream) Gate(open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &s.buffer.gate
	g.used = true
	if g.closed == !open {
		s.wake()
		return
	}
	g.closed = !open
	if open {
		s.admitHeld()
	}
	s.wake()
}

// SetMode changes when fragments are sent from now on, and with it what a full
// buffer does unless BufferRules say so. It may be called at any time by any
// goroutine.
func (s *Stream) SetMode(m Mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config.Mode = m
	s.buffer.pool.setSheds(&s.buffer.share, s.sheds())
	s.wake()
}

// admitHeld lets what was held be sent, from the first key frame on.
func (s *Stream) admitHeld() {
	f := s.firstHeld()
	key := f
	for key != nil && !key.key {
		key = key.next
	}
	for ; f != nil; f = s.firstHeld() {
		if key != nil && f.ordinal < key.ordinal && f != s.open {
			s.discard(f)
			continue
		}
		f.held = false
		s.queue.held--
	}
}

// trim lets go what is too old behind a closed gate.
func (s *Stream) trim() {
	for f := s.firstHeld(); f != nil && f.next != nil && s.queue.last.last-f.next.first >= s.config.Delay; f = s.firstHeld() {
		s.discard(f)
	}
}

// discardOldest lets the oldest fragment behind a closed gate go. It returns
// false if there is none that is not being written.
func (s *Stream) discardOldest() bool {
	f := s.firstHeld()
	if f == nil || f == s.open {
		return false
	}
	s.discard(f)
	return true
}

func (s *Stream) discard(f *fragment) {
	s.takeOut(f, spool.Dropped)
	s.stats.Withheld++
}

// discardHeld lets everything behind a closed gate go, because the stream ends.
func (s *Stream) discardHeld() {
	for s.discardOldest() {
	}
}

func (s *Stream) firstHeld() *fragment {
	if s.queue.held == 0 {
		return nil
	}
	f := s.queue.last
	for f.prev != nil && f.prev.held {
		f = f.prev
	}
	return f
}

// delays reports whether fragments wait until they are Delay old.
func (s *Stream) delays() bool {
	return s.config.Mode == Delayed && !s.buffer.gate.used && !s.closing
}

// due reports whether a fragment may be sent now. If not, wait is how long it
// takes at most until it may; 0 is until the stream changes.
func (s *Stream) due(f *fragment, now time.Time) (ok bool, wait time.Duration) {
	if f.held || f.frames == 0 {
		return false, 0
	}
	if s.delays() {
		wait = f.begun.Add(s.config.Delay).Sub(now)
	}
	return wait <= 0, max(wait, 0)
}

// nextDue returns the oldest fragment that is younger than f, or the oldest of
// all if f is nil, if it may be sent now. If it may not, wait is how long to wait
// before asking again; 0 is until the stream changes. The mutex is held.
func (s *Stream) nextDue(f *fragment, now time.Time) (next *fragment, wait time.Duration) {
	s.expire(now)
	next = s.queue.after(f)
	if next == nil {
		return nil, 0
	}
	if ok, wait := s.due(next, now); !ok {
		return nil, wait
	}
	return next, 0
}
