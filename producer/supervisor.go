package producer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// live runs the stream to its end.
func (s *Stream) live(ctx context.Context) {
	journaled := make(chan struct{})
	over := make(chan struct{})
	go func() {
		defer close(journaled)
		if s.spooling.disk != nil {
			s.keepJournal(over)
		}
	}()
	s.run(ctx)
	close(over)
	<-journaled
	err := s.closeSpool()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.notice(err)
	}
	s.closeBuffer()
	s.setState(Over, nil)
	s.log.flush()
	s.over = true
	s.wake()
}

// run sends what there is until the stream was closed and nothing is left, or
// until ctx ends.
func (s *Stream) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fail(ErrClosed)
	})
	defer stop()
	waits, nothing := context.WithCancel(ctx)
	defer nothing()
	s.mu.Lock()
	s.nothing = nothing
	s.wake()
	s.mu.Unlock()
	learning, learned := context.WithCancel(ctx)
	defer learned()
	if _, pinned := s.client.KnownEndpoint(s.name, client.PutMedia); pinned {
		s.known = true
		s.helpers.Go(func() { s.learn(learning) })
	}
	newLane(s, false, waits).run(ctx)
	learned()
	s.helpers.Wait()
}

// learn finds out what the stream is while media are sent already, because it is
// known where to.
func (s *Stream) learn(ctx context.Context) {
	backoff := newBackoff()
	for {
		err := s.prepare(ctx)
		if err == nil || !s.sleep(ctx, patienceAfter(err, &backoff)) {
			return
		}
	}
}

// fail ends the stream with err, unless it has ended already.
func (s *Stream) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.wake()
}

// prepared reports whether calls may be made.
func (s *Stream) prepared() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready || s.known
}

// prepare finds the stream, or makes it, and where to send to.
func (s *Stream) prepare(ctx context.Context) error {
	info, err := ensure(ctx, s.client, s.name, s.config.Create, s.created)
	if err == nil {
		_, err = s.dataEndpoint(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		err = explained(err)
		if !client.Passing(err) {
			s.refusal = err
			s.changed.Broadcast()
		}
		return err
	}
	s.info, s.ready, s.refusal = info, true, nil
	s.final = millrace.AckPersisted
	if info.Retention == 0 {
		s.final = millrace.AckReceived
		s.releaseReceived()
	}
	s.changed.Broadcast()
	return nil
}

func (s *Stream) created(made millrace.Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if told := s.config.Events.Created; told != nil {
		s.tell(func() { told(made) })
	}
}

// accepted notes that a call began.
func (s *Stream) accepted(c *connection, again int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Connections++
	s.stats.Resent += again
	s.setState(Sending, nil)
	if told := s.config.Events.Connected; told != nil {
		s.tell(func() { told(c.endpoint, again) })
	}
}

// finish ends a connection for good: what it carried and what is not settled may
// go over another one. It returns why the connection ended, nil if in good
// order. sending is the error of the sender.
func (s *Stream) finish(c *connection, sending error) error {
	_ = c.conn.Close() // all that counts has been acknowledged, or will be sent again
	<-c.done
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range c.sent {
		s.unsend(f)
	}
	err := sending
	switch {
	case c.fault != nil:
		err = c.fault
	case len(c.sent) > 0 && err == nil:
		err = fmt.Errorf("server ended the call with %d fragments not acknowledged: %w", len(c.sent), io.ErrUnexpectedEOF)
	}
	c.sent = nil
	if gone := explained(err); errors.Is(gone, ErrStreamNotFound) {
		s.ready, s.known = false, false // it is looked for again, or made
		err = gone
	}
	s.wake()
	return err
}
