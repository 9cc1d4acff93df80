package decode

import (
	"context"
	"iter"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// New returns a Decoder for video of any codec: Stills for JPEG and PNG, and
// FFmpeg for all else, which is looked for when a track needs it.
func New(o Options) Decoder { return &anyVideo{options: o} }

// anyVideo is a decoder that is chosen by each track.
type anyVideo struct {
	options Options
	chosen  Decoder // nil before a track that one can be chosen for
	stills  bool    // chosen is Stills
	closed  bool
}

// Configure implements Decoder.
func (d *anyVideo) Configure(t media.Track) error {
	if d.closed {
		return ErrClosed
	}
	stills := t.Codec == media.MJPEG || t.Codec == media.PNG
	if d.chosen == nil || d.stills != stills {
		if err := d.choose(stills); err != nil {
			return err
		}
	}
	return d.chosen.Configure(t)
}

func (d *anyVideo) choose(stills bool) error {
	if d.chosen != nil {
		if err := d.chosen.Close(); err != nil {
			return err
		}
		d.chosen = nil
	}
	if d.stills = stills; stills {
		d.chosen = NewStills(d.options)
		return nil
	}
	ffmpeg, err := NewFFmpeg(d.options)
	if err != nil {
		return err
	}
	d.chosen = ffmpeg
	return nil
}

// Decode implements Decoder.
func (d *anyVideo) Decode(ctx context.Context, f consumer.Frame) iter.Seq2[Picture, error] {
	if d.closed || d.chosen == nil {
		return d.refuse
	}
	return d.chosen.Decode(ctx, f)
}

func (d *anyVideo) refuse(yield func(Picture, error) bool) {
	if d.closed {
		yield(Picture{}, ErrClosed)
		return
	}
	yield(Picture{}, ErrNotConfigured)
}

// Flush implements Decoder.
func (d *anyVideo) Flush(ctx context.Context) iter.Seq2[Picture, error] {
	if d.closed {
		return d.refuse
	}
	if d.chosen == nil {
		return func(func(Picture, error) bool) {}
	}
	return d.chosen.Flush(ctx)
}

// Close implements Decoder.
func (d *anyVideo) Close() error {
	d.closed = true
	if d.chosen == nil {
		return nil
	}
	return d.chosen.Close()
}
