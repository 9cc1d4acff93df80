package clock

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// The bounds of how the wall clock is followed.
const (
	stepSize   = time.Minute // a larger difference is a step
	holdTime   = time.Minute // for which a step forward must be seen
	slewPart   = 20          // the server's time runs faster or slower by this part of itself
	crawlPart  = 2           // and slower by this part, once a step backward was accepted
	gapSize    = 10 * time.Second
	interval   = time.Second         // between the readings of Run
	leapSize   = time.Hour           // a larger step, or more in a day, does not count for expiry at first
	offSize    = 31 * 24 * time.Hour // for which a server may be off and believe the wall clock at once
	slackPart  = 24                  // an hour in a day
	quarantine = 24 * time.Hour
	maxLeaps   = 32 // beyond it no leap is followed
)

// ErrChanged is Accept's error.
var ErrChanged = errors.New("the clock has changed since it was looked at")

// Config is what a Clock starts from. The zero value of a field is what its
// comment says.
type Config struct {
	Wall func() time.Time     // the wall clock; time.Now if nil
	Boot func() time.Duration // never steps, counts suspend; Boot() if nil

	Last  time.Time // the latest server time that may have been given out before; zero if none was
	Stamp Stamp     // what Clock.Stamp returned last; zero if that is not known

	Logger *slog.Logger // nil discards
	Events Events
}

// A Clock is the server's time. Any number of goroutines may use it. Somebody
// must call Run, because a step is followed only if it is seen again and again.
type Clock struct {
	wall   func() time.Time
	boot   func() time.Duration
	logger *slog.Logger
	events Events

	mu      sync.Mutex // guards what follows
	at      time.Duration
	server  time.Time // at that boot time
	state   State
	diff    time.Duration // wall clock less server time, at the last reading
	held    time.Duration // how long a step forward was seen
	slack   time.Duration // how large a step may be that counts for expiry at once
	leaps   []leap        // that do not count for expiry yet, oldest first
	steps   int           // forward steps that were followed
	alarms  int
	noted   time.Duration // boot time of the last notice
	told    told
	notices []Notice // to be given out once mu is not held
}

// New returns a Clock that shows the time.
func New(c Config) *Clock {
	if c.Wall == nil {
		c.Wall = time.Now
	}
	if c.Boot == nil {
		c.Boot = Boot()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	k := &Clock{wall: c.Wall, boot: c.Boot, logger: c.Logger, events: c.Events, slack: leapSize}
	k.start(c.Last, c.Stamp)
	return k
}

// start finds the time to begin with. That is the wall clock, or what is known
// from before if that is later, or if the wall clock is too far ahead of it to
// be believed at once: then it is followed as a step is, if it stays there. What
// was off for a week is believed, so that no fragment gets a week too little.
func (c *Clock) start(last time.Time, s Stamp) {
	wall := plausible(c.wall())
	c.at = c.boot()
	c.server = wall
	known := later(last, s.Server)
	if known.IsZero() {
		return
	}
	known = plausible(known)
	if ahead := wall.Sub(known); ahead < 0 || ahead > offSize {
		c.server, c.diff = known, ahead
	}
	if !s.sound() {
		s = Stamp{Server: known}
	}
	c.resume(s)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Run reads the clocks every second until ctx ends, so that a step is seen for
// as long as it lasts.
func (c *Clock) Run(ctx context.Context) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		c.Now()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Now is the server's time, in UTC. It never decreases (C1).
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	c.read()
	now := c.server
	c.unlock()
	return now
}

// read brings the server's time up to the present. mu is held.
func (c *Clock) read() {
	boot, wall := c.boot(), plausible(c.wall())
	elapsed := max(boot-c.at, 0)
	c.at += elapsed
	c.server = c.server.Add(elapsed)
	diff := wall.Sub(c.server)
	moved := (diff - c.diff).Abs() > stepSize
	c.diff = diff
	c.slack = min(c.slack+elapsed/slackPart, leapSize)
	// What was not seen in between does not count as seen.
	seen := min(elapsed, gapSize)
	switch {
	case diff > stepSize:
		c.ahead(wall, seen, moved)
	case diff < -stepSize:
		c.behind(elapsed, moved)
	default:
		c.slew(elapsed)
	}
	c.settle(seen)
	c.remind()
}

// slew follows a small difference: over a minute's it takes 20 minutes.
func (c *Clock) slew(elapsed time.Duration) {
	c.change(InStep)
	most := elapsed / slewPart
	if c.diff >= 0 {
		c.hurry(min(c.diff, most))
	} else {
		c.delay(min(-c.diff, most))
	}
}

// ahead follows a step forward once it has been seen for holdTime.
func (c *Clock) ahead(wall time.Time, seen time.Duration, moved bool) {
	if c.state != Ahead || moved {
		c.held = 0
		c.alarm(Ahead)
		return
	}
	if c.held += seen; c.held < holdTime {
		return
	}
	size := c.diff
	switch {
	case size <= c.slack:
		c.slack -= size
		c.follow(wall)
	case len(c.leaps) < maxLeaps:
		c.follow(wall)
		c.leap(size)
	}
}

// follow makes the wall clock's time the server's.
func (c *Clock) follow(wall time.Time) {
	c.server, c.diff = wall, 0
	c.steps++
	c.change(InStep)
}

// behind goes on without the wall clock, until it has caught up; if an operator
// has accepted it, at half speed. Another step needs another acceptance.
func (c *Clock) behind(elapsed time.Duration, moved bool) {
	switch {
	case c.state != Behind && c.state != CatchingUp, moved:
		c.alarm(Behind)
	case c.state == CatchingUp:
		c.delay(min(-c.diff, elapsed/crawlPart))
	}
}

// hurry adds to the time that has passed, delay takes away from it: never more
// than there was.
func (c *Clock) hurry(by time.Duration) {
	c.server, c.diff = c.server.Add(by), c.diff-by
}

func (c *Clock) delay(by time.Duration) {
	c.server, c.diff = c.server.Add(-by), c.diff+by
	c.shorten(by)
}

// unlock gives mu back and tells what happened while it was held.
func (c *Clock) unlock() {
	notices := c.notices
	c.notices = nil
	c.mu.Unlock()
	for _, n := range notices {
		c.tell(n)
	}
}

// Accept says that an operator has looked at the wall clock and found it right
// when it was so far ahead of the server's time, or behind it. A step forward is
// followed at once; a step backward by running at half speed until the wall clock
// has caught up, because server time never decreases (C1); and a leap counts for
// expiry. Where the difference is another one by now, by more than a minute,
// nothing is done, and the error is ErrChanged. It returns what there was and
// what there is now.
func (c *Clock) Accept(difference time.Duration) (before, after Status, err error) {
	c.mu.Lock()
	defer c.unlock()
	c.read()
	before = c.status()
	if (c.diff - difference).Abs() > stepSize {
		return before, before, ErrChanged
	}
	switch c.state {
	case Behind, CatchingUp:
		c.change(CatchingUp)
	case Ahead:
		c.follow(c.server.Add(c.diff))
		c.trust()
	default:
		c.trust()
	}
	return before, c.status(), nil
}

// Status tells everything at once.
func (c *Clock) Status() Status {
	c.mu.Lock()
	c.read()
	s := c.status()
	c.unlock()
	return s
}

// status is Status without a reading. mu is held.
func (c *Clock) status() Status {
	s := Status{
		Server: c.server, Wall: c.server.Add(c.diff), Expiry: c.expiry(), State: c.state,
		Difference: c.diff, Steps: c.steps, Alarms: c.alarms,
	}
	if n := len(c.leaps); n > 0 {
		s.Quarantine = quarantine - c.leaps[n-1].agreed
	}
	if c.state == Ahead {
		s.Hold = cmp.Or(max(holdTime-c.held, 0), time.Nanosecond)
	}
	return s
}
