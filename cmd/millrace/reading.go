package main

import (
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
)

// momentLayout writes times in one width.
const momentLayout = "2006-01-02T15:04:05.000Z07:00"

// reading is the flags that say what of a stream to take.
type reading struct {
	From   moment        `help:"Where to begin: RFC 3339, a local time such as '2026-11-22 12:00', '10m ago', now or earliest; without it, live." placeholder:"T"`
	To     moment        `help:"Where to end." placeholder:"T" xor:"to,for"`
	For    time.Duration `help:"How long a time to take." placeholder:"D" xor:"to,for"`
	Follow bool          `help:"Go on at the live edge, until Ctrl-C."`
	Clock  string        `help:"Whose time --from means: server or producer (server)." enum:"server,producer" default:"server"`
}

// quiet is how long nothing has to come before the end of what there is is
// believed to be reached.
const quiet = 2 * time.Second

// A span is the part of a stream to take.
type span struct {
	start millrace.StartSelector
	until time.Time // zero is for ever
}

// span makes sense of the flags of a command.
func (f reading) span(command string, now time.Time) (r span, err error) {
	from := f.From.at(now)
	switch {
	case f.From.earliest:
		r.start.Type = millrace.StartEarliest
	case !f.From.set:
		r.start.Type = millrace.StartNow
		from = now
	case f.Clock == "producer":
		r.start = millrace.StartSelector{Type: millrace.StartProducerTime, Time: from}
	default:
		r.start = millrace.StartSelector{Type: millrace.StartServerTime, Time: from}
	}
	switch {
	case f.To.earliest:
		return r, usagef(command, "--to earliest is no end")
	case f.To.set:
		r.until = f.To.at(now)
	case f.For > 0 && f.From.earliest:
		return r, usagef(command, "--for needs a time to count from, so --from earliest does not go with it")
	case f.For > 0:
		r.until = from.Add(f.For)
	case f.From.set && !f.Follow:
		r.until = now
	}
	if f.Follow && !r.until.IsZero() {
		return r, usagef(command, "--follow has no end; leave out --to and --for")
	}
	if !r.until.IsZero() && !f.From.earliest && !from.Before(r.until) {
		return r, usagef(command, "the range from %s to %s is empty", from.Format(time.RFC3339), r.until.Format(time.RFC3339))
	}
	return r, nil
}

// endless reports whether Ctrl-C is the end that was asked for.
func (r span) endless() bool { return r.until.IsZero() }

// options is how to read the span.
func (r span) options() consumer.LiveOptions {
	o := consumer.LiveOptions{Start: r.start, Until: consumer.Until{Time: r.until}}
	if !r.endless() {
		o.Until.Idle = quiet
	}
	return o
}
