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

// maxRejected is how many fragments in a row a server may refuse before the
// upload ends: it is not the fragments' fault then.
const maxRejected = 10

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
	s.changed.Broadcast()
}

// readAcksUntil returns nil if the response ended in good order.
func (s *Stream) readAcksUntil(c *connection, acks *wire.AckDecoder) error {
	for {
		if err := c.conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return fmt.Errorf("read acknowledgements: %w", err)
		}
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
		s.acknowledge(c, &told)
		if s.config.Events.Ack != nil {
			s.config.Events.Ack(told)
		}
	}
}

// acknowledge applies an acknowledgement that came over c.
func (s *Stream) acknowledge(c *connection, a *Ack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := c.find(a.Ack)
	if f != nil {
		a.Size = f.size
		if !f.open() {
			a.AfterEnd = time.Since(f.ended)
		}
	}
	switch {
	case a.Type == millrace.AckError:
		s.refuse(c, f, a)
	case f != nil && a.Type == s.final:
		s.release(c, f, persisted, 0)
		s.progress, s.rejected = true, 0
	}
}

// find returns the fragment that an acknowledgement is about, or nil. A fault
// that names none is about the one that was sent last.
func (c *connection) find(a millrace.Ack) *fragment {
	if !a.HasTimecode {
		if a.Type == millrace.AckError && len(c.sent) > 0 {
			return c.sent[len(c.sent)-1]
		}
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
	c.sent = slices.DeleteFunc(c.sent, func(g *fragment) bool { return g == f })
	s.changed.Broadcast()
}

// refuse handles an error, which ends the connection. Some faults are the
// fragment's own: it is given up. All others have it sent again.
func (s *Stream) refuse(c *connection, f *fragment, a *Ack) {
	c.fault = &millrace.Error{Code: a.Code, Message: fmt.Sprintf("server refused the media: %s", a.Name)}
	if f == nil || !skips(a.Code) {
		return
	}
	s.release(c, f, rejected, a.Code)
	if s.rejected++; s.rejected >= maxRejected {
		s.fail(fmt.Errorf("%d fragments in a row: %w", s.rejected, c.fault))
	}
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

// ends reports whether a connection that ended with err is the last one.
func ends(err error) bool {
	var refused *millrace.Error
	if !errors.As(err, &refused) {
		return false
	}
	return refused.Code == millrace.CodeStreamDeleted || refused.Code == millrace.CodeStreamNotActive
}

// fail ends the upload with err, unless it has ended already.
func (s *Stream) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.wake()
}
