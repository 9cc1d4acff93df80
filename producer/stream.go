package producer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// A Stream sends media to one stream of a server, over one call after the
// other. Clip.Play, CopyMKV and Copy are for one goroutine at a time, and not
// together with Write; the other methods may be called at any time by any.
type Stream struct {
	client *client.Client
	dial   dialFunc
	hosts  *hosts
	name   millrace.StreamName
	config StreamConfig

	packager *packager

	cancel context.CancelFunc // ends run
	done   chan struct{}      // closed when run has ended

	helpers sync.WaitGroup // what run has going on besides itself

	mu       sync.Mutex // guards everything below
	changed  *sync.Cond // broadcast after any change that somebody may wait for
	info     millrace.Stream
	ready    bool             // info and the endpoint are known
	refusal  error            // why the server will not have the stream, as far as is known
	final    millrace.AckType // the acknowledgement that lets a fragment go
	queue    queue
	buffer   buffer
	spooling spooling
	open     *fragment // the one that is being written; nil between fragments
	header   *header   // of the fragments to come
	closing  bool      // Close was called: nothing more will come
	err      error     // what ended the stream
	stats    Stats
	events   []func() // that nobody was told of yet
	over     bool     // nothing will happen any more

	nothing  func()        // ends the waits when nothing is left to send
	known    bool          // where to send to was known from the start, and is good as far as is known
	why      string        // of the state
	telling  bool          // a goroutine tells events
	told     int           // events that it has told
	parallel bool          // the server takes two calls of this stream
	filling  bool          // there is a lane for what is older than the split
	split    uint64        // ordinal of the fragment from which on the first lane sends; 0 is all
	careful  uint64        // fragments up to this ordinal go alone, because one of them may be at fault
	unsends  int           // times that a call ended without that what it carried was settled
	waiting  int           // writers that wait for room
	span     time.Duration // media time of long fragments, lately
	tardy    time.Duration // that acknowledgements took, lately
	grace    time.Duration // that the next may take, after one that was not waited for; 0 is no more than usual
	fed      time.Time     // when a frame was added last
	latency  latencies
	log      streamLog
}

// Open begins to send to a stream. It does local work only: what the server
// says is told by Ready and by events. ctx is not kept. An error is about the
// settings of the client or of the stream.
func (c *Client) Open(ctx context.Context, name millrace.StreamName, o StreamConfig) (*Stream, error) {
	if _, err := millrace.ParseStreamName(string(name)); err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	conn, err := c.connect()
	if err != nil {
		return nil, err
	}
	if o.Buffer.MaxBytes <= 0 {
		o.Buffer.MaxBytes = DefaultBuffer
	}
	s := &Stream{
		client: conn, dial: dialWith(c.Dial, conn.TLS()), hosts: &c.hosts, name: name, config: o,
		info:  millrace.Stream{Name: name},
		final: millrace.AckPersisted,
		done:  make(chan struct{}),
	}
	if c.Logger != nil {
		s.log.to = c.Logger.With("stream", name)
	}
	s.changed = sync.NewCond(&s.mu)
	if s.packager, err = newPackager(s, o.Tracks); err != nil {
		return nil, fmt.Errorf("open stream %s: %w", name, err)
	}
	if err := s.newBuffer(c); err != nil {
		return nil, err
	}
	s.mu.Lock()
	for _, n := range unplayable(s.packager.declared()) {
		s.notice(n)
	}
	s.mu.Unlock()
	var running context.Context
	running, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.enlist(s)
	go func() {
		defer close(s.done)
		defer c.delist(s)
		s.live(running)
	}()
	return s, nil
}

// Ready waits until the stream exists and it is known where to send to. If the
// server refuses that, Ready returns why, a *millrace.Error; the stream goes on
// trying all the same.
func (s *Stream) Ready(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.waitWhile(ctx, func() bool { return !s.ready && s.refusal == nil }); err != nil {
		return err
	}
	if !s.ready {
		return fmt.Errorf("open stream %s: %w", s.name, s.refusal)
	}
	return nil
}

// Name is the stream's name.
func (s *Stream) Name() millrace.StreamName { return s.name }

// Info returns what the server said about the stream. Until Ready that is the
// name alone.
func (s *Stream) Info() millrace.Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

// waitWhile waits, with the mutex held, until the condition does not hold. It
// returns early with the error of ctx or of the upload.
func (s *Stream) waitWhile(ctx context.Context, condition func() bool) error {
	if err := s.state(ctx); err != nil || !condition() {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	defer stop()
	for {
		s.changed.Wait()
		if err := s.state(ctx); err != nil || !condition() {
			return err
		}
	}
}

func (s *Stream) state(ctx context.Context) error {
	switch {
	case s.err != nil:
		return s.err
	case s.closing:
		return ErrClosed
	}
	return ctx.Err()
}

// Flush sends what is held for the order of tracks, and waits until everything
// that was ended is durable. The server has to know the end of the last fragment:
// see EndFragment.
func (s *Stream) Flush(ctx context.Context) error {
	if err := s.packager.sendHeld(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waitWhile(ctx, s.unconfirmed)
}

// Close ends the open fragment, sends what is left, waits until everything is
// durable and ends the connection. If ctx ends before that, the error says how
// much is left: it is given up, or stays in the spool for the next Open. What is
// behind a closed gate is withheld, not sent. A second Close returns ErrClosed.
func (s *Stream) Close(ctx context.Context) error {
	_ = s.packager.close(ctx) // what it could not send is found below
	defer s.packager.shut()
	s.mu.Lock()
	s.endLocked()
	if s.closing {
		s.mu.Unlock()
		return ErrClosed
	}
	s.closing = true
	s.discardHeld()
	s.wake()
	s.mu.Unlock()

	select {
	case <-s.done:
		s.cancel()
		s.awaitEvents()
	case <-ctx.Done():
		s.cancel()
		<-s.done
		s.awaitEvents()
		if n := s.Stats().Pending; n > 0 {
			return fmt.Errorf("%d fragments are not known to be durable: %w", n, context.Cause(ctx))
		}
		if errors.Is(s.Err(), ErrClosed) {
			return nil // it was broken off here, with nothing left to send
		}
	}
	return s.Err()
}

// Abort ends the upload at once and gives up what is not durable.
func (s *Stream) Abort() {
	s.mu.Lock()
	s.closing = true
	s.wake()
	s.mu.Unlock()
	s.cancel()
	<-s.done
	s.awaitEvents()
	s.packager.shut()
}

// Stats returns the counts of now.
func (s *Stream) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	s.measure(&stats)
	stats.Latency = s.latency.measure()
	stats.Frames, stats.Refused = s.packager.frames.Load(), s.packager.refused.Load()
	return stats
}

// Err returns what ended the upload, and nil while it goes on.
func (s *Stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
