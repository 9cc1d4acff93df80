package server

import (
	"log/slog"
	"sync"
	"time"
)

// The rule for a clock that jumps: after a step of more than suspiciousStep
// nothing expires by the new time for quarantine, so that one bad reading of
// the clock can neither delete footage nor hide it (I6).
const (
	suspiciousStep = time.Hour
	quarantine     = 24 * time.Hour
)

// An expiryClock tells the time by which fragments expire. It follows the wall
// clock, but for steps forward that are too large to be true: during the
// quarantine after one it goes on from the last time that was trusted. A server
// that was off for more than suspiciousStep starts in quarantine. Any number of
// goroutines may use it.
type expiryClock struct {
	wall   func() time.Time
	since  func(time.Time) time.Duration // on a clock that does not step
	logger *slog.Logger

	mu      sync.Mutex // guards what follows
	trusted time.Time  // wall time that was believed
	at      time.Time  // when it was
	held    time.Time  // when the quarantine began; zero if there is none
}

// newExpiryClock starts from the latest time that is known from before, or from
// the present if there is none.
func newExpiryClock(latest time.Time, wall func() time.Time, logger *slog.Logger) *expiryClock {
	if latest.IsZero() {
		latest = wall()
	}
	return &expiryClock{wall: wall, since: time.Since, logger: logger, trusted: latest, at: time.Now()}
}

// Now is the time by which fragments expire.
func (c *expiryClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, expected := c.wall(), c.trusted.Add(c.since(c.at))
	switch {
	case now.Sub(expected) <= suspiciousStep:
		c.held = time.Time{}
	case c.held.IsZero():
		c.held = time.Now()
		c.logger.Warn("the clock is far ahead of the time known before: nothing expires by it for a day",
			"clock", now, "known", expected)
		return expected
	case c.since(c.held) < quarantine:
		return expected
	}
	c.trusted, c.at, c.held = now, time.Now(), time.Time{}
	return now
}
