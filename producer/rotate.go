package producer

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/millrace/millrace"
)

// A call is followed by another before servers end it, which AWS does after 45
// minutes.
const (
	rotateAfter  = 38 * time.Minute
	rotateSpread = 4 * time.Minute // by chance, so that many do not come at once
	rotateRetry  = 30 * time.Second
)

// renewWhenOld has a connection made that follows c, when c is old. c goes on
// meanwhile. The mutex is held.
func (l *lane) renewWhenOld(c *connection, now time.Time) {
	if c.old.IsZero() {
		c.old = c.began.Add(rotateAfter + rand.N(rotateSpread))
	}
	if broken := l.fresh; broken != nil && broken.over {
		l.fresh = nil
		l.stream.helpers.Go(func() { _ = l.stream.finish(broken, nil) }) // it carried nothing
	}
	due := c.old
	if again := l.tried.Add(rotateRetry); again.After(due) {
		due = again
	}
	switch left := due.Sub(now); {
	case l.dialing, l.fresh != nil:
	case left > 0:
		l.alarm(left)
	default:
		l.dialing, l.tried = true, now
		l.stream.helpers.Go(func() { l.renew(l.lasts, c.header) })
	}
}

// renew makes the connection that is to follow.
func (l *lane) renew(ctx context.Context, h *header) {
	s := l.stream
	c, err := s.call(ctx, h)
	if err == nil {
		go s.readAcks(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.dialing = false
	switch {
	case err != nil:
		s.stats.Failures++
	case l.gone:
		s.helpers.Go(func() { _ = s.finish(c, nil) }) // it carried nothing
	default:
		l.fresh = c
	}
	s.wake()
}

// freshReady reports whether a connection stands ready to follow c.
func (l *lane) freshReady(c *connection) bool {
	return l.fresh != nil && !l.fresh.over && l.fresh.header == c.header
}

// replaced reports whether c, which ended with err, did so because the server has
// one call of a stream at a time, and has accepted the one that is to follow.
func (l *lane) replaced(c *connection, err error) bool {
	if millrace.CodeOf(err) != millrace.CodeConnectionAge {
		return false
	}
	s := l.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	for l.dialing { // not for long: a call is accepted or given up
		s.changed.Wait()
	}
	return l.freshReady(c)
}

// takeFresh returns the connection that stands ready for a header, if there is
// one. One that is of no use is let go.
func (l *lane) takeFresh(h *header) *connection {
	s := l.stream
	s.mu.Lock()
	c := l.fresh
	l.fresh = nil
	good := c != nil && !c.over && c.header == h
	s.mu.Unlock()
	if c != nil && !good {
		_ = s.finish(c, nil) // it carried nothing
	}
	if !good {
		return nil
	}
	return c
}
