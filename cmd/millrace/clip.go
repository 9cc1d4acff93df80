package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

type clipCommand struct {
	Stream streamName `arg:"" help:"Name of the stream."`
	From   moment     `help:"Where to begin: RFC 3339, a local time such as '2026-11-22 12:00', or '10m ago'." required:"" placeholder:"T"`
	To     moment     `help:"Where to end, as --from, or now (now)." placeholder:"T"`
	Clock  string     `help:"Whose time --from and --to mean: server or producer (producer)." enum:"server,producer" default:"producer"`
	Format string     `help:"mp4 or mkv; else by the name of the file (mp4)." enum:",mp4,mkv" default:"" placeholder:"FORMAT"`
	Exact  bool       `help:"Cut to the frame, of mp4; otherwise whole fragments are taken."`
	Out    string     `short:"o" help:"File to write; - is standard output; named after stream and time if it is not said." placeholder:"FILE"`
	access
}

// Help is what the long help says.
func (clipCommand) Help() string {
	return "Takes a range of a stream as one file that players can seek in. The fragments are taken of which any part is in the range. " +
		"mp4 has the first track of pictures and the first of sound, mkv all tracks and every codec. What is there already under the file's name is replaced when the new file is whole."
}

// Run takes the clip.
func (p clipCommand) Run(ctx context.Context, c *console) error {
	f, err := p.file(time.Now())
	if err != nil {
		return err
	}
	if at, err := os.Stat(p.Out); err == nil && at.IsDir() {
		return usagef("clip", "--out %s is a directory: name a file in it", p.Out)
	}
	conn, err := p.control(c)
	if err != nil {
		return err
	}
	body, size, err := conn.OpenMediaFile(ctx, p.Stream.name(), f)
	if err != nil {
		return fmt.Errorf("take a clip of stream %s: %w", p.Stream, p.explain(err))
	}
	defer body.Close()
	path := p.Out
	if path == "" {
		path = fmt.Sprintf("%s-%s.%s", p.Stream, f.From.UTC().Format("20060102T150405Z"), f.Format)
	}
	if err := p.save(ctx, c, body, size, path); err != nil {
		return err
	}
	if path == "-" {
		c.say("%s", byteText(size))
		return nil
	}
	result := struct {
		Path  string `json:"path"`
		Bytes int64  `json:"bytes"`
	}{path, size}
	return c.print(result, func(w io.Writer) { fmt.Fprintf(w, "%s\t%s\n", path, byteText(size)) })
}

// file makes sense of the flags.
func (p clipCommand) file(now time.Time) (client.MediaFile, error) {
	f := client.MediaFile{From: p.From.at(now), To: now, Clock: p.Clock, Format: p.Format, Exact: p.Exact}
	if f.Format == "" {
		f.Format = "mp4"
		if strings.EqualFold(filepath.Ext(p.Out), ".mkv") {
			f.Format = "mkv"
		}
	}
	if p.To.set {
		f.To = p.To.at(now)
	}
	switch {
	case p.From.earliest:
		return f, usagef("clip", "--from must be a time; when the stream begins says: millrace fragments %s --limit 1", p.Stream)
	case p.To.earliest:
		return f, usagef("clip", "nothing is before the earliest: --to says where to end")
	case !f.From.Before(f.To):
		return f, usagef("clip", "--from %s is not before --to %s", f.From.Format(time.RFC3339), f.To.Format(time.RFC3339))
	case p.Exact && f.Format == "mkv":
		return f, usagef("clip", "--exact is for mp4: Matroska cannot say what is not to be shown")
	}
	return f, nil
}

// explain gives refusals the next step that fits clips.
func (p clipCommand) explain(err error) error {
	err = advise(err, millrace.CodeNotFound, "Is there such a stream (millrace stream list), and was something sent in that time? millrace fragments "+p.Stream.name().String()+" --clock "+p.Clock)
	err = advise(err, millrace.CodeUnsupportedMedia, "Matroska has every codec: --format mkv. Where the tracks change it takes a range on either side.")
	return advise(err, millrace.CodeNoRetention, keepFirst(p.Stream))
}

// keepFirst is the next step where a stream without retention is to be taken from.
func keepFirst(s streamName) string {
	return fmt.Sprintf("Only what is kept can be taken: millrace stream update %s --retention 24h", s)
}

// save writes the file. Until it is whole it has another name, so that what broke
// off is not taken for a clip.
func (p clipCommand) save(ctx context.Context, c *console, body io.Reader, size int64, path string) (err error) {
	progress := &clipProgress{reader: body, size: size}
	defer startTicker(c, progress.line).end()
	if path == "-" {
		_, err := io.Copy(c.out, progress)
		return p.broken(ctx, err, progress, size)
	}
	part := path + ".part"
	out, err := os.Create(part)
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(part) // it may be there no more
		}
	}()
	_, err = io.Copy(out, progress)
	if err = p.broken(ctx, err, progress, size); err != nil {
		_ = out.Close() // what is in it is not wanted
		return err
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("close output: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("name output: %w", err)
	}
	return nil
}

// broken says why a file did not come whole.
func (p clipCommand) broken(ctx context.Context, err error, progress *clipProgress, size int64) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the server broke off after %s of %s: media of the range was deleted meanwhile, or is damaged, which its log says", byteText(progress.read.Load()), byteText(size))
	}
	return fmt.Errorf("write clip: %w", err)
}

// A clipProgress counts what has come of a file.
type clipProgress struct {
	reader io.Reader
	size   int64
	read   atomic.Int64
}

// Read implements io.Reader.
func (p *clipProgress) Read(b []byte) (int, error) {
	n, err := p.reader.Read(b)
	p.read.Add(int64(n))
	return n, err
}

func (p *clipProgress) line() string {
	n := p.read.Load()
	return fmt.Sprintf("%s of %s, %d %%", byteText(n), byteText(p.size), 100*n/max(p.size, 1))
}
