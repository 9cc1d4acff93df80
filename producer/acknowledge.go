package producer

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// maxDoubts is how often a fragment is sent once more that a server could not
// read: it may have been damaged on its way.
const maxDoubts = 3

// readAcks reads the response of c to its end.
func (s *Stream) readAcks(c *connection) {
	defer close(c.done)
	fault := s.readAcksUntil(c, wire.NewAckDecoder(c.body))
	_ = c.conn.Close() // wakes a writer that the server no longer reads from

	s.mu.Lock()
	defer s.mu.Unlock()
	c.over = true
	if c.fault == nil {
		c.fault = fault
	}
	s.wake()
}

// readAcksUntil returns nil if the response ended in good order.
func (s *Stream) readAcksUntil(c *connection, acks *wire.AckDecoder) error {
	for {
		a, err := acks.Decode()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read acknowledgements: %w", err)
		}
		told := Ack{Ack: a}
		if a.Type == millrace.AckError {
			_, told.Name = acks.Fault()
		}
		s.acknowledge(c, told)
	}
}

// acknowledge applies an acknowledgement that came over c.
func (s *Stream) acknowledge(c *connection, a Ack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	f := c.find(a.Ack)
	if f != nil {
		a.Size = f.size
		if !f.open() {
			a.AfterEnd = now.Sub(f.ended)
		}
		if a.Type == millrace.AckBuffering && f.heard == 0 {
			s.latency.buffering.add(now.Sub(f.onAt))
		}
		if a.Type > f.heard {
			f.heard, c.heard = a.Type, now
			if (a.Type == millrace.AckReceived || a.Type == millrace.AckPersisted) && !f.goneAt.IsZero() {
				s.tookFor(now, f.goneAt)
			}
		}
	}
	switch {
	case a.Type == millrace.AckError && c.fault == nil: // the first one ends the call
		c.failed = now
		s.refuse(c, f, a)
	case f != nil && f.mayBeThere() && (a.Type == s.final || a.Type == millrace.AckPersisted || a.Type == millrace.AckReceived && s.config.Ack != AckDurable):
		s.confirm(c, f, a)
	}
	if told := s.config.Events.Ack; told != nil {
		s.tell(func() { told(a) })
	}
}

// confirm lets a fragment go that is safe.
func (s *Stream) confirm(c *connection, f *fragment, a Ack) {
	s.grace = 0
	if !f.open() {
		s.latency.persisting.add(a.AfterEnd)
	}
	as := persisted
	if a.Type != millrace.AckPersisted {
		as = received
	}
	for _, older := range c.sent {
		if older == f {
			break
		}
		if older.passed.IsZero() {
			older.passed = time.Now()
		}
	}
	s.release(c, f, as, 0)
}

// releaseReceived lets go what was received before it was known that this is all
// that will ever be said of it. The mutex is held.
func (s *Stream) releaseReceived() {
	for f := s.queue.first; f != nil; {
		next := f.next
		if f.on != nil && f.heard == millrace.AckReceived && f.mayBeThere() {
			s.release(f.on, f, received, 0)
		}
		f = next
	}
}

// mayBeThere reports whether a server can have the whole fragment. It cannot as
// long as more of it is to come, whatever it says; one whose size was declared may
// be complete before its writer says so.
func (f *fragment) mayBeThere() bool { return !f.open() || f.whole || f.clusterEnd > 0 }

// find returns the fragment that an acknowledgement is about, or nil.
func (c *connection) find(a millrace.Ack) *fragment {
	if !a.HasTimecode {
		return nil
	}
	i := slices.IndexFunc(c.sent, func(f *fragment) bool { return f.timecode == a.Timecode })
	if i < 0 {
		return nil
	}
	return c.sent[i]
}

// release lets a fragment go.
func (s *Stream) release(c *connection, f *fragment, o outcome, code millrace.Code) {
	s.settle(f, o, code)
	f.on = nil
	c.sent = slices.DeleteFunc(c.sent, func(g *fragment) bool { return g == f })
	c.progress = true
	s.wake()
}

// refuse handles an error, which ends the connection. What it carried is sent
// again, but for a fragment that is surely at fault itself: that is given up.
func (s *Stream) refuse(c *connection, f *fragment, a Ack) {
	c.fault = &millrace.Error{Code: a.Code, Message: fmt.Sprintf("server refused the media: %s", a.Name)}
	switch {
	case !skips(a.Code) || len(c.sent) == 0:
		return
	case f == nil && a.HasTimecode:
		return // it speaks of none that the call carries
	case f == nil && c.count > 1: // any of them, so each goes alone
		s.careful = max(s.careful, c.sent[len(c.sent)-1].ordinal)
		return
	case f == nil:
		f = c.sent[0]
	}
	if a.Code == millrace.CodeTimecodeOrder && c.count > 1 {
		s.careful = max(s.careful, f.ordinal) // the times before it are to blame; another call has none
		return
	}
	if a.Code == millrace.CodeFramesMissing && !f.open() && !f.narrowed {
		f.lacking, f.narrowed = true, true
		return
	}
	if f.doubts++; a.Code == millrace.CodeInvalidMKV && f.doubts <= maxDoubts {
		return
	}
	s.release(c, f, rejected, a.Code)
}

// skips reports whether the code says that the fragment itself is at fault.
func skips(code millrace.Code) bool {
	switch code {
	case millrace.CodeFragmentSize, millrace.CodeFragmentDuration, millrace.CodeTimecodeOrder,
		millrace.CodeInvalidMKV, millrace.CodeProducerTimestamp, millrace.CodeMetadataLimit,
		millrace.CodeTrackNumberMismatch, millrace.CodeFramesMissing, millrace.CodeTooManyTracks:
		return true
	}
	return false
}
