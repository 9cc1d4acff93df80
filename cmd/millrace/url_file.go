package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
)

type urlFile struct {
	Stream  streamName    `arg:"" help:"Name of the stream."`
	From    moment        `help:"Where to begin: RFC 3339, a local time such as '2026-11-22 12:00', or '10m ago'." required:"" placeholder:"T"`
	To      moment        `help:"Where to end, as --from, or now (now)." placeholder:"T"`
	Clock   string        `help:"Whose time --from and --to mean: server or producer (producer)." enum:"server,producer" default:"producer"`
	Format  string        `help:"mp4 or mkv (mp4)." enum:"mp4,mkv" default:"mp4"`
	Exact   bool          `help:"Cut to the frame, of mp4; otherwise whole fragments are taken."`
	Expires time.Duration `help:"How long the link is good, 1m to 168h (1h)." default:"1h" placeholder:"D"`
	access
}

// The bounds of a link to a file.
const (
	shortestFile = time.Minute
	longestFile  = 7 * 24 * time.Hour
)

// Help is what the long help says.
func (urlFile) Help() string {
	return "Whoever has the link can load the range as one file, and seek in it, without a key, until the link ends. What is in the range is found out when it is loaded; to load it now: millrace clip."
}

// Run makes a link.
func (u urlFile) Run(ctx context.Context, c *console) error {
	if u.Expires < shortestFile || u.Expires > longestFile {
		return usagef("url file", "--expires is %v to %v", shortestFile, longestFile)
	}
	f, err := clipCommand{Stream: u.Stream, From: u.From, To: u.To, Clock: u.Clock, Format: u.Format, Exact: u.Exact}.file(time.Now())
	if err != nil {
		return &usageError{err, "millrace url file --help"}
	}
	conn, err := u.control(c)
	if err != nil {
		return err
	}
	address, ends, err := conn.MediaFileURL(ctx, u.Stream.name(), f, u.Expires)
	if err != nil {
		return fmt.Errorf("make a link to stream %s: %w", u.Stream, advise(err, millrace.CodeNoRetention, keepFirst(u.Stream)))
	}
	c.say("The link ends %s.", ends.Format(time.RFC3339))
	result := struct {
		URL     string    `json:"url"`
		Expires time.Time `json:"expires"`
	}{address, ends}
	return c.print(result, func(w io.Writer) { fmt.Fprintln(w, address) })
}
