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
	access
}

// Run changes what was given, one call after the other, each on the version
// that the one before made.
func (s streamUpdate) Run(ctx context.Context, c *console) error {
	if s.Retention == nil && s.Device == "" && s.MediaType == "" {
		return usagef("stream update", "nothing to change")
	}
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	stream, err := s.update(ctx, conn)
	if err != nil {
		return fmt.Errorf("update stream %s: %w", s.Name, err)
	}
	info := infoOf(stream)
	return c.print(info, func(w io.Writer) { fmt.Fprintf(w, "retention\t%dh\nversion\t%s\n", info.RetentionHours, info.Version) })
}

func (s streamUpdate) update(ctx context.Context, conn *client.Client) (millrace.Stream, error) {
	stream, err := conn.DescribeStream(ctx, s.Name.name())
	if err != nil {
		return stream, err
	}
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
