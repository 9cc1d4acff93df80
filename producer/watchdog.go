package producer

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// How long a server may be silent.
const (
	silence     = 90 * time.Second // without a byte; servers say IDLE before
	minPatience = 15 * time.Second // without an acknowledgement that is due
	maxTardy    = 5 * time.Minute  // that a network or a server is thought to need for one
	glance      = 5 * time.Second  // how often it is looked whether one is overdue
)

// owed returns since when the server owes an acknowledgement, if it does: of a
// fragment that has begun, or of one whose end it knows. Only what is new of a
// fragment that the connection carries counts as one. The mutex is held.
func (c *connection) owed() (since time.Time, ok bool) {
	if len(c.sent) == 0 {
		return since, false
	}
	f := c.sent[0]
	switch {
	case f.heard == 0:
		since = f.onAt
	case !f.passed.IsZero():
		return f.passed, true // the server has forgotten it, whatever else it says
	case f.goneAt.IsZero(), !c.finished && c.at == f && f.clusterEnd == f.size && !f.whole:
		return since, false
	default:
		since = f.goneAt
	}
	if c.heard.After(since) {
		since = c.heard
	}
	return since, true
}

// endsNow notes that the server learns only now that the fragment at hand has
// ended, if nothing behind it has told before. The mutex is held.
func (c *connection) endsNow(now time.Time) {
	if f := c.at; f != nil && !f.goneAt.IsZero() && f.clusterEnd == f.size && !f.whole {
		f.goneAt = now
	}
}

// patience is how long the stream waits for an acknowledgement that is due.
// Servers acknowledge fragments, so long ones take longer; and so do slow servers
// and what stands in the buffers of a slow network, which is learned from those
// that come, and from calls that were given up too early. The mutex is held.
func (s *Stream) patience() time.Duration {
	return max(minPatience, 3*s.span, 2*s.tardy, s.grace)
}

// tookFor notes how long an acknowledgement took that was due since a time. The
// mutex is held.
func (s *Stream) tookFor(now, since time.Time) {
	s.tardy = min(max(now.Sub(since), s.tardy-s.tardy/8), maxTardy)
}

// A patientReader reads a response, and gives up when nothing comes for too long,
// or nothing that was due. It is for one goroutine, and stands below whatever
// reads ahead, so that no byte is lost when it looks up.
type patientReader struct {
	conn   net.Conn
	stream *Stream
	of     *connection // nil until the call was accepted: then deadlines are left alone
	heard  time.Time
}

// Read reads from the connection.
func (r *patientReader) Read(p []byte) (int, error) {
	if r.of == nil {
		return r.conn.Read(p)
	}
	for {
		now := time.Now()
		if err := r.tooLong(now); err != nil {
			return 0, err
		}
		if err := r.conn.SetReadDeadline(now.Add(glance)); err != nil {
			return 0, err
		}
		n, err := r.conn.Read(p)
		if n > 0 {
			r.heard = time.Now()
			return n, nil // an error comes again
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
	}
}

// tooLong is the error of waiting any longer. A server that takes media has not
// gone, though it may have nothing to say; one that was asked to say nothing is
// known to have gone when it takes no more.
func (r *patientReader) tooLong(now time.Time) error {
	s := r.stream
	if s.config.Ack == AckNothing {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.of.fault != nil && now.Sub(r.of.failed) > endPatience {
		return r.of.fault // the server should have ended the response
	}
	if quiet := min(now.Sub(r.heard), r.of.out.stuck()); quiet > max(silence, s.patience()) {
		s.grace = min(2*quiet, maxTardy)
		return fmt.Errorf("%w: nothing came for %v", os.ErrDeadlineExceeded, quiet.Round(time.Second))
	}
	if since, ok := r.of.owed(); ok && now.Sub(since) > s.patience() {
		s.grace = min(2*s.patience(), maxTardy)
		return fmt.Errorf("%w: no acknowledgement for %v", os.ErrDeadlineExceeded, now.Sub(since).Round(time.Second))
	}
	return nil
}
