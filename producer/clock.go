package producer

import (
	"fmt"
	"sync"
	"time"
)

// A Clock gives frames the time at which they come, for devices whose encoders
// have none. It takes the wall clock once and goes on by the time that has
// passed since, so that frames stay where they belong when the wall clock is
// set. Its zero value is ready. It may be used by several goroutines; its fields
// must not change after the first call.
type Clock struct {
	// Tolerance is how far the wall clock may be from this one before that is a
	// step; 0 is a second.
	Tolerance time.Duration
	// Follow has the clock take over the wall clock's time when that steps. The
	// frames' times step with it then, forwards or backwards: a gap, or what
	// TimeRules.OnRegress says.
	Follow bool
	// Notice is told of steps, with a [*ClockStepError]. It is called by Now.
	Notice func(error)

	read func() (wall time.Time, passed time.Duration) // for tests; nil is the machine's

	mu     sync.Mutex // guards everything below
	origin time.Time  // when the clock was used first, with its monotonic reading
	base   time.Duration
	off    time.Duration // by how much the wall clock is ahead, as far as was told
}

// ClockStepError says that the wall clock was set.
type ClockStepError struct {
	By       time.Duration // forwards; negative is backwards
	Followed bool          // frames' times step as well
}

// Error reports how far.
func (e *ClockStepError) Error() string {
	if e.Followed {
		return fmt.Sprintf("wall clock stepped by %v, and the times of frames with it", e.By)
	}
	return fmt.Sprintf("wall clock stepped by %v; the times of frames go on as before", e.By)
}

// Now returns the time since the epoch, as a frame's PTS counts it in streams
// with absolute times. It never goes back, unless Follow has it do so.
func (c *Clock) Now() time.Duration {
	at, step := c.next()
	if step != nil && c.Notice != nil {
		c.Notice(step)
	}
	return at
}

func (c *Clock) next() (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, passed := c.look()
	if c.base == 0 {
		c.base = time.Duration(wall.UnixNano()) - passed
	}
	at := c.base + passed
	ahead := time.Duration(wall.UnixNano()) - at
	by := ahead - c.off
	tolerance := c.Tolerance
	if tolerance <= 0 {
		tolerance = time.Second
	}
	if by.Abs() <= tolerance {
		return at, nil
	}
	if c.Follow {
		c.base, at = c.base+ahead, at+ahead
	} else {
		c.off = ahead
	}
	return at, &ClockStepError{By: by, Followed: c.Follow}
}

// look returns the wall clock's time and what has passed since the first look.
func (c *Clock) look() (time.Time, time.Duration) {
	if c.read != nil {
		return c.read()
	}
	now := time.Now()
	if c.origin.IsZero() {
		c.origin = now
	}
	return now, now.Sub(c.origin)
}
