package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// Bounds of the wait before a new connection, and of what one write takes.
const (
	minReconnect = 200 * time.Millisecond
	maxReconnect = 30 * time.Second
	maxBatch     = 256 << 10 // bytes
)

// live runs the stream, with a goroutine beside that tells events, to its end.
func (s *Stream) live(ctx context.Context) {
	told := make(chan struct{})
	go func() {
		defer close(told)
		s.tellEvents()
	}()
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
	if err != nil {
		s.notice(err)
	}
	s.closeBuffer()
	s.over = true
	s.wake()
	s.mu.Unlock()
	<-told
}

// run makes calls as long as there is something to send.
func (s *Stream) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fail(ErrClosed)
	})
	defer stop()

	backoff := client.Backoff{Min: minReconnect, Max: maxReconnect}
	for !s.isReady() {
		err := s.prepare(ctx)
		if err != nil && !s.pause(ctx, err, backoff.Next()) {
			return
		}
	}
	backoff.Reset()
	for {
		h, again := s.waitForWork()
		if h == nil {
			return
		}
		err := s.runConnection(ctx, h, again)
		if s.tookProgress() {
			backoff.Reset()
		}
		if err != nil && !s.pause(ctx, err, backoff.Next()) {
			return
		}
	}
}

func (s *Stream) isReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

// prepare finds the stream and where to send to.
func (s *Stream) prepare(ctx context.Context) error {
	info, err := ensure(ctx, s.client, s.name, s.config.Create, s.config.Events.Created)
	if err == nil {
		_, err = s.client.DataEndpoint(ctx, s.name, client.PutMedia)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		if !client.Passing(err) {
			s.refusal = err
			s.changed.Broadcast()
		}
		return err
	}
	s.info, s.ready = info, true
	if info.Retention == 0 {
		s.final = millrace.AckReceived
	}
	s.changed.Broadcast()
	return nil
}

// waitForWork returns the header of what is to be sent, and nil when nothing
// ever will be. again is how many fragments were sent before.
func (s *Stream) waitForWork() (h *header, again int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		next := s.nextOrWake(nil)
		switch {
		case s.err != nil:
			return nil, 0
		case next != nil:
			for f := s.queue.first; f != nil; f = f.next {
				if f.started {
					again++
				}
			}
			return next.header, again
		case s.closing && s.queue.idle():
			return nil, 0
		}
		s.changed.Wait()
	}
}

// runConnection sends over one connection until that ends. It returns an error
// if it ended before everything sent over it was acknowledged.
func (s *Stream) runConnection(ctx context.Context, h *header, again int) error {
	c, err := s.call(ctx, h)
	if err != nil {
		s.refused(err)
		return err
	}
	s.accepted(c, again)

	go s.readAcks(c)
	stop := context.AfterFunc(ctx, func() { _ = c.conn.Close() }) // ends reads and writes
	err = s.send(ctx, c)
	stop()
	_ = c.conn.Close() // all that counts has been acknowledged, or will be sent again
	<-c.done

	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range c.sent {
		s.unsend(f)
	}
	if ends(c.fault) {
		s.fail(c.fault)
	}
	switch {
	case c.fault != nil:
		return c.fault
	case len(c.sent) > 0 && err == nil:
		return fmt.Errorf("server ended the call with %d fragments not acknowledged: %w", len(c.sent), io.ErrUnexpectedEOF)
	}
	return err
}

// refused ends the upload if the server will not take it whatever happens: it
// never did, or the stream is gone. An upload that was accepted once is tried
// on, because keys and policies may be put right again.
func (s *Stream) refused(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if client.Passing(err) || s.stats.Connections > 0 && millrace.CodeOf(err) != millrace.CodeNotFound {
		return
	}
	s.fail(err)
}

func (s *Stream) accepted(c *connection, again int) {
	s.mu.Lock()
	s.stats.Connections++
	s.stats.Resent += again
	s.mu.Unlock()
	if s.config.Events.Connected != nil {
		s.config.Events.Connected(c.endpoint, again)
	}
}

// send writes what there is until the connection ends, or until it has to be
// ended because nothing more belongs on it.
func (s *Stream) send(ctx context.Context, c *connection) error {
	defer c.from.close()
	batch := [][]byte{c.header.bytes}
	n := len(c.header.bytes)
	for {
		var more bool
		var err error
		if batch, n, more = s.nextBatch(c, batch, n); !more {
			if c.cut {
				return errGone
			}
			return c.end(s)
		}
		batch, n, err = s.readBatch(ctx, c, batch, n)
		if err == nil && n > 0 {
			err = c.out.write(batch, n)
		}
		s.wrote(c, n)
		if err != nil {
			return err
		}
		clear(batch) // what was written may be let go
		batch, n = batch[:0], 0
	}
}

// readBatch adds to a batch what is on the disk alone.
func (s *Stream) readBatch(ctx context.Context, c *connection, batch [][]byte, n int) ([][]byte, int, error) {
	if !c.spooled {
		return batch, n, nil
	}
	if c.buf == nil {
		c.buf = make([]byte, maxBatch/4)
	}
	more, err := s.readSpooled(ctx, c.at, &c.from, c.buf)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return append(batch, c.buf[:more]), n + more, err
}

// wrote notes that a batch was written.
func (s *Stream) wrote(c *connection, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sentTo(c.at, c.from, int64(n), time.Now())
	s.unpin(c.at)
}

// nextBatch waits for something to send and appends it to batch. It returns
// false if nothing more will be sent over c.
func (s *Stream) nextBatch(c *connection, batch [][]byte, n int) ([][]byte, int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if c.over || s.err != nil {
			return nil, 0, false
		}
		if c.at != nil && c.at.settled && c.from.at > 0 && c.from.at < c.at.size {
			c.cut = true // the server must not take what it has of it for all
			return nil, 0, false
		}
		f := s.nextFragment(c)
		switch {
		case f == nil && s.closing, f != nil && f.header != c.header:
			return nil, 0, false
		case f != nil:
			if f != c.at {
				c.from.close()
				c.at, c.from = f, cursor{}
				c.sent = append(c.sent, f)
				f.started = true
			}
			s.pin(f)
			c.spooled = f.body == nil
			batch, more := f.take(&c.from, batch, maxBatch)
			s.stats.Sent += int64(n + more)
			return batch, n + more, true
		}
		s.changed.Wait()
	}
}

// nextFragment returns the fragment that something is to be sent of over c, and
// nil if all that came was sent.
func (s *Stream) nextFragment(c *connection) *fragment {
	if f := c.at; f != nil && !f.settled {
		if f.rest(c.from) {
			return f
		}
		if f.open() {
			return nil
		}
	}
	return s.nextOrWake(c.at)
}

// nextOrWake is nextDue, and has waiters woken when it is time to ask again.
func (s *Stream) nextOrWake(f *fragment) *fragment {
	next, wait := s.nextDue(f, time.Now())
	if wait > 0 {
		time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.wake()
		})
	}
	return next
}

// end ends the body, if the connection is still good, and waits for the
// response to end.
func (c *connection) end(s *Stream) error {
	s.mu.Lock()
	over := c.over || s.err != nil
	s.mu.Unlock()
	if over {
		return nil
	}
	if err := c.out.finish(); err != nil {
		return err
	}
	<-c.done
	return nil
}

func (s *Stream) tookProgress() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.progress
	s.progress = false
	return p
}

// pause waits before the next connection. It returns false if there will be none.
func (s *Stream) pause(ctx context.Context, err error, wait time.Duration) bool {
	if s.Err() != nil {
		return false
	}
	if s.config.Events.Disconnected != nil {
		s.config.Events.Disconnected(err, wait)
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
