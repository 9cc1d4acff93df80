package consumer

import (
	"context"
	"errors"
	"time"
)

// errQuiet is why the context of a walk was cancelled by its quiet timer.
var errQuiet = errors.New("no fragment has begun for a while")

// A quietTimer runs while a reader waits, connected, for a fragment to begin.
type quietTimer struct {
	after time.Duration
	until time.Time
	timer *time.Timer // nil if there is nothing to time

	waited time.Duration // over connections that have ended since
	since  time.Time     // when start was called
}

func newQuietTimer(u Until, end context.CancelCauseFunc) quietTimer {
	if u.Idle <= 0 {
		return quietTimer{}
	}
	t := time.AfterFunc(u.Idle, func() { end(errQuiet) })
	t.Stop()
	return quietTimer{after: u.Idle, until: u.Time, timer: t}
}

// start goes on with the wait.
func (q *quietTimer) start() {
	if q.timer != nil {
		q.since = time.Now()
		q.timer.Reset(max(time.Until(q.until), q.after-q.waited, 0))
	}
}

// stop ends the wait if a fragment has begun, else interrupts it.
func (q *quietTimer) stop(begun bool) {
	if q.timer == nil {
		return
	}
	q.timer.Stop()
	q.waited += time.Since(q.since)
	if begun {
		q.waited = 0
	}
}
