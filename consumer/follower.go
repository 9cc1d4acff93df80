package consumer

import (
	"context"
	"errors"
	"io"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// maxBadReads is how many responses in a row may be unreadable, with no
// fragment completed between them, before that is taken for the truth.
const maxBadReads = 3

// A follower reads one stream over many connections.
type follower struct {
	assembler
	line
	start millrace.StartSelector
	quiet quietTimer

	current  *Fragment   // handed out last; nil at first
	pending  *Fragment   // came where current should have gone on
	told     *MediaError // likewise
	last     millrace.FragmentNumber
	badReads int
	ended    bool
}

// nextHead returns the next fragment that was not seen before.
func (f *follower) nextHead(ctx context.Context, source elementSource) (*Fragment, error) {
	f.settleCurrent()
	for !f.ended || f.told != nil {
		g, err := f.takeHead(ctx, source)
		switch {
		case err != nil:
			return nil, err
		case g == nil:
			continue
		}
		if f.seen(g) {
			g.drain()
			continue
		}
		if !f.opts.Until.IsZero() && !g.ServerTime.Before(f.opts.Until) {
			break
		}
		f.current = g
		return g, nil
	}
	return nil, io.EOF
}

func (f *follower) seen(g *Fragment) bool {
	return !g.Number.IsZero() && g.Number.Compare(f.last) <= 0
}

func (f *follower) settleCurrent() {
	if f.current != nil && f.current.Complete() {
		f.last = f.current.Number
		f.badReads = 0
	}
}

// takeHead reads one head from the connection, which it makes if there is
// none. It returns nil and no error if the connection broke.
func (f *follower) takeHead(ctx context.Context, source elementSource) (*Fragment, error) {
	if g, told := f.pending, f.told; g != nil || told != nil {
		f.pending, f.told = nil, nil
		return g, asError(told)
	}
	if f.body == nil {
		if err := f.open(ctx, f.selector()); err != nil {
			return nil, err
		}
		f.reset(f.body)
	}
	f.quiet.start()
	g, err := f.head(source)
	f.quiet.stop(err == nil)
	var told *MediaError
	switch {
	case err == nil:
		f.backoff.Reset()
		return g, nil
	case errors.As(err, &told):
		f.ended = f.opts.Once
		if lost := f.lose(ctx, err); lost != nil {
			return nil, lost
		}
		return nil, err
	}
	f.ended = f.opts.Once && errors.Is(err, io.EOF)
	return nil, f.disconnect(ctx, err)
}

// asError keeps a nil pointer from becoming an error.
func asError(told *MediaError) error {
	if told == nil {
		return nil
	}
	return told
}

// disconnect ends a connection that broke with err, and returns what ends the
// walk as well.
func (f *follower) disconnect(ctx context.Context, err error) error {
	if lost := f.lose(ctx, err); lost != nil {
		return lost
	}
	var syntax *mkv.SyntaxError
	if errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF) {
		if f.badReads++; f.badReads >= maxBadReads {
			return err
		}
	}
	return nil
}

// selector says where a new connection has to start.
func (f *follower) selector() millrace.StartSelector {
	switch {
	case !f.last.IsZero():
		return millrace.StartSelector{Type: millrace.StartFragmentNumber, Number: f.last}
	case f.current != nil && !f.current.Number.IsZero():
		return millrace.StartSelector{Type: millrace.StartFragmentNumber, Number: f.current.Number.Prev()}
	case f.start.Type == millrace.StartNow && !f.began.IsZero():
		// Not "now" again, or what came between would be lost.
		return millrace.StartSelector{Type: millrace.StartServerTime, Time: f.began}
	}
	return f.start
}

// nextOf returns the next element of g, if need be from another connection.
func (f *follower) nextOf(ctx context.Context, g *Fragment) (mkv.Element, error) {
	for {
		e, err := f.nextInDocument()
		if err == nil {
			return e, nil
		}
		if err := f.disconnect(ctx, err); err != nil {
			return mkv.Element{}, err
		}
		if err := f.resume(ctx, g); err != nil {
			return mkv.Element{}, err
		}
	}
}

// nextInDocument does not take the end of a response for the end of a document.
func (f *follower) nextInDocument() (mkv.Element, error) {
	if f.body == nil { // lost while another fragment was resumed
		return mkv.Element{}, io.ErrUnexpectedEOF
	}
	e, err := f.next()
	if err != nil || e.Kind != mkv.End || e.ID != mkv.IDSegment {
		return e, err
	}
	following, err := f.next()
	if err != nil {
		return mkv.Element{}, err
	}
	f.unread(following)
	return e, nil
}

// resume connects again and finds g. If something else is there instead, or
// nothing any more, the server has given g up: that is io.EOF.
func (f *follower) resume(ctx context.Context, g *Fragment) error {
	for !f.ended && !g.Number.IsZero() {
		h, err := f.takeHead(ctx, g.source)
		switch {
		case errors.As(err, &f.told):
			return io.EOF
		case errors.Is(err, errQuiet):
			f.ended = true
		case err != nil:
			return err
		case h == nil:
		case h.Number == g.Number:
			g.resume()
			return nil
		case f.seen(h):
			h.drain()
		default:
			f.pending = h
			return io.EOF
		}
	}
	return io.EOF
}
