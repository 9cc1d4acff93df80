package decode

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os/exec"
	"strings"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// FFmpeg is a Decoder for all video that FFmpeg knows, which it runs as a child
// process: from the first key frame behind Configure or Flush to the next Flush,
// Configure or Close, or the end of a context that a loop has. Pictures come some
// frames late, as many as the video reorders and the machine has still to decode.
type FFmpeg struct {
	options Options
	path    string
	track   *media.Track // nil before Configure
	closed  bool

	clock   frameClock
	child   *child   // nil if none runs
	ending  bool     // the child was told that there is no more
	waiting []packet // for which there was no room when a loop was left
	failed  error    // what the last child died of, until Configure
}

// NewFFmpeg returns a decoder that runs nothing yet. Where the program cannot be
// found the error is ErrNoFFmpeg.
func NewFFmpeg(o Options) (*FFmpeg, error) {
	name := o.Path
	if name == "" {
		name = "ffmpeg"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoFFmpeg, err)
	}
	return &FFmpeg{options: o, path: path}, nil
}

// Configure implements Decoder. The error is ErrUnsupported for tracks that are
// no video.
func (d *FFmpeg) Configure(t media.Track) error {
	if d.closed {
		return ErrClosed
	}
	if t.Type != media.Video || !strings.HasPrefix(t.CodecID, "V_") {
		return fmt.Errorf("track %d of %s: %w", t.Number, t.CodecID, ErrUnsupported)
	}
	d.reset()
	d.track = &t
	return nil
}

// reset drops everything but the settings.
func (d *FFmpeg) reset() {
	if d.child != nil {
		d.child.kill()
	}
	d.child, d.ending, d.waiting, d.failed = nil, false, nil, nil
	d.clock = frameClock{}
}

// Decode implements Decoder. Frames in front of a key frame are passed over, as are
// key frames that nothing can be decoded with.
func (d *FFmpeg) Decode(ctx context.Context, f consumer.Frame) iter.Seq2[Picture, error] {
	return func(yield func(Picture, error) bool) {
		if err := d.take(f); err != nil {
			yield(Picture{}, err)
			return
		}
		d.send(ctx, yield)
	}
}

// take copies a frame that is to be decoded.
func (d *FFmpeg) take(f consumer.Frame) error {
	fresh := (d.child == nil || d.ending) && len(d.waiting) == 0
	switch {
	case d.closed:
		return ErrClosed
	case d.track == nil:
		return ErrNotConfigured
	case d.failed != nil:
		return d.failed
	case len(f.Data) == 0, !f.Key && d.options.KeyFrames, fresh && (!f.Key || !startable(d.track, f)):
		return nil
	case len(d.waiting) == maxQueued:
		return ErrUnread
	}
	p := packetOf(d.track, d.clock.note(f), f)
	if d.options.KeyFrames {
		p.promptly(d.track, f, d.options.patient)
	}
	d.waiting = append(d.waiting, p)
	return nil
}

// send hands frames to the child and yields what is ready. As long as the child
// has no room it has pictures, or will have, so these are what it waits for. It
// returns false if the loop is over.
func (d *FFmpeg) send(ctx context.Context, yield func(Picture, error) bool) bool {
	if d.ending && !d.drain(ctx, yield) {
		return false
	}
	for len(d.waiting) > 0 {
		next := d.waiting[0]
		if next.alone && !d.drain(ctx, yield) {
			return false
		}
		if err := d.start(); err != nil {
			return yield(Picture{}, err) && false
		}
		select {
		case d.child.packets <- next:
			d.waiting = d.waiting[1:]
			if next.alone && !d.drain(ctx, yield) {
				return false
			}
		case p, more := <-d.child.pictures:
			if !d.give(ctx, p, more, yield) {
				return false
			}
		case <-ctx.Done():
			return d.cancel(ctx, yield)
		}
	}
	for d.child != nil {
		select {
		case p, more := <-d.child.pictures:
			if !d.give(ctx, p, more, yield) {
				return false
			}
		default:
			return true
		}
	}
	return true
}

func (d *FFmpeg) start() error {
	if d.child != nil {
		return nil
	}
	c, err := startChild(d.path, d.options, d.track)
	if err != nil {
		d.failed = err
		return err
	}
	d.child = c
	return nil
}

// give yields a picture, or why there are no more.
func (d *FFmpeg) give(ctx context.Context, p decoded, more bool, yield func(Picture, error) bool) bool {
	if !more {
		return d.bury(ctx, yield)
	}
	picture, known := d.clock.picture(p.at)
	if !known {
		return true // of nothing that was sent: it has no time
	}
	picture.Image = p.image
	return yield(picture, nil)
}

// bury is called when the child has no more pictures. That is as it should be
// where it was told to end.
func (d *FFmpeg) bury(ctx context.Context, yield func(Picture, error) bool) bool {
	err := d.child.wait(ctx)
	asked := d.ending
	d.child, d.ending = nil, false
	if err == nil && !asked {
		err = &ProcessError{Err: errEarly}
	}
	if err == nil {
		return true
	}
	if !errors.Is(err, ctx.Err()) {
		d.failed = err
	}
	yield(Picture{}, err)
	return false
}

// cancel ends the child because the context has ended.
func (d *FFmpeg) cancel(ctx context.Context, yield func(Picture, error) bool) bool {
	d.reset()
	yield(Picture{}, ctx.Err())
	return false
}

// Flush implements Decoder. A loop over it that is left is gone on with by the
// next call of it, or of Decode.
func (d *FFmpeg) Flush(ctx context.Context) iter.Seq2[Picture, error] {
	return func(yield func(Picture, error) bool) {
		switch {
		case d.closed:
			yield(Picture{}, ErrClosed)
		case d.failed != nil:
			yield(Picture{}, d.failed)
		case d.send(ctx, yield):
			d.drain(ctx, yield)
		}
	}
}

// drain tells the child that there is no more, and yields what it has left.
func (d *FFmpeg) drain(ctx context.Context, yield func(Picture, error) bool) bool {
	if d.child != nil && !d.ending {
		d.child.finish()
		d.ending = true
	}
	for d.child != nil {
		select {
		case p, more := <-d.child.pictures:
			if !d.give(ctx, p, more, yield) {
				return false
			}
		case <-ctx.Done():
			return d.cancel(ctx, yield)
		}
	}
	return true
}

// Close implements Decoder. It kills the child.
func (d *FFmpeg) Close() error {
	d.reset()
	d.closed = true
	return nil
}
