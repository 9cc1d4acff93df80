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
	glance      = 5 * time.Second  // how often it is looked whether one is overdue
)

// owed returns since when the server owes an acknowledgement, if it does: of a
// fragment that has begun, or of one whose end it knows. The mutex is held.
func (c *connection) owed() (since time.Time, ok bool) {
	if len(c.sent) == 0 {
		return since, false
	}
	f := c.sent[0]
	switch {
	case !f.heard:
		since = f.onAt
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

// patience is how long the stream waits for an acknowledgement that is due.
// Servers acknowledge fragments, so long ones take longer.
func (s *Stream) patience() time.Duration { return max(minPatience, 3*s.span) }

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

func (r *patientReader) tooLong(now time.Time) error {
	if r.stream.config.Ack == AckNothing {
		return nil // nothing is to come
	}
	if quiet := now.Sub(r.heard); quiet > silence {
		return fmt.Errorf("%w: nothing came for %v", os.ErrDeadlineExceeded, quiet.Round(time.Second))
	}
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if since, ok := r.of.owed(); ok && now.Sub(since) > s.patience() {
		return fmt.Errorf("%w: no acknowledgement for %v", os.ErrDeadlineExceeded, now.Sub(since).Round(time.Second))
	}
	return nil
}
