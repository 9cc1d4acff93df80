package decode

import (
	"bytes"
	"context"
	"iter"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// Pictures decodes the video of a sequence of frames, such as a reader's: of the
// first track of video that comes, and of no other. Where the track's codec or
// its private data change, the decoder gives out what it has, and begins anew.
// Behind the last frame comes what the decoder has kept back.
//
// Pictures come late, so the position that a reader reports in the loop's body is
// ahead of them. An error of the frames comes behind the pictures of those that
// came before it; an error of the decoder ends the sequence. The decoder remains
// the caller's to close.
func Pictures(ctx context.Context, d Decoder, frames iter.Seq2[consumer.Frame, error]) iter.Seq2[Picture, error] {
	return func(yield func(Picture, error) bool) {
		p := pictures{decoder: d, yield: yield}
		for f, err := range frames {
			if err != nil {
				if ctx.Err() != nil || p.all(d.Flush(ctx)) {
					yield(Picture{}, err)
				}
				return
			}
			if !p.concerns(f) {
				continue
			}
			if !p.follow(ctx, f.Format) || !p.all(d.Decode(ctx, f)) {
				return
			}
		}
		p.all(d.Flush(ctx))
	}
}

// pictures is a walk over frames.
type pictures struct {
	decoder Decoder
	yield   func(Picture, error) bool
	format  *media.Track // what the decoder was told; nil before the first frame
}

// concerns reports whether a frame is of the track that is decoded.
func (p *pictures) concerns(f consumer.Frame) bool {
	if f.Format == nil || f.Format.Type != media.Video {
		return false
	}
	return p.format == nil || f.Track == p.format.Number
}

// follow tells the decoder of a change of format. It returns false if the loop is
// over.
func (p *pictures) follow(ctx context.Context, format *media.Track) bool {
	if p.format != nil && sameFormat(p.format, format) {
		return true
	}
	if p.format != nil && !p.all(p.decoder.Flush(ctx)) {
		return false
	}
	p.format = format
	if err := p.decoder.Configure(*format); err != nil {
		p.yield(Picture{}, err)
		return false
	}
	return true
}

// sameFormat reports whether a decoder needs not be told.
func sameFormat(a, b *media.Track) bool {
	return a == b || a.CodecID == b.CodecID && bytes.Equal(a.Private, b.Private)
}

// all yields pictures up to an error. It returns false if the loop is over.
func (p *pictures) all(list iter.Seq2[Picture, error]) bool {
	for picture, err := range list {
		if !p.yield(picture, err) || err != nil {
			return false
		}
	}
	return true
}
