package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

const (
	headTimeout = 15 * time.Second // for the head of the response
	maxRefusals = 2                // of one call: one for the time, one for the credentials
	endPatience = 2 * time.Second  // for the end of a response that owes nothing
)

// A connection is one PutMedia call. Fragments of one header go over it, each
// younger than the one before.
type connection struct {
	conn     net.Conn
	endpoint string
	visit    *visit // that made it
	header   *header
	out      *chunkWriter
	body     io.Reader     // of the response
	known    bool          // the server keeps fragments of this producer once
	stamp    *stamp        // nil unless it does
	buf      []byte        // for what is read from the disk; nil before it was needed
	batch    [][]byte      // memory for what is written at once
	began    time.Time     // when the server accepted it
	old      time.Time     // when another one is to follow; zero before that was drawn
	done     chan struct{} // closed when the response has ended

	// The sender's alone.
	begun   bool          // the header was sent
	spooled bool          // at is to be read from the disk
	oldest  time.Time     // when the oldest frame was written of a batch that has all there is
	taken   time.Time     // when the batch was
	took    time.Duration // how long the last batch took to be written

	// Guarded by the stream's mutex.
	sent     []*fragment // not settled yet, in the order of sending
	at       *fragment   // the one that is being sent, or the last one that was; nil at first
	from     cursor      // what of it was not sent
	count    int         // fragments that it has carried
	wrote    time.Time   // when something was written last
	heard    time.Time   // when an acknowledgement came that told something new of what it carries
	finished bool        // the body was ended
	progress bool        // something became final over it
	over     bool        // the response has ended
	fault    error       // why; nil if in good order
	failed   time.Time   // when an error came
}

// call makes a connection whose body begins with h. It returns when the server
// has accepted the call. It waits for the host's turn before.
func (s *Stream) call(ctx context.Context, h *header) (*connection, error) {
	endpoint, err := s.dataEndpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("find endpoint: %w", err)
	}
	target, err := url.Parse(endpoint + "/putMedia")
	if err != nil {
		return nil, fmt.Errorf("read endpoint: %w", err)
	}
	host := client.HostOf(endpoint)
	v, err := s.hosts.of(host).enter(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.callAt(ctx, target, h)
	v.done(err)
	if err != nil {
		if answered(err) || host != s.client.Host() { // a host that is down has not moved
			s.client.EndpointFailed(s.name, client.PutMedia, err)
		}
		return nil, fmt.Errorf("put media: %w", err)
	}
	c.endpoint, c.visit = endpoint, v
	return c, nil
}

// dataEndpoint is where media of the stream go. The server is asked if that is
// not known, when it is the stream's turn.
func (s *Stream) dataEndpoint(ctx context.Context) (endpoint string, err error) {
	return s.client.DataEndpoint(ctx, s.name, client.PutMedia)
}

// callAt makes the call, and once more after each of two refusals that another
// time or other credentials may mend.
func (s *Stream) callAt(ctx context.Context, target *url.URL, h *header) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, headTimeout)
	defer cancel()
	for refusals := 0; ; refusals++ {
		req, err := s.request(ctx, target, h)
		if err != nil {
			return nil, err
		}
		c, err := s.try(ctx, req)
		if err == nil {
			s.client.Accepted(req)
			c.header = h
			return c, nil
		}
		if refusals == maxRefusals || !s.client.Refused(ctx, req, err) {
			return nil, err
		}
	}
}

func (s *Stream) try(ctx context.Context, req *http.Request) (*connection, error) {
	conn, err := s.dial(ctx, req.URL)
	if err != nil {
		return nil, cause(ctx, err)
	}
	r := &patientReader{conn: conn, stream: s}
	resp, err := exchangeHeads(ctx, conn, r, req)
	if err != nil {
		_ = conn.Close() // the other error is the one that counts
		return nil, err
	}
	now := time.Now()
	c := &connection{
		conn: conn, out: newChunkWriter(conn), body: resp.Body, began: now, wrote: now,
		known: resp.Header.Get(wire.HeaderProducer) == s.Producer().String(),
		done:  make(chan struct{}),
	}
	if c.known {
		c.stamp = newStamp()
	}
	r.of, r.heard = c, now
	return c, nil
}

// request makes the signed request. Its body is sent by hand.
func (s *Stream) request(ctx context.Context, target *url.URL, h *header) (*http.Request, error) {
	req := (&http.Request{Method: http.MethodPost, URL: target, Header: http.Header{}}).WithContext(ctx)
	req.Header.Set("User-Agent", client.UserAgent)
	params := wire.PutMediaHeaders{
		Name: s.name, Timecode: wire.TimecodeAbsolute, Start: time.Now(),
		NoAcks: s.config.Ack == AckNothing, Producer: s.Producer(),
	}
	if h.relative {
		params.Timecode, params.Start = wire.TimecodeRelative, h.start
	}
	params.Set(req.Header)
	if err := s.client.Sign(ctx, req, wire.UnsignedPayload); err != nil {
		return nil, err
	}
	return req, nil
}

// cause prefers the reason for which ctx ended to the error that this made.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// end ends the body, if the connection is still good, and waits for the response
// to end; not for long, once everything that was sent is settled.
func (c *connection) end(s *Stream) error {
	s.mu.Lock()
	over := c.over || s.err != nil
	c.finished = true
	c.endsNow(time.Now())
	s.mu.Unlock()
	if over {
		return nil
	}
	if err := c.out.finish(); err != nil {
		return err
	}
	look := time.NewTimer(endPatience)
	defer look.Stop()
	for {
		select {
		case <-c.done:
			return nil
		case <-look.C:
			if s.owesNothing(c) {
				return nil
			}
			look.Reset(endPatience)
		}
	}
}

func (s *Stream) owesNothing(c *connection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(c.sent) == 0
}
