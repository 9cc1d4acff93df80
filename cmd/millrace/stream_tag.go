package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
)

type streamTag struct {
	Name streamName        `arg:"" help:"Name of the stream."`
	Tags map[string]string `arg:"" help:"Tags, key=value."`
	access
}

// Run sets the tags.
func (s streamTag) Run(ctx context.Context, c *console) error {
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	if err := conn.TagStream(ctx, s.Name.name(), s.Tags); err != nil {
		return fmt.Errorf("tag stream %s: %w", s.Name, err)
	}
	return c.print(struct{}{}, func(io.Writer) {})
}

type streamUntag struct {
	Name streamName `arg:"" help:"Name of the stream."`
	Keys []string   `arg:"" help:"Keys of the tags."`
	access
}

// Run removes the tags.
func (s streamUntag) Run(ctx context.Context, c *console) error {
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	if err := conn.UntagStream(ctx, s.Name.name(), s.Keys); err != nil {
		return fmt.Errorf("untag stream %s: %w", s.Name, err)
	}
	return c.print(struct{}{}, func(io.Writer) {})
}

type streamTags struct {
	Name streamName `arg:"" help:"Name of the stream."`
	access
}

// Run shows the tags.
func (s streamTags) Run(ctx context.Context, c *console) error {
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	tags, err := conn.Tags(ctx, s.Name.name())
	if err != nil {
		return fmt.Errorf("list tags of stream %s: %w", s.Name, err)
	}
	return c.print(tags, func(w io.Writer) { printTags(w, "", tags) })
}

// printTags writes a line for each tag, in the order of their keys.
func printTags(w io.Writer, prefix string, tags map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		fmt.Fprintf(w, "%s%s\t%s\n", prefix, key, tags[key])
	}
}
