package producer

import (
	"time"

	"github.com/millrace/millrace"
)

// Receipt is what became of a stream's media.
type Receipt struct {
	Persisted int       // fragments that are durable
	Unsent    int       // fragments that are not known to be durable
	From, To  time.Time // the media of those unsent; zero if there are none
	Spooled   bool      // all those unsent are in the spool, and the next start goes on with them
}

// Receipt says what became of everything so far. It is complete once Close or
// Abort has returned.
func (s *Stream) Receipt() Receipt {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Receipt{Persisted: s.stats.Persisted, Unsent: s.queue.count, Spooled: s.queue.count > 0}
	for f := s.queue.first; f != nil; f = f.next {
		if from := s.mediaTime(f.first); r.From.IsZero() || from.Before(r.From) {
			r.From = from
		}
		if to := s.mediaTime(f.last); to.After(r.To) {
			r.To = to
		}
		r.Spooled = r.Spooled && f.spool == spooled
	}
	return r
}

// Producer names whoever sends: the spool's directory where there is one, else
// this process's Client.
func (s *Stream) Producer() millrace.ProducerID {
	if s.spooling.disk != nil {
		return s.spooling.disk.Producer()
	}
	return s.buffer.producer
}
