package consumer

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// ReadOptions says how ReadFrom reads. The zero value hands out everything and
// passes over what cannot be read.
type ReadOptions struct {
	// Tracks are those whose frames are handed out; nil is all.
	Tracks []media.TrackNumber
	// Strict ends the loop at the first bytes that cannot be read, with a
	// *mkv.SyntaxError. Else they are passed over up to the next document, and told
	// by Events.Damaged.
	Strict bool
	// Replays, GapTolerance, MaxFrame and MaxRetained are as in LiveOptions, but that
	// a frame beyond MaxFrame is passed over like other damage unless Strict is set.
	Replays      ReplayPolicy
	GapTolerance time.Duration
	MaxFrame     int64
	MaxRetained  int64
	Events       Events
}

// ReadFrom reads a response of GetMedia or GetMediaForFragmentList, or any
// Matroska file: one fragment for every Cluster, handed out as soon as it has
// begun. It can be walked once. The reader does not close in, and reads no more
// of it when the loop is left. Only its reading can wait; who needs that to end
// with the context closes in.
func ReadFrom(in io.Reader, o ReadOptions) *Reader {
	r := &Reader{set: common{
		strict: o.Strict, tracks: o.Tracks, replays: o.Replays, events: o.Events,
		gapTolerance: orDefault(o.GapTolerance, defaultGapTolerance), maxRetained: orDefault(o.MaxRetained, defaultMaxRetained),
	}}
	walked := false
	r.open = func(context.Context, context.CancelCauseFunc, Position) (source, error) {
		if walked {
			return nil, ErrWalked
		}
		walked = true
		d := &document{reader: r, assembler: newAssembler(mkv.ReaderOptions{MaxBlockSize: orDefault(o.MaxFrame, defaultMaxFrame)})}
		d.reset(in)
		return d, nil
	}
	r.start()
	return r
}

// A document is a source that has everything in one input.
type document struct {
	assembler
	reader  *Reader
	current *Fragment
	ended   error // why there is nothing behind what was passed over; nil if there is
}

// head implements source.
func (d *document) head(ctx context.Context) (*Fragment, error) {
	if d.current != nil {
		d.current.drain()
	}
	elements := elementSource{
		next:   func(*Fragment) (mkv.Element, error) { return d.nextOf(ctx) },
		unread: d.unread,
	}
	for d.ended == nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		f, err := d.assembler.head(elements)
		if _, bad := damaged(err); !bad || d.reader.set.strict {
			d.current = f
			return f, err
		}
		d.ended = d.passOver(d.reader, err)
	}
	return nil, d.ended
}

// nextOf returns the next element of a fragment. It ends the fragment where its
// document is damaged.
func (d *document) nextOf(ctx context.Context) (mkv.Element, error) {
	if ctx.Err() != nil {
		return mkv.Element{}, context.Cause(ctx)
	}
	e, err := d.next()
	if _, bad := damaged(err); !bad || d.reader.set.strict {
		return e, err
	}
	d.ended = d.passOver(d.reader, err)
	if d.ended == nil || errors.Is(d.ended, io.EOF) {
		return mkv.Element{}, errPassedOver
	}
	return mkv.Element{}, d.ended
}

// close implements source.
func (d *document) close() {}
