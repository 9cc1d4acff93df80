package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

type streamUpdate struct {
	Name      streamName `arg:"" help:"Name of the stream."`
	Retention *hours     `help:"How long media are kept, such as 24h or 7d. What a shorter one lets go does not come back." placeholder:"D"`
	Device    string     `help:"Device name." placeholder:"NAME"`
	MediaType string     `help:"Media type." placeholder:"TYPE"`
	confirmation
	access
}

// Run changes what was given, one call after the other, each on the version
// that the one before made. A shorter retention is confirmed before that.
func (s streamUpdate) Run(ctx context.Context, c *console) error {
	if s.Retention == nil && s.Device == "" && s.MediaType == "" {
		return usagef("stream update", "nothing to change")
	}
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	stream, err := conn.DescribeStream(ctx, s.Name.name())
	if err != nil {
		return fmt.Errorf("update stream %s: %w", s.Name, err)
	}
	if s.Retention != nil && time.Duration(*s.Retention) < stream.Retention {
		if err := s.confirm(c, "stream update", s.question(stream)); err != nil {
			return err
		}
	}
	if stream, err = s.update(ctx, conn, stream); err != nil {
		return fmt.Errorf("update stream %s: %w", s.Name, err)
	}
	info := infoOf(stream)
	return c.print(info, func(w io.Writer) { fmt.Fprintf(w, "retention\t%dh\nversion\t%s\n", info.RetentionHours, info.Version) })
}

// question says what a shorter retention lets go.
func (s streamUpdate) question(was millrace.Stream) string {
	now := infoOf(millrace.Stream{Retention: time.Duration(*s.Retention)}).RetentionHours
	return fmt.Sprintf("Let the media of stream %s go that are older than %dh, which were kept for %dh?", s.Name, now, infoOf(was).RetentionHours)
}

func (s streamUpdate) update(ctx context.Context, conn *client.Client, stream millrace.Stream) (_ millrace.Stream, err error) {
	if s.Device != "" || s.MediaType != "" {
		if err := conn.UpdateStream(ctx, s.Name.name(), stream.Version, s.Device, s.MediaType); err != nil {
			return stream, err
		}
		if stream, err = conn.DescribeStream(ctx, s.Name.name()); err != nil {
			return stream, err
		}
	}
	if s.Retention == nil || time.Duration(*s.Retention) == stream.Retention {
		return stream, nil
	}
	if err := conn.ChangeRetention(ctx, s.Name.name(), stream.Version, time.Duration(*s.Retention)-stream.Retention); err != nil {
		return stream, err
	}
	return conn.DescribeStream(ctx, s.Name.name())
}
