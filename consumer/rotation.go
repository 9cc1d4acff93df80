package consumer

import (
	"context"
	"time"

	"github.com/millrace/millrace"
)

// rotateAgain is the wait after a successor that could not be made.
const rotateAgain = time.Minute

// A successor is a connection that is made while the one before it still brings
// media. It starts behind a fragment that was seen to its end, so whichever of
// the two the next fragment comes from, it comes once.
type successor struct {
	done  chan struct{} // closed when the fields below are final
	end   context.CancelFunc
	start millrace.StartSelector
	body  *response
	at    time.Time
	err   error
}

// renew is called between two fragments, of which last was seen to its end. When
// it is time it makes a successor in the background, and puts it in the place of
// the connection once it is there. It reports whether it did that.
func (l *line) renew(ctx context.Context, last millrace.FragmentNumber) bool {
	switch {
	case l.body == nil || last.IsZero():
		return false
	case l.successor == nil:
		if time.Since(l.since) >= l.rotate {
			l.successor = l.makeSuccessor(ctx, last)
		}
		return false
	}
	select {
	case <-l.successor.done:
	default:
		return false
	}
	if !l.succeed() {
		l.since = time.Now().Add(rotateAgain - l.rotate)
		return false
	}
	return true
}

// succeed puts a successor that is done in the place of the connection, and
// reports false if there was none to be had.
func (l *line) succeed() bool {
	s := l.successor
	l.successor = nil
	if s.err != nil {
		s.end()
		return false
	}
	l.hangUp()
	s.body.release = s.end
	l.take(s.body, s.at, Connection{Start: s.start, Planned: true})
	return true
}

// adopt waits for a successor that is being made, when the connection before it
// has broken, and reports whether it is the line's now.
func (l *line) adopt(ctx context.Context) bool {
	if l.successor == nil {
		return false
	}
	select {
	case <-l.successor.done:
		return l.succeed()
	case <-ctx.Done():
		return false
	}
}

func (l *line) makeSuccessor(ctx context.Context, last millrace.FragmentNumber) *successor {
	ctx, end := context.WithCancel(ctx)
	s := &successor{
		done: make(chan struct{}), end: end,
		start: millrace.StartSelector{Type: millrace.StartFragmentNumber, Number: last},
	}
	go func() {
		defer close(s.done)
		s.body, s.at, s.err = l.dial(ctx, s.start)
	}()
	return s
}

// dropSuccessor gives up a connection that is being made, and waits for that.
func (l *line) dropSuccessor() {
	if l.successor == nil {
		return
	}
	s := l.successor
	l.successor = nil
	s.end()
	<-s.done
	if s.body != nil {
		_ = s.body.Close() // nothing was read
	}
}
