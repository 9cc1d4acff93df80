package spool

import "time"

// A spoolClock is the wall clock as it was when the spool was opened, and the
// time that went by since: a step of the clock makes nothing old.
type spoolClock struct {
	now    func() time.Time
	opened time.Time
}

func (c spoolClock) nano() int64 {
	return c.opened.UnixNano() + int64(c.now().Sub(c.opened))
}
