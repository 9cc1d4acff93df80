package producer

import "time"

// bound is the backlog at which OnSlow applies.
func (s *Stream) bound() time.Duration {
	if s.config.Buffer.Backlog > 0 {
		return s.config.Buffer.Backlog
	}
	return DefaultBacklog
}

// behind is the media time that no connection has taken yet although it might
// be sent.
func (s *Stream) behind(now time.Time) time.Duration {
	f := s.queue.first
	for f != nil && !f.unsent() {
		f = f.next
	}
	newest := s.newest()
	if f == nil || newest == nil {
		return 0
	}
	if ok, _ := s.due(f, now); !ok {
		return 0
	}
	taken := time.Duration(float64(f.last-f.first) * float64(f.sent) / float64(f.size))
	behind := newest.last - f.first - taken
	if s.delays() {
		behind -= s.config.Delay
	}
	return max(behind, 0)
}

// newest is the youngest fragment that is not behind a closed gate.
func (s *Stream) newest() *fragment {
	f := s.queue.last
	for f != nil && f.held {
		f = f.prev
	}
	return f
}

// catchUp applies OnSlow where a fragment begins.
func (s *Stream) catchUp(now time.Time) {
	behind := s.checkPressure(now)
	switch s.config.Buffer.OnSlow {
	case SlowThin:
		s.buffer.thin = behind > s.bound() || s.buffer.thin && behind > s.bound()/2
	case SlowJump:
		if behind > s.bound() {
			s.jump(now)
		}
	}
}

// jump gives up everything that is not sent, but for what is in hand.
func (s *Stream) jump(now time.Time) {
	d := Dropped{Reason: DropSlow}
	for f := s.queue.first; f != nil; {
		next := f.next
		if f.unsent() && !f.held && !s.inHand(f, now) {
			s.giveUp(f, &d)
		}
		f = next
	}
	s.dropped(d)
	s.checkPressure(now)
}

// checkPressure reports when the backlog passes its bound, and when it is well
// below again. It returns the backlog.
func (s *Stream) checkPressure(now time.Time) time.Duration {
	behind := s.behind(now)
	over := behind > s.bound() || s.buffer.pressed && behind > s.bound()/2
	if over != s.buffer.pressed {
		s.buffer.pressed = over
		s.pressed(Pressure{Backlog: behind, Bytes: s.queue.bytes, Rate: s.buffer.rate.perSecond, Over: over})
	}
	return behind
}

// A meter estimates how fast the network takes media while it is busy.
type meter struct {
	latest    time.Time // of the last write
	since     time.Time // when the window began
	bytes     int64     // in it
	perSecond float64   // bytes; 0 is not known
}

// Bounds of a window, and how much a new one counts.
const (
	meterWindow = time.Second
	meterGap    = 5 * time.Second
	meterWeight = 0.3
)

// wrote notes that a connection took n bytes.
func (m *meter) wrote(n int64, now time.Time, busy bool) {
	if m.since.IsZero() || now.Sub(m.latest) > meterGap {
		m.since, m.bytes = now, 0
	}
	m.latest = now
	m.bytes += n
	took := now.Sub(m.since)
	if took < meterWindow {
		return
	}
	if busy || m.perSecond == 0 {
		rate := float64(m.bytes) / took.Seconds()
		if m.perSecond == 0 {
			m.perSecond = rate
		}
		m.perSecond += meterWeight * (rate - m.perSecond)
	}
	m.since, m.bytes = now, 0
}

// sentTo notes that a connection took n bytes of a fragment, up to a cursor. The
// mutex is held.
func (s *Stream) sentTo(f *fragment, c cursor, n int64, now time.Time) {
	f.sent = max(f.sent, c.at)
	s.buffer.rate.wrote(n, now, f.unsent() || f.next != nil)
	if !f.unsent() {
		s.wakeWriter()
	}
}

// unsend notes that what a connection took of a fragment does not count any
// more: the connection broke. The mutex is held.
func (s *Stream) unsend(f *fragment) {
	f.sent, f.on = 0, nil
	s.unsends++
}
