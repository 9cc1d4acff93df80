package producer

import (
	"context"
	"sync"
	"time"
)

// A watch wakes a packager when frames were held for long enough, and when none
// came for so long that the fragment ends. It has one timer, which is set again
// only when it fires or when something is due earlier: frames that come all the
// time cost nothing. Who has the packager's turn may use it; running counts what
// the timer started, and is waited for when the packager is shut.
type watch struct {
	timer   *time.Timer
	armed   bool
	at      time.Time // when it fires
	last    time.Time // when a frame was written
	running sync.WaitGroup
}

// note notes that a frame was written.
func (w *watch) note(p *packager, now time.Time) {
	w.last = now
	if w.armed && p.held == 0 {
		return // what it is set for comes early enough
	}
	w.set(p, now)
}

// set sets the timer for what is due next.
func (w *watch) set(p *packager, now time.Time) {
	due := p.deadline()
	if p.rules.idle > 0 && (p.open.going || p.held > 0) {
		if idle := w.last.Add(p.rules.idle); due.IsZero() || idle.Before(due) {
			due = idle
		}
	}
	if due.IsZero() || w.armed && !due.Before(w.at) || !w.disarm() {
		return
	}
	w.armed, w.at = true, due
	w.running.Add(1)
	if w.timer == nil {
		w.timer = time.AfterFunc(due.Sub(now), func() { w.fire(p) })
		return
	}
	w.timer.Reset(due.Sub(now))
}

// disarm stops the timer. It returns false if it has fired; it is set again
// then by what that started.
func (w *watch) disarm() bool {
	if !w.armed {
		return true
	}
	if !w.timer.Stop() {
		return false
	}
	w.armed = false
	w.running.Done()
	return true
}

// fire does what is due. Nobody is told of errors: what is held stays held, and
// whoever writes next finds the same.
func (w *watch) fire(p *packager) {
	defer w.running.Done()
	p.turn <- struct{}{}
	defer p.leave()
	w.armed = false
	if p.over {
		return
	}
	ctx := context.Background() // the end of the stream ends all that may wait here
	now := time.Now()
	_ = p.drain(ctx, now, patient)
	if p.rules.idle > 0 && now.Sub(w.last) >= p.rules.idle {
		_ = p.finish(ctx, true)
	}
	if p.held == 0 || p.deadline().After(now) {
		w.set(p, now)
	}
}

// stop ends it: nothing fires any more but what has fired already.
func (w *watch) stop() { w.disarm() }
