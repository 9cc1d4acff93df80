package clock

import (
	"slices"
	"time"
)

// A Stamp is what a Clock has to remember over a restart. It can be written as
// JSON. What stands in it is believed only as far as it makes nothing expire
// earlier.
type Stamp struct {
	Server   time.Time     `json:"server"`
	Leaps    []Leap        `json:"leaps,omitempty"`    // that do not count for expiry yet, oldest first
	Accepted time.Duration `json:"accepted,omitempty"` // of a step backward that was accepted, what is left of it
}

// A Leap is a step of the server's time that does not count for expiry.
type Leap struct {
	Ago    time.Duration `json:"ago"` // at the time of the stamp
	Size   time.Duration `json:"size"`
	Agreed time.Duration `json:"agreed,omitempty"` // how long the wall clock has agreed with it
}

// expiry is the time by which things expired at the stamp.
func (s Stamp) expiry() time.Time {
	t := plausible(s.Server)
	for _, l := range s.Leaps {
		t = t.Add(-l.Size)
	}
	return t
}

// sound reports whether a Clock may have made the stamp.
func (s Stamp) sound() bool {
	return !s.Server.IsZero() && len(s.Leaps) <= maxLeaps && !slices.ContainsFunc(s.Leaps, func(l Leap) bool {
		return l.Ago < 0 || l.Size <= 0 || l.Size > latest*time.Second || l.Agreed < 0 || l.Agreed > quarantine
	})
}

// Stamp returns what is to be given to the next Clock. It has to be kept every
// minute: what happened since the last one is not known to the next start.
func (c *Clock) Stamp() Stamp {
	c.mu.Lock()
	c.read()
	s := Stamp{Server: c.server}
	for _, l := range c.leaps {
		s.Leaps = append(s.Leaps, Leap{Ago: c.at - l.at, Size: l.size, Agreed: l.agreed})
	}
	if c.state == CatchingUp {
		s.Accepted = c.diff
	}
	c.unlock()
	return s
}

// resume takes up a sound stamp, at a start. The time in which the server was
// off is a leap too, if it was long; of too many the oldest counts. mu is held,
// or nobody else knows c.
func (c *Clock) resume(s Stamp) {
	for _, l := range s.Leaps {
		c.leaps = append(c.leaps, leap{c.at - l.Ago, l.Size, l.Agreed})
	}
	if len(c.leaps) > 0 {
		c.note(Quarantined)
	}
	if off := c.expiry().Sub(s.expiry()); off > leapSize {
		if len(c.leaps) == maxLeaps {
			c.leaps = slices.Delete(c.leaps, 0, 1)
		}
		c.leap(off)
	}
	if s.Accepted < 0 && c.diff >= s.Accepted-stepSize && c.diff < -stepSize {
		c.change(CatchingUp)
	}
}
