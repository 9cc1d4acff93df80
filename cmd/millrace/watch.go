package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
)

type watchCommand struct {
	Streams []streamName  `arg:"" optional:"" help:"Names of streams (all)."`
	For     time.Duration `help:"How long to watch (until q or Ctrl-C)." placeholder:"D"`
	Every   time.Duration `help:"How often to show it (1s)." default:"1s" placeholder:"D"`
	Plain   bool          `help:"Write lines instead of drawing on the terminal."`
	access
}

// Help is what the long help says.
func (watchCommand) Help() string {
	return "Reads the streams live, as any reader does, and shows of each: frames a second, bit rate, the length of a group of pictures and of a fragment, " +
		"the lag from the producer's clock to this machine's, gaps, lost connections, the tags that came last, and the bit rate of the last half minute. " +
		fmt.Sprintf("At most %d streams. On a terminal of Linux or macOS they are drawn in place; in a pipe there is a line for each stream, with --json one object each time.", maxWatched)
}

// maxWatched is how many streams are watched at once: each has a connection.
const maxWatched = 50

// leastEvery bounds how often streams are shown.
const leastEvery = 100 * time.Millisecond

// Run watches until it is told to end.
func (w watchCommand) Run(ctx context.Context, c *console) error {
	if w.Every < leastEvery {
		return usagef("watch", "--every %v is less than %v", w.Every, leastEvery)
	}
	if w.For < 0 {
		return usagef("watch", "--for %v is less than 0", w.For)
	}
	names, err := w.names(ctx, c)
	if err != nil {
		return err
	}
	conn, err := w.consumer(c)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop()
	var all []*monitor
	for _, name := range names {
		m := newMonitor(name)
		all = append(all, m)
		reading.Go(func() { m.end(m.watch(ctx, conn)) })
	}
	show, end := w.display(ctx, c, stop)
	defer end()
	return w.show(ctx, all, show)
}

// names are the streams to watch: those that were named, or all.
func (w watchCommand) names(ctx context.Context, c *console) (names []millrace.StreamName, err error) {
	for _, n := range w.Streams {
		names = append(names, n.name())
	}
	if len(names) == 0 {
		conn, err := w.control(c)
		if err != nil {
			return nil, err
		}
		for stream, err := range conn.Streams(ctx, "") {
			if err != nil {
				return nil, fmt.Errorf("list streams: %w", err)
			}
			if names = append(names, stream.Name); len(names) > maxWatched {
				break
			}
		}
	}
	switch {
	case len(names) == 0:
		return nil, &advisedError{errors.New("there are no streams"), "Make one with: millrace stream create NAME"}
	case len(names) > maxWatched:
		return nil, usagef("watch", "that is more than %d streams: name those to watch", maxWatched)
	}
	return names, nil
}

// display returns what shows rows, and what ends that.
func (w watchCommand) display(ctx context.Context, c *console, stop func()) (show func(time.Time, []watchRow) error, end func()) {
	if !c.json && !w.Plain {
		if s := openScreen(ctx, c, stop); s != nil {
			return s.show, s.close
		}
	}
	return func(now time.Time, rows []watchRow) error { return writeRows(c, now, rows) }, func() {}
}

// show shows all streams again and again. It ends without an error when it was
// told to end, and with that of a stream when none is left.
func (w watchCommand) show(ctx context.Context, all []*monitor, show func(time.Time, []watchRow) error) error {
	if w.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.For)
		defer cancel()
	}
	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			var rows []watchRow
			left := false
			for _, m := range all {
				rows = append(rows, m.row(now))
				left = left || m.err() == nil
			}
			if err := show(now, rows); err != nil {
				return err
			}
			if !left && ctx.Err() == nil {
				return all[0].err()
			}
		}
	}
}

// writeRows writes the streams as lines, or as one line of JSON.
func writeRows(c *console, now time.Time, rows []watchRow) error {
	if c.json {
		return c.print(struct {
			Time    time.Time  `json:"time"`
			Streams []watchRow `json:"streams"`
		}{now.UTC(), rows}, nil)
	}
	return c.print(nil, func(out io.Writer) {
		for _, r := range rows {
			fmt.Fprintf(out, "%s  %s\n", now.Local().Format(time.TimeOnly), r)
		}
	})
}

// watch reads the stream until ctx ends, the server refuses it, or not even the
// first connection can be made.
func (m *monitor) watch(ctx context.Context, conn *consumer.Client) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r := conn.Live(m.name, consumer.LiveOptions{Events: m.events(end)})
	defer r.Close()
	for f, err := range r.Fragments(ctx) {
		if err != nil {
			return err
		}
		m.begin(f.Header, f.ProducerTime)
		for frame, err := range f.Frames() {
			if err != nil {
				break // the loop around this one ends with it
			}
			m.frame(frame, time.Now())
		}
		m.finish(f.Tags())
	}
	return nil
}

// events are the reader's, told to the monitor.
func (m *monitor) events(end context.CancelCauseFunc) consumer.Events {
	connected := false
	return consumer.Events{
		Connected: func(consumer.Connection) {
			connected = true
			m.connected()
		},
		Disconnected: func(err error, _ time.Duration) {
			switch {
			case !connected:
				end(err)
			case !errors.Is(err, io.EOF): // what is silent ends in good order
				m.disconnected(err)
			}
		},
		Gap:    func(g consumer.Gap) { m.gap(g.To.Sub(g.From)) },
		Replay: func(consumer.Replay) { m.replay() },
	}
}
