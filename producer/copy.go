package producer

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/millrace/millrace/media"
)

// A Source gives frames: a camera, a file, a device. One goroutine uses it, once.
type Source interface {
	// Tracks waits until it is known what there are frames of.
	Tracks(ctx context.Context) ([]media.Track, error)
	// Frames gives frames in the order of decoding, until the source or ctx ends.
	// A frame's data are valid until the next one. An error ends it.
	Frames(ctx context.Context) iter.Seq2[media.Frame, error]
}

// A KeyFrameRequester is a Source that can be asked for a key frame. Copy asks
// it where a stream needs one.
type KeyFrameRequester interface {
	RequestKeyFrame(track media.TrackNumber)
}

// Copied is what Copy did.
type Copied struct {
	Frames  int64 // that the stream took
	Bytes   int64 // of these
	Refused int64 // that the stream did not take, for what was wrong with them
}

// Copy writes all frames of a source and ends the fragment. Frames that are at
// fault themselves, a [*FrameError], are counted and left out. Any other error
// ends Copy, as does the source's.
func Copy(ctx context.Context, to *Stream, from Source) (Copied, error) {
	var done Copied
	tracks, err := from.Tracks(ctx)
	if err != nil {
		return done, fmt.Errorf("copy: read tracks: %w", err)
	}
	if err := to.SetTracks(ctx, tracks); err != nil {
		return done, fmt.Errorf("copy: %w", err)
	}
	for f, err := range from.Frames(ctx) {
		if err != nil {
			return done, fmt.Errorf("copy: read frame: %w", err)
		}
		if err := done.write(ctx, to, from, f); err != nil {
			return done, fmt.Errorf("copy: %w", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return done, context.Cause(ctx)
	}
	return done, to.EndFragment(ctx)
}

func (c *Copied) write(ctx context.Context, to *Stream, from Source, f media.Frame) error {
	err := to.Write(ctx, f)
	var fault *FrameError
	switch {
	case err == nil:
		c.Frames++
		c.Bytes += int64(len(f.Data))
		return nil
	case !errors.As(err, &fault):
		return err
	}
	c.Refused++
	if r, ok := from.(KeyFrameRequester); ok && errors.Is(err, ErrNeedKeyFrame) {
		r.RequestKeyFrame(f.Track)
	}
	return nil
}
