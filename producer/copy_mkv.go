package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// CopyMKV sends the Clusters of a Matroska stream as they arrive: a file that is
// too large for memory, or the output of an encoder that is still running. It
// follows the rules of ReadClip and Clip.Play, except that it cannot loop and
// that a Realtime copy does not skip. It returns at the end of r, or when ctx
// ends and r is not waiting. The last fragment is ended only at the end of r.
func CopyMKV(ctx context.Context, to *Stream, r io.Reader, o PlayOptions) error {
	s := newSplitter(r)
	c := copier{player: player{stream: to, options: o, base: o.Origin}}
	for {
		part, err := s.next()
		switch {
		case errors.Is(err, io.EOF) && c.clip != nil:
			to.end()
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("copy: %w", errNoMedia)
		case err != nil:
			return fmt.Errorf("copy: %w", err)
		}
		if err := c.send(ctx, s, part); err != nil {
			return err
		}
	}
}

// A copier plays parts that it sees once.
type copier struct {
	player
	leading [][]byte // Tags before the first Cluster
}

func (c *copier) send(ctx context.Context, s *splitter, p part) error {
	switch {
	case p.kind == partCluster:
		return c.begin(ctx, s, p)
	case c.clip == nil:
		c.leading = append(c.leading, bytes.Clone(p.raw))
		return nil
	case p.kind == partBlock:
		if err := c.wait(ctx, c.at(p.at)); err != nil {
			return err
		}
	}
	var err error
	if p.kind == partBlock {
		err = c.stream.appendFrame(ctx, frameInfo{c.media(p.at), p.key}, nil, p.raw)
	} else {
		err = c.stream.appendTags(ctx, bytes.Clone(p.raw))
	}
	if err != nil {
		return fmt.Errorf("copy frame: %w", err)
	}
	return nil
}

func (c *copier) begin(ctx context.Context, s *splitter, p part) error {
	k := s.cluster(p, c.leading)
	if c.clip == nil {
		c.clip = &Clip{clusters: []cluster{k}}
	}
	if c.options.Origin.IsZero() {
		c.base = time.Now()
		c.options.Origin = c.base
	}
	k.known = false // nothing is known of what is to come
	if err := c.wait(ctx, c.at(k.at)); err != nil {
		return err
	}
	c.stream.setHeader(k.header)
	if err := c.stream.begin(ctx, c.head(&k)); err != nil {
		return fmt.Errorf("copy cluster: %w", err)
	}
	c.leading = nil
	return nil
}
