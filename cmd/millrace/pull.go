package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
)

type pullCommand struct {
	Stream    streamName    `arg:"" help:"Name of the stream."`
	From      moment        `help:"Where to begin: RFC 3339, a local time such as '2026-11-22 12:00', '10m ago', now or earliest; without it, live." placeholder:"T"`
	To        moment        `help:"Where to end." placeholder:"T" xor:"to,for"`
	For       time.Duration `help:"How long a time to take." placeholder:"D" xor:"to,for"`
	Follow    bool          `help:"Go on at the live edge, until Ctrl-C."`
	Clock     string        `help:"Whose time --from means: server or producer (server)." enum:"server,producer" default:"server"`
	Container string        `help:"mkv, mp4 or ts: one clean file; annexb, adts, wav or jpeg: the bare pictures or sound of a track; raw: the bytes as they came; json: a line for each frame (mkv)." default:"mkv" placeholder:"FORMAT"`
	Out       string        `short:"o" help:"File to write; standard output without it, or with -." default:"-" placeholder:"PATH"`
	access
}

// Help is what the long help says.
func (pullCommand) Help() string {
	return "Whole fragments are taken: those that have begun by the end of the range. " +
		"Without --from, the stream is followed from the fragment that is arriving. With --from and without --to, --for or --follow, it is taken up to the present. " +
		"A file of mkv or mp4 can be sought in when it is whole; what goes to standard output is made for a pipe. Another file begins where the tracks change. " +
		"Tracks that the container cannot carry are left out, and named. With --container jpeg, --out 'picture-%04d.jpg' makes a file of each picture."
}

// quiet is how long nothing has to come before the end of what there is is
// believed to be reached.
const quiet = 2 * time.Second

// Run pulls.
func (p pullCommand) Run(ctx context.Context, c *console) error {
	r, err := p.span(time.Now())
	if err != nil {
		return err
	}
	out, err := openOutput(p.Container, p.Out, c)
	if err != nil {
		return err
	}
	conn, err := p.consumer(c)
	if err != nil {
		return err
	}
	seen, err := p.pull(ctx, c, conn, r, out)
	if closed := out.close(); err == nil {
		err = closed
	}
	if errors.Is(err, context.Canceled) && r.until.IsZero() {
		err = nil // Ctrl-C is how a live pull ends
	}
	switch {
	case err != nil:
		return err
	case seen.Fragments == 0:
		return fmt.Errorf("there is no media of stream %s in that time", p.Stream)
	case c.json && out.path != "":
		return c.print(seen, nil)
	}
	c.say("%s", seen)
	return nil
}

// pulled counts what came.
type pulled struct {
	Fragments int `json:"fragments"`
	Cut       int `json:"cut"` // that came in part; their frames may come again
}

func (p pulled) String() string {
	text := fmt.Sprintf("%d fragments", p.Fragments)
	if p.Cut > 0 {
		text += fmt.Sprintf(", %d of them cut short", p.Cut)
	}
	return text
}

func (p pullCommand) pull(ctx context.Context, c *console, conn *consumer.Client, r span, out *output) (seen pulled, err error) {
	connected := false
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	o := consumer.LiveOptions{
		Start: r.start,
		Until: consumer.Until{Time: r.until},
		Events: consumer.Events{
			Failed: func(told *consumer.FragmentError) { c.say("%v", told) },
			Disconnected: func(err error, wait time.Duration) {
				switch {
				case !connected:
					end(err) // who has mistyped an address wants to know
				case !errors.Is(err, io.EOF):
					c.say("connection lost (%v); again in %v", err, wait.Round(time.Millisecond))
				}
			},
			Connected: func(consumer.Connection) { connected = true },
		},
	}
	if !r.until.IsZero() {
		o.Until.Idle = quiet
	}
	for f, err := range conn.Live(p.Stream.name(), o).Fragments(ctx) {
		if err != nil {
			return seen, err
		}
		if err := out.write(f); err != nil {
			return seen, err
		}
		seen.Fragments++
		if !f.Complete() {
			seen.Cut++
		}
	}
	return seen, nil
}

// A span is the part of a stream to take.
type span struct {
	start millrace.StartSelector
	until time.Time // zero is for ever
}

// span makes sense of the flags.
func (p pullCommand) span(now time.Time) (r span, err error) {
	from := p.From.at(now)
	switch {
	case p.From.earliest:
		r.start.Type = millrace.StartEarliest
	case !p.From.set:
		r.start.Type = millrace.StartNow
		from = now
	case p.Clock == "producer":
		r.start = millrace.StartSelector{Type: millrace.StartProducerTime, Time: from}
	default:
		r.start = millrace.StartSelector{Type: millrace.StartServerTime, Time: from}
	}
	switch {
	case p.To.earliest:
		return r, usagef("pull", "--to earliest is no end")
	case p.To.set:
		r.until = p.To.at(now)
	case p.For > 0 && p.From.earliest:
		return r, usagef("pull", "--for needs a time to count from, so --from earliest does not go with it")
	case p.For > 0:
		r.until = from.Add(p.For)
	case p.From.set && !p.Follow:
		r.until = now
	}
	if p.Follow && !r.until.IsZero() {
		return r, usagef("pull", "--follow has no end; leave out --to and --for")
	}
	if !r.until.IsZero() && !p.From.earliest && !from.Before(r.until) {
		return r, usagef("pull", "the range from %s to %s is empty", from.Format(time.RFC3339), r.until.Format(time.RFC3339))
	}
	return r, nil
}
