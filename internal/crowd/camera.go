package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

const (
	frameRate = 25 // a second
	gop       = 50 // frames of a fragment
)

// A camera writes frames to a stream, on time.
type camera struct {
	stream *producer.Stream
	data   []byte
	lag    time.Duration // behind the others
	first  int           // frames of its first fragment are fewer by so many

	slowest time.Duration // Write; read when run has returned
	late    time.Duration // the most that a frame was written too late
	written int
}

// open opens the camera of number n out of c.streams, each of which is at another
// place between two frames and between two key frames.
func (c crowd) open(ctx context.Context, client *producer.Client, n int) (*camera, error) {
	name, err := millrace.ParseStreamName(fmt.Sprintf("camera-%d", n))
	if err != nil {
		return nil, err
	}
	stream, err := client.Open(ctx, name, producer.StreamConfig{
		Create: &producer.Spec{Retention: time.Hour},
		Tracks: []media.Track{{Number: 1, UID: 1, Type: media.Video, CodecID: "V_CROWD"}},
		Buffer: producer.BufferRules{Spool: !c.memory},
	})
	if err != nil {
		return nil, err
	}
	return &camera{
		stream: stream,
		data:   make([]byte, c.rate/8/frameRate),
		lag:    time.Duration(n) * time.Second / frameRate / time.Duration(c.streams),
		first:  n % gop,
	}, nil
}

// run writes frames until ctx ends.
func (c *camera) run(ctx context.Context) error {
	begin := time.Now().Add(c.lag)
	t := time.NewTimer(time.Until(begin))
	defer t.Stop()
	for n := 0; ; n++ {
		due := begin.Add(time.Duration(n) * time.Second / frameRate)
		t.Reset(time.Until(due))
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
		binary.BigEndian.PutUint64(c.data, uint64(n))
		began := time.Now()
		f := media.Frame{Track: 1, PTS: time.Duration(due.UnixNano()), Key: n == 0 || (n+c.first)%gop == 0, Data: c.data}
		if err := c.stream.Write(ctx, f); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		c.slowest, c.late = max(c.slowest, time.Since(began)), max(c.late, began.Sub(due))
		c.written++
	}
}
