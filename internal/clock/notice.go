package clock

import (
	"log/slog"
	"time"
)

// How often things are told: what is wrong again and again, and nothing, to the
// log, more often than a clock that steps to and fro would have it.
const (
	reminder = time.Hour
	silence  = time.Minute
)

// A State is how the server's time stands to the wall clock.
type State uint8

// The states.
const (
	InStep     State = iota // within a minute of the wall clock, or on the way there
	Ahead                   // the wall clock has stepped forward, and is watched
	Behind                  // the wall clock has stepped backward, and is not followed
	CatchingUp              // the same, but an operator has accepted it
)

// String is the state's name.
func (s State) String() string {
	switch s {
	case Ahead:
		return "AHEAD"
	case Behind:
		return "BEHIND"
	case CatchingUp:
		return "CATCHING_UP"
	}
	return "IN_STEP"
}

// A Status is all there is to know of a Clock.
type Status struct {
	Server     time.Time
	Wall       time.Time
	Expiry     time.Time // by which things expire
	State      State
	Difference time.Duration // wall clock less server time
	Hold       time.Duration // of a step forward, how long it has still to be seen; else 0
	Quarantine time.Duration // how long the wall clock has still to agree until Expiry is Server; 0 if it is
	Steps      int           // forward steps that were followed
	Alarms     int           // times that the wall clock stepped
}

// Waiting reports whether there is something for an operator to accept.
func (s Status) Waiting() bool { return s.State == Ahead || s.State == Behind || s.Quarantine > 0 }

// A Kind is what a Notice is about.
type Kind uint8

// The kinds of notices.
const (
	Stepped     Kind = iota // the wall clock has stepped
	Changed                 // the state has changed without a new step
	Quarantined             // a leap was followed, and does not count for expiry yet
	Trusted                 // and now it does
	Reminded                // nothing has changed, and something is wrong
)

// A Notice tells of a clock that needs looking at, or does so no more.
type Notice struct {
	Kind Kind
	Status
	quiet bool // the log has had its like a moment ago
}

// told is when notices of a kind and state went to the log; zero if they never
// did.
type told [Reminded + 1][CatchingUp + 1]time.Duration

// Events are called when something happens. A nil one is not.
type Events struct {
	Notice func(Notice) // must not block and must not use the Clock
}

// change goes to another state.
func (c *Clock) change(to State) {
	if c.state != to {
		c.state = to
		c.note(Changed)
	}
}

// alarm goes to a state because the wall clock has stepped.
func (c *Clock) alarm(to State) {
	c.state = to
	c.alarms++
	c.note(Stepped)
}

// note keeps a notice until mu is not held.
func (c *Clock) note(k Kind) {
	n := Notice{Kind: k, Status: c.status()}
	c.noted = c.at
	if last := &c.told[k][c.state]; *last == 0 || c.at-*last >= silence {
		*last = c.at
	} else {
		n.quiet = true
	}
	c.notices = append(c.notices, n)
}

// remind repeats what is wrong.
func (c *Clock) remind() {
	wrong := c.state != InStep || len(c.leaps) > 0
	if wrong && c.at-c.noted >= reminder {
		c.note(Reminded)
	}
}

// tell gives a notice to the log and to whom it may concern.
func (c *Clock) tell(n Notice) {
	if c.events.Notice != nil {
		c.events.Notice(n)
	}
	if n.quiet {
		return
	}
	attrs := []any{
		slog.Time("server", n.Server), slog.Time("wall", n.Wall), slog.Time("expiry", n.Expiry),
		slog.Duration("difference", n.Difference),
	}
	switch {
	case n.Kind == Trusted:
		c.logger.Info("media expire by the server's time again", attrs...)
	case n.Kind == Quarantined:
		c.logger.Warn("the server's time has leapt: nothing expires by it for a day, unless it is accepted", attrs...)
	case n.State == InStep && n.Kind == Changed:
		c.logger.Info("the server's time follows the wall clock", attrs...)
	case n.State == InStep:
		c.logger.Warn("nothing expires by the server's time yet, because it has leapt", attrs...)
	case n.State == Ahead:
		c.logger.Warn("the wall clock has stepped forward: it is followed if it stays there for a minute", attrs...)
	case n.State == CatchingUp:
		c.logger.Warn("the server's time runs at half speed until the wall clock has caught up", attrs...)
	default:
		c.logger.Error("the wall clock has stepped backward: it is not followed, unless it is accepted", attrs...)
	}
}
