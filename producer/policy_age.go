package producer

import "time"

// An ageing has media given up when they are older than MaxAge although nobody
// writes, sends or asks. Its timer runs only while something is kept that may
// grow too old. The stream's mutex guards it; what the timer starts takes that,
// and does nothing once over is set.
type ageing struct {
	timer *time.Timer
	armed bool
	over  bool
}

// expire gives up what is older than MaxAge, but for what a connection is in the
// midst of, and sees to it that it is called again in time. The mutex is held.
func (s *Stream) expire(now time.Time) {
	if s.config.Buffer.MaxAge <= 0 {
		return
	}
	d := Dropped{Reason: DropAge}
	for f := s.queue.first; f != nil && !f.open() && now.Sub(f.ended) >= s.config.Buffer.MaxAge; {
		next := f.next
		if !s.inHand(f, now) {
			s.giveUp(f, &d)
		}
		f = next
	}
	s.dropped(d)
	s.awaitAge(now)
}

// ageAgain is when to look again at what is too old but in hand.
const ageAgain = time.Second

// awaitAge sets the timer for the oldest fragment that has ended.
func (s *Stream) awaitAge(now time.Time) {
	a, f := &s.queue.ageing, s.queue.first
	if s.config.Buffer.MaxAge <= 0 || a.armed || a.over || f == nil || f.open() {
		return
	}
	wait := f.ended.Add(s.config.Buffer.MaxAge).Sub(now)
	if wait <= 0 {
		wait = ageAgain
	}
	a.armed = true
	if a.timer != nil {
		a.timer.Reset(wait)
		return
	}
	a.timer = time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if a.armed = false; !a.over {
			s.expire(time.Now())
		}
	})
}

// stopAgeing stops the timer for good. The mutex is held.
func (s *Stream) stopAgeing() {
	a := &s.queue.ageing
	a.over = true
	if a.timer != nil {
		a.timer.Stop()
	}
}
