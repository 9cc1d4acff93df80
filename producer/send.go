package producer

import (
	"context"
	"errors"
	"io"
	"time"
)

const maxBatch = 256 << 10 // bytes that one write takes

// An ending is why nothing more is sent over a connection.
type ending uint8

const (
	goesOn     ending = iota
	broken            // the response has ended, or the stream
	gaveUp            // a fragment was given up when some of it was sent: the server must not take that for all
	complete          // what comes next has to go over another call, or nothing comes
	superseded        // another connection stands ready
	yielded           // it is the turn of what is older, in the midst of a fragment
)

// A brokenError is why a call ended that had been accepted.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }

func (e *brokenError) Unwrap() error { return e.err }

var errUnused = errors.New("server ended the call before anything was sent")

// carry sends over c, and over those that follow it without a break, to the end.
func (l *lane) carry(ctx context.Context, c *connection) error {
	for {
		next, err := l.carryOne(ctx, c)
		if next == nil {
			return err
		}
		c = next
		l.stream.accepted(c, l.again())
	}
}

// carryOne sends over c to its end. It returns the connection that goes on, if
// there is one.
func (l *lane) carryOne(ctx context.Context, c *connection) (*connection, error) {
	s := l.stream
	stop := context.AfterFunc(ctx, func() { _ = c.conn.Close() }) // ends reads and writes
	defer stop()
	why, err := l.send(ctx, c)
	if err == nil && (why == complete || why == superseded) {
		err = c.end(s)
	}
	if why == yielded {
		_ = s.finish(c, nil) // it was broken off here
		return nil, nil
	}
	err = s.finish(c, err)
	if err == nil && why == broken && c.count == 0 {
		err = errUnused // or it would be made again at once, and again
	}
	if why == broken && l.replaced(c, err) {
		why, err = superseded, nil
	}
	if err = l.concluded(c, err); err != nil {
		return nil, err
	}
	if why != superseded {
		return nil, nil
	}
	return l.takeFresh(c.header), nil
}

// concluded is the error of a connection that ended with err.
func (l *lane) concluded(c *connection, err error) error {
	s := l.stream
	if c.progress { // nobody else uses c any more
		l.backoff.Reset()
	}
	if err == nil || s.Err() != nil {
		return nil
	}
	if !answered(err) && !errors.Is(err, errGone) {
		c.visit.broke()
	}
	return &brokenError{err}
}

// send writes what there is until nothing more is to go over c.
func (l *lane) send(ctx context.Context, c *connection) (ending, error) {
	s := l.stream
	defer c.from.close()
	for {
		n, why := l.nextBatch(c)
		if why == gaveUp {
			return why, errGone
		}
		if why != goesOn {
			return why, nil
		}
		more, err := s.readBatch(ctx, c, l.portion())
		n += more
		if err == nil {
			err = c.write(s, n)
		}
		s.wrote(c, n, err)
		if err != nil {
			return broken, err
		}
		clear(c.batch) // what was written may be let go
	}
}

// write sends the batch, which has n bytes.
func (c *connection) write(s *Stream, n int) error {
	pieces, m := c.batch, n
	if c.stamp != nil {
		s.mu.Lock()
		f, p, at := c.at, c.at.place(), c.from.at-int64(n)
		s.mu.Unlock()
		pieces, m = c.stamp.mark(f, p, c.batch, at)
	}
	if !c.begun {
		c.begun = true
		if err := c.out.write([][]byte{c.header.bytes}, len(c.header.bytes)); err != nil {
			return err
		}
	}
	if m == 0 {
		return nil
	}
	return c.out.write(pieces, m)
}

// readBatch adds to the batch what is on the disk alone.
func (s *Stream) readBatch(ctx context.Context, c *connection, limit int) (int, error) {
	if !c.spooled {
		return 0, nil
	}
	if c.buf == nil {
		c.buf = make([]byte, maxBatch/4)
	}
	n, err := s.readSpooled(ctx, c.at, &c.from, c.buf[:min(limit, len(c.buf))])
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if n > 0 {
		c.batch = append(c.batch, c.buf[:n])
	}
	return n, err
}

// wrote notes that a batch was written, or could not be.
func (s *Stream) wrote(c *connection, n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, now := c.at, time.Now()
	if err == nil {
		c.wrote, c.took = now, now.Sub(c.taken)
		s.stats.Sent += int64(n)
		s.sentTo(f, c.from, int64(n), now)
		if !c.oldest.IsZero() {
			s.latency.wire.add(now.Sub(c.oldest))
		}
	}
	s.unpin(f)
}

// nextBatch waits for something to send and makes a batch of it, which has n
// bytes of the fragment's. The header goes before the first.
func (l *lane) nextBatch(c *connection) (n int, why ending) {
	s := l.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		now := time.Now()
		switch f := c.at; {
		case c.over, s.err != nil:
			return 0, broken
		case f != nil && f.settled && c.from.at > 0 && c.from.at < f.size:
			return 0, gaveUp
		case l.yields(c, now):
			l.alarm(yieldAfter)
		case f != nil && !f.settled && (f.rest(c.from) || !f.open() && c.stamp.owes(f)):
			return l.take(c, f), goesOn
		case f != nil && !f.settled && f.open():
			if s.alternates() && s.waiting > 0 && s.hasOlder() { // no more of it comes before there is room
				l.older = true
				return 0, yielded
			}
		default:
			s.sentWhole(c, now)
			next, wait := l.next(c, now)
			if why := l.boundary(c, next, now); why != goesOn {
				return 0, why
			}
			if next != nil {
				s.board(c, next, now)
				continue
			}
			l.alarm(wait)
		}
		s.changed.Wait()
	}
}

// boundary says between two fragments what becomes of the connection. next is nil
// if there is nothing to send now.
func (l *lane) boundary(c *connection, next *fragment, now time.Time) ending {
	s := l.stream
	l.renewWhenOld(c, now)
	switch {
	case l.freshReady(c):
		return superseded
	case next != nil && !c.suits(next):
		return complete
	case next == nil && (s.closing || l.fills || l.older && s.alternates() || s.before(c.at)):
		return complete // which also tells the server where the last one ends
	case l.turnOver(c, now):
		return complete
	case next != nil && c.count > 0 && next.ordinal <= s.careful:
		return complete // it goes alone
	case c.count > 0 && c.at.ordinal <= s.careful:
		return complete
	case next == nil && l.idle(c, now):
		return complete
	}
	return goesOn
}

// before reports whether a fragment is of a process before this one: it may be
// that nothing behind it says where it ends.
func (s *Stream) before(f *fragment) bool {
	return f != nil && f.identity.Session != s.buffer.session
}

// suits reports whether a fragment may go over c.
func (c *connection) suits(f *fragment) bool {
	return f.header == c.header && !f.lacking && (c.at == nil || f.ordinal > c.at.ordinal)
}

// idle reports whether nothing has been written for so long that the call is to
// end, and has the lane woken when that may be.
func (l *lane) idle(c *connection, now time.Time) bool {
	s := l.stream
	limit := s.config.Fragment.idle()
	if limit <= 0 {
		return false
	}
	since := s.fed
	if c.began.After(since) {
		since = c.began
	}
	left := since.Add(limit).Sub(now)
	l.alarm(max(left, 0))
	return left <= 0
}

// board has a connection begin with a fragment.
func (s *Stream) board(c *connection, f *fragment, now time.Time) {
	c.from.close()
	c.endsNow(now)
	c.at, c.from = f, cursor{}
	c.sent = append(c.sent, f)
	c.count++
	f.on, f.onAt, f.started = c, now, true
	f.goneAt, f.heard, f.passed = time.Time{}, 0, time.Time{}
}

// take makes a batch of what lies behind the cursor.
func (l *lane) take(c *connection, f *fragment) (n int) {
	s := l.stream
	s.pin(f)
	// What is behind the cursor alone is read, and not the whole for its digest.
	c.spooled, c.oldest, c.taken = f.body == nil && (f.rest(c.from) || c.from.back != nil), time.Time{}, time.Now()
	c.batch, n = f.take(&c.from, c.batch[:0], l.portion())
	if f.next == nil && !f.rest(c.from) {
		c.oldest, s.latency.unsent = s.latency.unsent, time.Time{}
	}
	return n
}

// sentWhole notes that all of the fragment at hand was sent.
func (s *Stream) sentWhole(c *connection, now time.Time) {
	f := c.at
	if f == nil || f.settled || !f.goneAt.IsZero() {
		return
	}
	f.goneAt = now
	if s.config.Ack == AckNothing {
		s.release(c, f, received, 0)
	}
}
