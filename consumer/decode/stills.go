package decode

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"iter"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// Stills is a Decoder for tracks of JPEG and PNG pictures. Each frame is one, and
// is yielded at once. A frame that cannot be read is an error of its own; the next
// one may be fine.
type Stills struct {
	options Options
	codec   media.Codec
	closed  bool
}

// NewStills returns a decoder. Of the options it heeds MaxPixels and KeyFrames;
// images are as image/jpeg and image/png return them.
func NewStills(o Options) *Stills { return &Stills{options: o} }

// Configure implements Decoder. The error is ErrUnsupported for other codecs.
func (d *Stills) Configure(t media.Track) error {
	switch {
	case d.closed:
		return ErrClosed
	case t.Codec != media.MJPEG && t.Codec != media.PNG:
		return fmt.Errorf("track %d of %s: %w", t.Number, t.CodecID, ErrUnsupported)
	}
	d.codec = t.Codec
	return nil
}

// Decode implements Decoder.
func (d *Stills) Decode(ctx context.Context, f consumer.Frame) iter.Seq2[Picture, error] {
	return func(yield func(Picture, error) bool) {
		if !f.Key && d.options.KeyFrames {
			return
		}
		p := pictureOf(f)
		var err error
		if p.Image, err = d.decode(ctx, f.Data); err != nil {
			p = Picture{}
		}
		yield(p, err)
	}
}

func (d *Stills) decode(ctx context.Context, data []byte) (image.Image, error) {
	config, whole := jpeg.DecodeConfig, jpeg.Decode
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case d.closed:
		return nil, ErrClosed
	case d.codec == media.PNG:
		config, whole = png.DecodeConfig, png.Decode
	case d.codec != media.MJPEG:
		return nil, ErrNotConfigured
	}
	return decodeStill(data, d.options.maxPixels(), config, whole)
}

// decodeStill looks at the size that a picture says it has before memory is taken
// for it.
func decodeStill(data []byte, most int, config func(io.Reader) (image.Config, error), whole func(io.Reader) (image.Image, error)) (image.Image, error) {
	c, err := config(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decode still: %w", err)
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > most/c.Height {
		return nil, fmt.Errorf("%d by %d pixels: %w", c.Width, c.Height, ErrTooLarge)
	}
	img, err := whole(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decode still: %w", err)
	}
	return img, nil
}

// Flush implements Decoder. There is never anything left.
func (d *Stills) Flush(context.Context) iter.Seq2[Picture, error] {
	return func(func(Picture, error) bool) {}
}

// Close implements Decoder.
func (d *Stills) Close() error {
	d.closed = true
	return nil
}
