package clock

import (
	"slices"
	"time"
)

// A leap is a step that was followed and is too large to be believed at once. Fragments from
// before it are older by its size than they are in truth, if it was wrong.
type leap struct {
	at     time.Duration // boot time
	size   time.Duration
	agreed time.Duration // how long the wall clock was seen to agree with it
}

// leap keeps a step from making anything expire. mu is held.
func (c *Clock) leap(size time.Duration) {
	c.leaps = append(c.leaps, leap{at: c.at, size: size})
	c.note(Quarantined)
}

// settle lets each leap count once the wall clock has agreed with it for
// quarantine, which it may have done on many short days. A wall clock that
// contradicts them starts this anew.
func (c *Clock) settle(seen time.Duration) {
	switch {
	case c.diff < -leapSize:
		for i := range c.leaps {
			c.leaps[i].agreed = 0
		}
	case c.diff <= leapSize:
		for i := range c.leaps {
			c.leaps[i].agreed += seen
		}
		c.trustUntil(func(l leap) bool { return l.agreed >= quarantine })
	}
}

// trustUntil lets the oldest leaps count, as long as they are so. An older one
// has been agreed with for at least as long as a newer one.
func (c *Clock) trustUntil(so func(leap) bool) {
	n := 0
	for n < len(c.leaps) && so(c.leaps[n]) {
		n++
	}
	if c.leaps = slices.Delete(c.leaps, 0, n); n > 0 && len(c.leaps) == 0 {
		c.note(Trusted)
	}
}

// trust lets all leaps count. mu is held.
func (c *Clock) trust() { c.trustUntil(func(leap) bool { return true }) }

// shorten takes a delay of the server's time off the leaps, the newest first:
// what the time had leapt too far is given back so, and what expires, expires
// as before.
func (c *Clock) shorten(by time.Duration) {
	for n := len(c.leaps); n > 0 && by > 0; n-- {
		l := &c.leaps[n-1]
		part := min(by, l.size)
		l.size, by = l.size-part, by-part
		if l.size == 0 {
			c.leaps = c.leaps[:n-1]
		}
	}
}

// expiry is the server's time without the leaps that do not count yet. It never
// decreases. mu is held.
func (c *Clock) expiry() time.Time {
	t := c.server
	for _, l := range c.leaps {
		t = t.Add(-l.size)
	}
	return t
}

// Since is the server time before which fragments are expired that are kept for
// retention. It never decreases for one retention.
//
// A leap that does not count yet is no reason for anything from before it to
// expire, nor for anything from behind it to be kept for longer: once retention
// has passed since the leap, all from before it has had its time, and only what
// came later is left to be judged, in whose times the leap is contained.
func (c *Clock) Since(retention time.Duration) time.Time {
	c.mu.Lock()
	c.read()
	t := c.server.Add(-retention)
	for _, l := range c.leaps {
		if c.at-l.at < retention {
			t = t.Add(-l.size)
		}
	}
	c.unlock()
	return t
}
