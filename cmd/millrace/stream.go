package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

type streamCommand struct {
	Create   streamCreate   `cmd:"" help:"Make a stream."`
	List     streamList     `cmd:"" help:"List streams."`
	Describe streamDescribe `cmd:"" help:"Show a stream's settings and tags."`
	Update   streamUpdate   `cmd:"" help:"Change a stream's settings."`
	Delete   streamDelete   `cmd:"" help:"Delete a stream and its media."`
	Tag      streamTag      `cmd:"" help:"Set tags of a stream."`
	Untag    streamUntag    `cmd:"" help:"Remove tags of a stream."`
	Tags     streamTags     `cmd:"" help:"Show a stream's tags."`

	Availability streamAvailability `cmd:"" help:"Show when a stream has media."`

	DeleteMedia streamDeleteMedia `cmd:"" help:"Delete a range of time of a stream's media."`
	Deletions   streamDeletions   `cmd:"" help:"Show what ranges were deleted, by whom and why."`
}

// A streamName is checked where it is written.
type streamName millrace.StreamName

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *streamName) UnmarshalText(text []byte) error {
	name, err := millrace.ParseStreamName(string(text))
	*n = streamName(name)
	return err
}

func (n streamName) name() millrace.StreamName { return millrace.StreamName(n) }

// hours is a retention: a duration of whole hours, a number of hours, or days
// with a d.
type hours time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *hours) UnmarshalText(text []byte) error {
	s := string(text)
	unit := time.Hour
	if days, ok := strings.CutSuffix(s, "d"); ok {
		s, unit = days, 24*time.Hour
	}
	d, err := time.ParseDuration(s)
	if n, numeric := strconv.Atoi(s); numeric == nil {
		d, err = time.Duration(n)*unit, nil
	}
	if err != nil || d < 0 || d > millrace.MaxRetention || d%time.Hour != 0 {
		return fmt.Errorf("%q is not a number of whole hours, such as 24h or 7d", text)
	}
	*h = hours(d)
	return nil
}

// streamInfo is a stream in JSON.
type streamInfo struct {
	Name           string            `json:"name"`
	ARN            string            `json:"arn"`
	Status         string            `json:"status"`
	RetentionHours int               `json:"retentionHours"`
	Created        time.Time         `json:"created"`
	Version        string            `json:"version"`
	DeviceName     string            `json:"deviceName,omitempty"`
	MediaType      string            `json:"mediaType,omitempty"`
	KMSKeyID       string            `json:"kmsKeyId,omitempty"`
	Tags           map[string]string `json:"tags,omitempty"`
}

func infoOf(s millrace.Stream) streamInfo {
	return streamInfo{
		Name: s.Name.String(), ARN: s.ARN.String(), Status: s.Status.String(),
		RetentionHours: int(s.Retention / time.Hour), Created: s.Created, Version: s.Version,
		DeviceName: s.DeviceName, MediaType: s.MediaType, KMSKeyID: s.KMSKeyID,
	}
}

type streamCreate struct {
	Name      streamName        `arg:"" help:"Name of the stream."`
	Retention hours             `help:"How long media are kept (24h); 0 keeps none." default:"24h" placeholder:"D"`
	Device    string            `help:"Device name, for information." placeholder:"NAME"`
	MediaType string            `help:"Media type, such as video/h264,audio/aac." placeholder:"TYPE"`
	Tag       map[string]string `help:"Tag, key=value; may be repeated." placeholder:"K=V"`
	access
}

// Run makes the stream.
func (s streamCreate) Run(ctx context.Context, c *console) error {
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	arn, err := conn.CreateStream(ctx, s.Name.name(), client.StreamSpec{
		Retention: time.Duration(s.Retention), DeviceName: s.Device, MediaType: s.MediaType, Tags: s.Tag,
	})
	if err != nil {
		return fmt.Errorf("create stream %s: %w", s.Name, err)
	}
	return c.print(map[string]string{"arn": arn.String()}, func(w io.Writer) { fmt.Fprintln(w, arn) })
}

type streamList struct {
	Prefix string `arg:"" optional:"" help:"Beginning of the names."`
	access
}

// Run lists the streams; as JSON one line for each.
func (s streamList) Run(ctx context.Context, c *console) error {
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	var all []streamInfo
	for stream, err := range conn.Streams(ctx, s.Prefix) {
		if err != nil {
			return fmt.Errorf("list streams: %w", err)
		}
		all = append(all, infoOf(stream))
	}
	if len(all) == 0 {
		c.say("There are no streams. Make one with: millrace stream create NAME")
	}
	return printList(c, all, func(s streamInfo, w io.Writer) {
		fmt.Fprintf(w, "%s\t%s\t%dh\t%s\n", s.Name, s.Status, s.RetentionHours, s.Created.Format(time.RFC3339))
	})
}

type streamDescribe struct {
	Name streamName `arg:"" help:"Name of the stream."`
	access
}

// Run shows the stream.
func (s streamDescribe) Run(ctx context.Context, c *console) error {
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	stream, err := conn.DescribeStream(ctx, s.Name.name())
	if err != nil {
		return fmt.Errorf("describe stream %s: %w", s.Name, err)
	}
	info := infoOf(stream)
	info.Tags, err = conn.Tags(ctx, s.Name.name())
	if millrace.CodeOf(err) == millrace.CodeAccessDenied { // a camera's key
		c.say("The key may not see the stream's tags.")
		err = nil
	}
	if err != nil {
		return fmt.Errorf("list tags of stream %s: %w", s.Name, err)
	}
	return c.print(info, func(w io.Writer) {
		fmt.Fprintf(w, "name\t%s\narn\t%s\nstatus\t%s\nretention\t%dh\ncreated\t%s\nversion\t%s\n",
			info.Name, info.ARN, info.Status, info.RetentionHours, info.Created.Format(time.RFC3339Nano), info.Version)
		for _, line := range [][2]string{{"device", info.DeviceName}, {"media type", info.MediaType}, {"kms key", info.KMSKeyID}} {
			if line[1] != "" {
				fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
			}
		}
		printTags(w, "tag ", info.Tags)
	})
}

type streamDelete struct {
	Name streamName `arg:"" help:"Name of the stream."`
	confirmation
	access
}

// Run deletes the stream, in the incarnation that it finds, once that was
// confirmed.
func (s streamDelete) Run(ctx context.Context, c *console) error {
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	stream, err := conn.DescribeStream(ctx, s.Name.name())
	if err != nil {
		return fmt.Errorf("delete stream %s: %w", s.Name, err)
	}
	question := fmt.Sprintf("Delete stream %s and all its media for good?", s.Name)
	if err := s.confirm(c, "stream delete", question); err != nil {
		return err
	}
	if err := conn.DeleteStream(ctx, stream.ARN, stream.Version); err != nil {
		return fmt.Errorf("delete stream %s: %w", s.Name, err)
	}
	return c.print(map[string]string{"deleted": stream.ARN.String()}, func(io.Writer) {})
}
