package consumer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer/checkpoint"
)

// RunnerOptions say which streams Client.Run is for, and with whom it shares
// them.
type RunnerOptions struct {
	// App is the application's name. Workers that have one App and one Store share
	// the streams. Store has the positions under App, and the workers themselves
	// under App with "/workers". It must be set.
	App string
	// Store keeps positions and leases. It must be set.
	Store checkpoint.Store
	// Owner is this worker's name, unlike that of all others that run or ran. Empty
	// is one of the host, the process and a random number.
	Owner string
	// Prefix is what the names of the streams begin with. Empty is every stream.
	Prefix string
	// Tags are what the streams are tagged with, besides. They are asked for
	// one stream at a time, and again after ten minutes.
	Tags map[string]string
	// MaxStreams is how many streams this worker has at most. 0 is no bound.
	MaxStreams int
	// TTL is how long after this worker's death others take over its streams.
	// 0 is 30 s.
	TTL time.Duration
	// Poll is how often the worker looks for streams and for other workers. 0, or
	// more than a third of TTL, is a third of TTL.
	Poll time.Duration
	// Live is how each stream is read. Its Name, Store and Lease are the runner's.
	Live   LiveOptions
	Events RunnerEvents
}

// RunnerEvents is a set of functions that are told what Client.Run does. Any may
// be nil. They are called one at a time, by the goroutine that called Run: one
// that is slow holds up the sharing of streams, but not their reading.
type RunnerEvents struct {
	// Taken is called when this worker has got a stream, before its handler begins.
	Taken func(stream millrace.StreamName)
	// Left is called when a handler has returned and its stream was given back,
	// with what the handler returned. A stream that was handed over is left with nil.
	Left func(stream millrace.StreamName, err error)
	// Trouble is called when streams could not be listed, the store could not be
	// asked, or a position could not be saved in the end.
	Trouble func(err error)
}

// workersSuffix makes the name under which the workers of an application are.
const workersSuffix = "/workers"

// complete checks the options, and sets what was left to the runner.
func (o RunnerOptions) complete() (RunnerOptions, error) {
	switch {
	case o.App == "":
		return o, fmt.Errorf("run: the application has no name")
	case o.Store == nil:
		return o, fmt.Errorf("run %s: there is no store", o.App)
	}
	if o.Owner == "" {
		o.Owner = someOwner()
	}
	o.TTL = orDefault(o.TTL, defaultTTL)
	if o.Poll <= 0 || o.Poll > o.TTL/3 {
		o.Poll = o.TTL / 3
	}
	o.Live.Name, o.Live.Store, o.Live.Lease = o.App, o.Store, Lease{Owner: o.Owner, TTL: o.TTL}
	return o, nil
}

// someOwner returns a name that nobody else has.
func someOwner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "host"
	}
	host = strings.ToValidUTF8(host[:min(len(host), 100)], "")
	return fmt.Sprintf("%s-%d-%08x", host, os.Getpid(), rand.Uint32())
}

// Run reads many streams, which it shares with other workers, until ctx ends. For
// each stream that it gets it calls handle in a goroutine of its own, with a
// reader that begins where the last one of the application stopped. It finds
// streams that are new, and drops those that are gone.
//
// Each worker takes its part of the streams: if there are n for each, then n or
// one more, or MaxStreams. Who has more gives some back, who has less takes what
// nobody has. A stream that is given back ends the reader's loop with
// ErrHandedOver between two steps; so handle keeps what it has in hand, and
// returns. Nobody else has the stream before handle has returned and the position
// was saved.
//
// A handler that returns is called again: after nil when Run next looks, after an
// error after a wait, of a second at first and a minute at most, that is forgotten
// when it went well for as long. Meanwhile another worker may take the stream. A
// worker that dies, or whose store is out of reach, keeps its streams for TTL.
// Others go on at the positions that were saved last, and so may repeat what it
// handled after that: a second of it, and an item. If it comes back, its readers
// end with ErrLeaseLost, and can save nothing any more. A handler that panics ends
// the program.
//
// When ctx has ended, Run waits for all handlers, whose contexts have ended with
// it, saves the last positions and gives everything back. It returns nil if that
// went well. It returns at once, with an error, if o or the client's settings are
// not good, or if the streams cannot be listed at first for a reason that does not
// pass. Trouble after that is told by o.Events.
func (c *Client) Run(ctx context.Context, o RunnerOptions, handle func(context.Context, millrace.StreamName, *Reader) error) error {
	o, err := o.complete()
	if err != nil {
		return err
	}
	conn, err := c.connect()
	if err != nil {
		return err
	}
	r := newRunner(o)
	r.list = (&roster{client: conn, prefix: o.Prefix, tags: o.Tags}).list
	r.serve = func(ctx context.Context, s *service) error { return handle(ctx, s.stream, s.reader) }
	r.open = func(stream millrace.StreamName) *Reader { return c.Live(stream, o.Live) }
	return r.run(ctx)
}
