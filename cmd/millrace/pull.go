package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/consumer"
)

type pullCommand struct {
	Stream streamName `arg:"" help:"Name of the stream."`
	reading
	Container string `help:"mkv, mp4 or ts: one clean file; annexb, adts, wav or jpeg: the bare pictures or sound of a track; raw: the bytes as they came; json: a line for each frame (mkv)." default:"mkv" placeholder:"FORMAT"`
	Out       string `short:"o" help:"File to write; standard output without it, or with -." default:"-" placeholder:"PATH"`
	access
}

// Help is what the long help says.
func (pullCommand) Help() string {
	return "Whole fragments are taken: those that have begun by the end of the range. " +
		"Without --from, the stream is followed from the fragment that is arriving. With --from and without --to, --for or --follow, it is taken up to the present. " +
		"A file of mkv or mp4 can be sought in when it is whole; what goes to standard output is made for a pipe. Another file begins where the tracks change. " +
		"Tracks that the container cannot carry are left out, and named. With --container jpeg, --out 'picture-%04d.jpg' makes a file of each picture."
}

// Run pulls.
func (p pullCommand) Run(ctx context.Context, c *console) error {
	r, err := p.span("pull", time.Now())
	if err != nil {
		return err
	}
	if _, shown := screenOf(c.out); shown && p.Out == "-" && p.Container != "json" {
		return usagef("pull", "media are not for a terminal: name a file with --out, or give them to a player: millrace pull %s | ffplay -", p.Stream)
	}
	out, err := openOutput(p.Container, p.Out, c)
	if err != nil {
		return err
	}
	conn, err := p.consumer(c)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	o := r.options()
	o.Events = talkOf(c, end)
	reader := conn.Live(p.Stream.name(), o)
	defer reader.Close()
	progress := func() {}
	if out.path != "" {
		progress = startTicker(c, func() string { return pulledLine(reader.Stats()) }).end
	}
	seen, err := pullAll(ctx, reader, out)
	progress()
	closed := out.close()
	ended := errors.Is(err, context.Canceled) && r.endless() // Ctrl-C is how a live pull ends
	if err == nil || ended {
		err = closed
	}
	switch {
	case err != nil:
		return err
	case seen.Fragments == 0 && !ended:
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

// pulledLine is how far a pull is.
func pulledLine(s consumer.Stats) string {
	line := fmt.Sprintf("%d fragments", s.Fragments)
	if s.Bytes > 0 { // of documents that are copied whole, frames are not counted
		line += ", " + byteText(s.Bytes)
	}
	return line
}

// pullAll writes what a reader has, to its end.
func pullAll(ctx context.Context, r *consumer.Reader, out *output) (seen pulled, err error) {
	for f, err := range r.Fragments(ctx) {
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
