package producertest

import (
	"errors"
	"os"
	"time"

	"github.com/millrace/millrace"
)

const (
	idleEvery  = 5 * time.Second // between IDLE acknowledgements
	readsEvery = 50 * time.Millisecond
)

// end has the call end with an ERROR of no fragment.
func (c *call) end(code millrace.Code) { c.interrupt(&verdict{do: Fail, code: code}) }

// interrupt has the call end. The first verdict counts.
func (c *call) interrupt(v *verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = v
	}
	_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // wakes the reader; fails only where there is none
}

// read reads from the connection as the step says. It returns a verdict when the
// call is to end.
func (c *call) read(p []byte) (int, error) {
	idle := c.server.config.Idle
	if idle == 0 {
		idle = DefaultIdle
	}
	since := time.Now()
	for {
		wait := idleEvery
		if idle > 0 {
			wait = min(wait, idle-time.Since(since))
		}
		if wait <= 0 {
			return 0, &verdict{do: Finish}
		}
		if err := c.ready(time.Now().Add(wait)); err != nil {
			return 0, err
		}
		n, err := c.conn.Read(p[:c.portion(len(p))])
		if n > 0 {
			return n, c.slowDown(n)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if c.judged() == nil && (idle < 0 || time.Since(since) < idle) {
			c.send(outgoing{ack: millrace.Ack{Type: millrace.AckIdle}})
		}
	}
}

// ready waits until reading is what the step wants, and sets the deadline of the
// read.
func (c *call) ready(deadline time.Time) error {
	if !c.audible(true) {
		return errOver
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	return c.raw.SetReadDeadline(deadline)
}

func (c *call) judged() *verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// portion is how much is read at a time.
func (c *call) portion(n int) int {
	if c.step.ReadRate <= 0 {
		return n
	}
	return min(n, max(1, int(int64(c.step.ReadRate)*int64(readsEvery)/int64(time.Second))))
}

// slowDown waits for as long as n bytes take.
func (c *call) slowDown(n int) error {
	if c.step.ReadRate > 0 && !c.wait(time.Duration(n)*time.Second/time.Duration(c.step.ReadRate)) {
		return errOver
	}
	return nil
}

// audible waits until the call may read or write, and reports whether it still
// can.
func (c *call) audible(reading bool) bool {
	for {
		c.mu.Lock()
		pause := time.Until(c.quiet)
		if c.silent || reading && c.deaf && c.cause == nil {
			pause = -1
		} else {
			pause = max(pause, 0)
		}
		c.mu.Unlock()
		if pause == 0 {
			return true
		}
		if !c.wait(pause) {
			return false
		}
	}
}
