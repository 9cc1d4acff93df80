package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

type framesCommand struct {
	Stream string              `arg:"" optional:"" help:"Name of the stream; - is Matroska, such as what pull writes, from standard input."`
	File   string              `help:"Matroska file to read instead of a stream." placeholder:"PATH"`
	Track  []media.TrackNumber `help:"This track alone; may be repeated." placeholder:"N"`
	reading
	access
}

// Help is what the long help says.
func (framesCommand) Help() string {
	return "Writes a line for each frame, as soon as it is whole: its time on the producer's clock, when the server got its fragment, its track and codec, key or -, " +
		"its size, and its latency, which is how old it was, by the producer's clock and this machine's, when it was here. " +
		"A stream is read as pull reads it, live if nothing is said. A file has no clocks: its frames have the time of its own, and no latency."
}

// A frameInfo is a frame in JSON. What is not known is left out.
type frameInfo struct {
	Fragment     string            `json:"fragmentNumber,omitempty"`
	Index        int               `json:"index"` // in its fragment, from 0
	Time         *time.Time        `json:"time,omitempty"`
	ServerTime   *time.Time        `json:"serverTime,omitempty"`
	Milliseconds float64           `json:"milliseconds"` // by the media's own clock
	Track        media.TrackNumber `json:"track"`
	Codec        string            `json:"codec"`
	Key          bool              `json:"key"`
	Size         int               `json:"size"` // bytes
	Latency      *float64          `json:"latencyMilliseconds,omitempty"`
	Replay       bool              `json:"replay,omitempty"`
}

// Run lists the frames until there are no more.
func (f framesCommand) Run(ctx context.Context, c *console) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r, endless, err := f.open(c, time.Now(), end)
	if err != nil {
		return err
	}
	defer r.close()
	count, err := f.list(ctx, c, r.Reader)
	switch ended := endless && errors.Is(err, context.Canceled); {
	case err != nil && !ended:
		return fmt.Errorf("frames of %s: %w", f.name(), err)
	case count == 0 && !ended:
		return fmt.Errorf("there are no frames of %s in that time", f.name())
	}
	return nil
}

// list writes a line for each frame, and counts them.
func (f framesCommand) list(ctx context.Context, c *console, r *consumer.Reader) (count int, err error) {
	for frame, err := range r.Frames(ctx) {
		if err != nil {
			return count, err
		}
		count++
		if err := f.write(c, infoOfFrame(frame, time.Now(), !f.local())); err != nil {
			return count, err
		}
	}
	return count, nil
}

// local reports whether a file or standard input is read.
func (f framesCommand) local() bool { return f.File != "" || f.Stream == "-" }

// name is what is read, for people.
func (f framesCommand) name() string {
	switch {
	case f.File != "":
		return f.File
	case f.Stream == "-":
		return "standard input"
	}
	return "stream " + f.Stream
}

// An openReader is a reader and what it reads from.
type openReader struct {
	*consumer.Reader
	input io.Closer // nil if it is a stream, or not ours
}

func (r openReader) close() {
	_ = r.Close() // nothing is kept
	if r.input != nil {
		_ = r.input.Close() // it was only read from
	}
}

// open makes the reader. endless says that it ends with Ctrl-C.
func (f framesCommand) open(c *console, now time.Time, end context.CancelCauseFunc) (r openReader, endless bool, err error) {
	set := f.From.set || f.To.set || f.For != 0 || f.Follow
	switch {
	case f.File != "" && f.Stream != "":
		return r, false, usagef("frames", "a stream and --file are two things to read")
	case f.File == "" && f.Stream == "":
		return r, false, usagef("frames", "expected \"<stream>\", - or --file PATH")
	case f.local() && set:
		return r, false, usagef("frames", "a file is read whole: --from, --to, --for and --follow are for streams")
	}
	if f.local() {
		r, err = f.openFile(c, end)
		return r, false, err
	}
	var name streamName
	if err := name.UnmarshalText([]byte(f.Stream)); err != nil {
		return r, false, usagef("frames", "%w", err)
	}
	s, err := f.span("frames", now)
	if err != nil {
		return r, false, err
	}
	conn, err := f.consumer(c)
	if err != nil {
		return r, false, err
	}
	o := s.options()
	o.Tracks, o.Events = f.Track, talkOf(c, end)
	return openReader{Reader: conn.Live(name.name(), o)}, s.endless(), nil
}

func (f framesCommand) openFile(c *console, end context.CancelCauseFunc) (openReader, error) {
	o := consumer.ReadOptions{Tracks: f.Track, Events: talkOf(c, end)}
	if f.File == "" {
		return openReader{Reader: consumer.ReadFrom(c.in, o)}, nil
	}
	file, err := os.Open(f.File)
	if err != nil {
		return openReader{}, &usageError{fmt.Errorf("open file: %w", err), "millrace frames --help"}
	}
	return openReader{consumer.ReadFrom(file, o), file}, nil
}

func (framesCommand) write(c *console, i frameInfo) error {
	line := i.String()
	if c.json {
		b, err := json.Marshal(i)
		if err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		line = string(b)
	}
	if _, err := io.WriteString(c.out, line+"\n"); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// infoOfFrame says what there is to say of a frame that was here at the given
// time. clocks says that its latency means something.
func infoOfFrame(f consumer.Frame, now time.Time, clocks bool) frameInfo {
	i := frameInfo{
		Index: f.Index, Milliseconds: float64(f.PTS) / float64(time.Millisecond),
		Track: f.Track, Codec: media.Unknown.String(), Key: f.Key, Size: len(f.Data), Replay: f.Replay,
	}
	if f.Format != nil {
		i.Codec = f.Format.Codec.String()
	}
	if !f.Fragment.Number.IsZero() {
		i.Fragment = f.Fragment.Number.String()
	}
	if !f.ServerTime.IsZero() {
		i.ServerTime = &f.ServerTime
	}
	if !f.Time.IsZero() {
		i.Time = &f.Time
		if clocks {
			latency := float64(now.Sub(f.Time).Microseconds()) / 1000
			i.Latency = &latency
		}
	}
	return i
}

// String writes a frame for people.
func (i frameInfo) String() string {
	at := time.Duration(i.Milliseconds * float64(time.Millisecond)).String()
	if i.Time != nil {
		at = i.Time.Local().Format(momentLayout)
	}
	received, latency, key := "-", "-", "-"
	if i.ServerTime != nil {
		received = i.ServerTime.Local().Format(momentLayout)
	}
	if i.Latency != nil {
		latency = fmt.Sprintf("%.1f ms", *i.Latency)
	}
	if i.Key {
		key = "key"
	}
	line := fmt.Sprintf("%-24s  %-24s  %d %-7s  %-3s  %8d  %s", at, received, i.Track, i.Codec, key, i.Size, latency)
	if i.Replay {
		line += "  replay"
	}
	return strings.TrimRight(line, " ")
}
