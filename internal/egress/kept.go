package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Sizes of what a reader holds of the store's fragments, in bytes.
const (
	wholeLimit = 512 << 10 // a fragment that is held at once
	partSize   = 256 << 10 // of a larger one
	keptCost   = 4 << 10   // beside its bytes
)

// kept delivers a fragment from the store, once there is memory for it. One that
// has gone since, or whose bytes are not what they were, is passed over (I7).
func (o *output) kept(ctx context.Context, entry store.Entry) error {
	size := entry.Size
	inParts := size > wholeLimit && o.egress.Opener != nil
	if inParts {
		size = partSize
	}
	loan, err := o.egress.Memory.Borrow(ctx, size+keptCost, o.cut)
	if err != nil {
		return err
	}
	defer loan.Return()
	body := o.egress.body(size)
	defer o.egress.bodies.Put(&body)
	if inParts {
		return o.parts(ctx, entry, body)
	}
	f, err := o.egress.Index.Read(ctx, o.scope(), entry, body)
	if err != nil {
		return o.unread(ctx, entry, err)
	}
	o.tag(f.Number, f.ProducerTime)
	o.pieces = append(o.pieces[:0], f.Header.Bytes, f.Leading, o.before)
	o.pieces = append(o.pieces, f.Cluster...)
	o.pieces = append(o.pieces, f.Trailing, o.behind)
	return o.last(f.Number, len(f.Samples))
}

// tag makes the service's tags of a fragment from the store.
func (o *output) tag(n millrace.FragmentNumber, producer time.Time) {
	if o.listed {
		o.before, o.behind = appendListedTags(o.before[:0], n, producer), o.behind[:0]
		return
	}
	o.before = appendOpeningTags(o.before[:0], n, producer)
	o.behind = appendClosingTags(o.behind[:0], n, o.egress.Now())
}

// last writes the end of a fragment from the store.
func (o *output) last(n millrace.FragmentNumber, frames int) error {
	err := o.flush()
	if err == nil {
		o.delivered(n, frames)
	}
	return err
}

// unread says what becomes of a response whose next fragment could not be read,
// of which nothing is out.
func (o *output) unread(ctx context.Context, entry store.Entry, err error) error {
	switch {
	case o.listed:
		return o.unlisted(ctx, entry.Number, err)
	case errors.Is(err, millrace.ErrNotFound):
		return nil
	case errors.Is(err, millrace.ErrCorrupt):
		o.egress.Logger.Error("fragment is damaged and was passed over", "fragment", entry.Number, "err", err)
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return o.fail(err, entry.Number)
}

// body returns memory for a fragment.
func (e *Egress) body(size int64) []byte {
	if b, ok := e.bodies.Get().(*[]byte); ok && int64(cap(*b)) >= size && int64(cap(*b)) <= 4*size+keptCost {
		return (*b)[:cap(*b)]
	}
	return make([]byte, size)
}

// parts delivers a fragment that is too large to be held, part by part. It has
// been verified before its first byte goes out; if something is wrong with it
// behind that, the client is cut off before it has all of it.
func (o *output) parts(ctx context.Context, entry store.Entry, buf []byte) error {
	p, err := o.egress.Opener.Open(ctx, o.scope(), entry, buf)
	if err != nil {
		return o.unread(ctx, entry, err)
	}
	o.tag(p.Number, p.ProducerTime)
	o.pieces = append(o.pieces[:0], p.Header.Bytes)
	err = o.part(p, p.Leading, buf)
	if err == nil {
		o.pieces = append(o.pieces, o.before)
		err = o.part(p, p.Cluster, buf)
	}
	if err == nil {
		err = o.part(p, p.Trailing, buf)
	}
	if err != nil {
		return err
	}
	o.pieces = append(o.pieces, o.behind)
	return o.last(p.Number, p.Frames)
}

// part delivers the next n bytes of a body, with what is to go before them.
func (o *output) part(p *store.Parts, n int64, buf []byte) error {
	for n > 0 {
		got, err := p.Read(buf[:min(int64(len(buf)), n)])
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("%w: %w", ErrCut, err)
		}
		n -= int64(got)
		o.pieces = append(o.pieces, buf[:got])
		if err := o.flush(); err != nil {
			return err
		}
	}
	return nil
}
