package producer

import (
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer/spool"
)

// An outcome is what became of a fragment.
type outcome uint8

const (
	persisted outcome = iota + 1
	received          // where that is all that is asked for
	rejected          // by the server, for good
)

// spooled is the outcome as the spool knows it.
func (o outcome) spooled() spool.Outcome {
	switch o {
	case persisted:
		return spool.Persisted
	case received:
		return spool.Accepted
	}
	return spool.Rejected
}

// settle takes a fragment out of the queue, counts it, and lets its memory go
// as soon as nobody writes from it. It does nothing for a fragment that is
// settled already. The mutex is held.
func (s *Stream) settle(f *fragment, o outcome, code millrace.Code) {
	if f.settled {
		return
	}
	s.takeOut(f, o.spooled())
	switch o {
	case rejected:
		s.stats.Rejected++
		d := s.lost(f)
		d.Reason, d.Code = DropRejected, code
		s.dropped(d)
		if f == s.open {
			s.reportOmitted()
			s.buffer.omitted = omitted{rest: true, reason: DropRejected, code: code}
		}
	default:
		s.stats.Persisted++
	}
	s.checkPressure(time.Now())
}

// takeOut removes a fragment from the queue and lets its memory go.
func (s *Stream) takeOut(f *fragment, as spool.Outcome) {
	s.journal(f, as)
	s.queue.remove(f)
	f.settled = true
	s.buffer.free(f)
	s.releaseIdle()
	s.wake()
}

// giveUp drops a fragment that nobody has confirmed, and adds it to a report.
func (s *Stream) giveUp(f *fragment, d *Dropped) {
	s.takeOut(f, spool.Dropped)
	s.stats.Dropped++
	d.join(s.lost(f))
}

// lost is the report of a fragment that is given up.
func (s *Stream) lost(f *fragment) Dropped {
	return Dropped{
		Fragments: 1, Frames: f.frames, Bytes: f.size,
		From: s.mediaTime(f.first), To: s.mediaTime(f.last),
	}
}

// join adds a report to another.
func (d *Dropped) join(o Dropped) {
	if d.From.IsZero() || o.From.Before(d.From) {
		d.From = o.From
	}
	if o.To.After(d.To) {
		d.To = o.To
	}
	d.Fragments += o.Fragments
	d.Frames += o.Frames
	d.Bytes += o.Bytes
}

// measure adds what is kept to the counts.
func (s *Stream) measure(to *Stats) {
	to.Buffered, to.Pending = s.queue.bytes, s.queue.count
	if s.spooling.disk != nil {
		to.Spooled = s.spooling.disk.Stats().Bytes
	}
	if s.queue.count > 0 {
		to.Backlog = max(s.queue.last.last-s.queue.first.first, 0)
	}
}

// unconfirmed reports whether there are fragments that have ended and that are
// to be sent, but are not settled.
func (s *Stream) unconfirmed() bool {
	n := s.queue.count - s.queue.held
	if s.open != nil && !s.open.settled && !s.open.held {
		n--
	}
	return n > 0
}

// closeBuffer lets all memory go when nothing will be sent any more. What is
// pending still counts as that. The mutex is held.
func (s *Stream) closeBuffer() {
	s.stopAgeing()
	s.endLocked()
	for f := s.queue.first; f != nil; f = f.next {
		if f.body != nil {
			s.queue.bytes -= f.size
		}
		s.buffer.free(f)
	}
	s.buffer.letSlab()
	s.buffer.pool.leave(&s.buffer.share)
}

// dropped reports media that were given up, if there are any.
func (s *Stream) dropped(d Dropped) {
	if d.Fragments+d.Frames > 0 {
		s.log.dropped(d)
	}
	if told := s.config.Events.Dropped; told != nil && d.Fragments+d.Frames > 0 {
		s.tell(func() { told(d) })
	}
}

// pressed reports that a backlog passed its bound.
func (s *Stream) pressed(p Pressure) {
	if told := s.config.Events.Pressure; told != nil {
		s.tell(func() { told(p) })
	}
}

// notice reports what is worth knowing.
func (s *Stream) notice(err error) {
	s.log.notice(err)
	if told := s.config.Events.Notice; told != nil {
		s.tell(func() { told(err) })
	}
}

// maxEvents bounds the events that wait for their function.
const maxEvents = 256

// tell queues an event for the goroutine that tells them. The mutex is held.
func (s *Stream) tell(event func()) {
	if len(s.events) >= maxEvents || s.over {
		s.stats.EventsLost++
		return
	}
	s.events = append(s.events, event)
	if !s.telling {
		s.telling = true
		go s.tellEvents()
	}
}

// eventPatience is how long the end of a stream waits for the function of one
// event.
const eventPatience = time.Second

// awaitEvents waits until everything is told, but not for a function that takes
// longer than eventPatience: it may never return, or wait for the stream's end
// itself.
func (s *Stream) awaitEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.telling {
		told, stuck := s.told, false
		t := time.AfterFunc(eventPatience, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			stuck = true
			s.changed.Broadcast()
		})
		for s.telling && s.told == told && !stuck {
			s.changed.Wait()
		}
		t.Stop()
		if stuck {
			return
		}
	}
}

// tellEvents calls what tell queued, until nothing is left. awaitEvents waits for
// it.
func (s *Stream) tellEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.events) > 0 {
		event := s.events[0]
		s.events = s.events[1:]
		s.mu.Unlock()
		event()
		s.mu.Lock()
		if s.told++; s.over {
			s.changed.Broadcast()
		}
	}
	s.telling = false
	s.changed.Broadcast()
}
