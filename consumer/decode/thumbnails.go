package decode

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

const (
	defaultBatch = 32              // pictures
	defaultDelay = 2 * time.Second // from the first frame of a batch to its decoding
	maxBatchSize = 16 << 20        // bytes of frames
)

// Thumbnails is a Thumbnailer with Every and no more.
func Thumbnails(ctx context.Context, r *consumer.Reader, every time.Duration, save func(Picture) error) error {
	return Thumbnailer{Every: every}.Run(ctx, r, save)
}

// A Thumbnailer makes pictures of a stream's key frames, in batches: starting
// FFmpeg costs more than a picture, and a run that has an end keeps nothing back.
type Thumbnailer struct {
	// Every is the least time from one picture to the next. 0 takes all key frames.
	Every time.Duration
	// Options say how pictures are made, such as their Width.
	Options Options
	// Batch is how many key frames are decoded at once at most. 0 is 32.
	Batch int
	// Delay is after what time a batch is decoded that is not full, at the next frame
	// of the stream. 0 is 2 s.
	Delay time.Duration
}

// Run hands the pictures of the reader's first track of video to save, until the
// reader ends, save returns an error, or something fails. When a batch is saved the
// reader's position is committed. With a reader that commits Manually no picture is
// lost to a crash or to a context that ends: those of the last batch may be saved
// again. With others they are lost.
func (t Thumbnailer) Run(ctx context.Context, r *consumer.Reader, save func(Picture) error) error {
	t.Options.KeyFrames, t.Options.patient = true, true
	decoder := New(t.Options)
	defer decoder.Close()
	b := batch{decoder: decoder, save: save}
	for f, err := range r.Frames(ctx) {
		if err != nil {
			return b.last(ctx, r, err)
		}
		if t.wants(&b, f) {
			if err := b.add(ctx, f); err != nil {
				return err
			}
		}
		if b.due(t) {
			if err := b.finish(ctx, r); err != nil {
				return err
			}
		}
	}
	return b.finish(ctx, r)
}

// wants reports whether a frame is to become a picture.
func (t Thumbnailer) wants(b *batch, f consumer.Frame) bool {
	if !f.Key || f.Format == nil || f.Format.Type != media.Video || b.format != nil && f.Track != b.format.Number {
		return false
	}
	since := f.Instant() - b.latest
	return b.format == nil || since >= t.Every || since < 0
}

// A batch is key frames that are decoded together.
type batch struct {
	decoder Decoder
	save    func(Picture) error
	format  *media.Track  // of the frame that was added last; nil before the first
	latest  time.Duration // its instant

	frames []consumer.Frame
	size   int // bytes of their data
	since  time.Time
}

// due reports whether the batch should wait no more.
func (b *batch) due(t Thumbnailer) bool {
	most, delay := t.Batch, t.Delay
	if most <= 0 {
		most = defaultBatch
	}
	if delay <= 0 {
		delay = defaultDelay
	}
	return len(b.frames) >= most || b.size >= maxBatchSize || len(b.frames) > 0 && time.Since(b.since) >= delay
}

// add copies a frame.
func (b *batch) add(ctx context.Context, f consumer.Frame) error {
	if b.format != nil && !sameFormat(b.format, f.Format) {
		if err := b.decode(ctx); err != nil {
			return err
		}
	}
	if len(b.frames) == 0 {
		b.since = time.Now()
	}
	b.format, b.latest = f.Format, f.Instant()
	b.frames = append(b.frames, f.Clone())
	b.size += len(f.Data)
	return nil
}

// finish decodes what there is, and commits the position. That counts the frame in
// the loop's hand as done, which is in the batch or is to become no picture.
func (b *batch) finish(ctx context.Context, r *consumer.Reader) error {
	if len(b.frames) == 0 {
		return nil
	}
	if err := b.decode(ctx); err != nil {
		return err
	}
	return r.Commit(ctx)
}

// last finishes the batch because the reader has ended with err. There may be no
// next time for it: the stream may be another worker's from now on.
func (b *batch) last(ctx context.Context, r *consumer.Reader, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(err, b.finish(ctx, r))
}

// decode has the frames decoded in one run, and saves the pictures.
func (b *batch) decode(ctx context.Context) error {
	if len(b.frames) == 0 {
		return nil
	}
	for picture, err := range Pictures(ctx, b.decoder, b.all) {
		if err != nil {
			return err
		}
		if err := b.save(picture); err != nil {
			return err
		}
	}
	b.frames, b.size = slices.Delete(b.frames, 0, len(b.frames)), 0
	return nil
}

func (b *batch) all(yield func(consumer.Frame, error) bool) {
	for _, f := range b.frames {
		if !yield(f, nil) {
			return
		}
	}
}
