package consumer

import (
	"context"
	"errors"
	"io"
	"time"

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
	from    beginning
	until   Until
	expired ExpiredPolicy
	quiet   quietTimer

	current  *Fragment      // handed out last; nil at first
	pending  *Fragment      // came where current should have gone on
	told     *FragmentError // likewise
	badReads int

	stuck      millrace.FragmentNumber // of the last error document
	stuckTimes int                     // that it came in a row
	ended      bool

	toldExpired time.Time // the position's time of which that was told
	edge        time.Time // when there was last nothing more to be had, by our clock
}

// head implements source.
func (f *follower) head(ctx context.Context) (*Fragment, error) {
	f.settleCurrent()
	elements := elementSource{
		next:   func(g *Fragment) (mkv.Element, error) { return f.nextOf(ctx, g) },
		unread: f.unread,
	}
	for !f.ended || f.told != nil {
		if f.pending == nil && f.told == nil && f.renew(ctx, f.from.last) {
			f.reset(f.body)
		}
		g, err := f.takeHead(ctx, elements)
		switch {
		case err != nil:
			return nil, err
		case g == nil:
			continue
		}
		if f.from.seen(g.Number) {
			g.drain()
			continue
		}
		if !f.until.Time.IsZero() && !g.ServerTime.Before(f.until.Time) {
			break
		}
		f.current = g
		f.from.begin(g)
		return g, nil
	}
	return nil, io.EOF
}

// settleCurrent drains what is left of the fragment that was handed out.
func (f *follower) settleCurrent() {
	if f.current == nil {
		return
	}
	f.current.drain()
	if f.current.Complete() && f.current.Number.Compare(f.from.last) > 0 { // once: what fails behind it comes here again
		f.from.finish(f.current.Number)
		f.badReads, f.stuckTimes = 0, 0
	}
}

// leap implements leaper.
func (f *follower) leap() {
	f.from.leap()
	f.dropSuccessor() // it begins too early
	f.hangUp()
	f.pending, f.told, f.current = nil, nil, nil
	f.backoff.Reset()
	f.tried = false // nothing is wrong, so nothing is waited for
}

// takeHead reads one head from the connection, which it makes if there is
// none. It returns nil and no error if the connection broke.
func (f *follower) takeHead(ctx context.Context, elements elementSource) (*Fragment, error) {
	if g, told := f.pending, f.told; g != nil || told != nil {
		f.pending, f.told = nil, nil
		return g, asError(told)
	}
	if f.body == nil {
		if err := f.connect(ctx); err != nil {
			return nil, err
		}
		f.reset(f.body)
	}
	f.quiet.start()
	began := time.Now()
	g, err := f.assembler.head(elements)
	f.quiet.stop(err == nil)
	if err == nil {
		f.backoff.Reset()
		return g, nil
	}
	if told, ok := errors.AsType[*FragmentError](err); ok {
		return nil, f.refused(ctx, told)
	}
	if errors.Is(err, io.EOF) {
		f.ended = f.until.EndOfData
		if time.Since(began) >= edgeWait {
			f.edge = time.Now()
		}
	}
	return nil, f.disconnect(ctx, err)
}

// connect makes a connection that starts where the last one ended.
func (f *follower) connect(ctx context.Context) error {
	if err := f.checkExpiry(ctx); err != nil {
		return err
	}
	return f.open(ctx, func() millrace.StartSelector { return f.from.selector(f.began) })
}

// notFoundID is what servers say of a fragment that is not there.
const notFoundID = 4000

// refused is told of an error document. That a number is not there, which was
// guessed, says nothing about media. A fragment about which a server says so time
// and again is passed over.
func (f *follower) refused(ctx context.Context, told *FragmentError) error {
	if lost := f.lose(ctx, told); lost != nil {
		return lost
	}
	switch {
	case told.ID == notFoundID && f.from.guesses():
		f.from.byTime = true
		return nil
	case told.ID == notFoundID && f.from.knows(): // the server says what it may also pass over
		f.from.byTime = true
		if time.Since(f.from.at) < keptAnyway {
			return nil // what is young has not expired: the fragment was given up by its producer
		}
		return f.expire()
	case f.stuck == told.Number:
		if f.stuckTimes++; f.stuckTimes >= maxBadReads {
			f.from.finish(told.Number)
		}
	default:
		f.stuck, f.stuckTimes = told.Number, 1
	}
	f.ended = f.until.EndOfData
	return told
}

// asError keeps a nil pointer from becoming an error.
func asError(told *FragmentError) error {
	if told == nil {
		return nil
	}
	return told
}

// disconnect ends a connection that broke with err, and returns what ends the
// walk as well. What cannot be read is asked for again; if it comes again as it
// was, it is passed over, and the connection stays.
func (f *follower) disconnect(ctx context.Context, err error) error {
	if _, bad := damaged(err); bad && !errors.Is(err, io.ErrUnexpectedEOF) {
		if f.badReads++; f.badReads >= maxBadReads {
			return f.passDamage(ctx, err)
		}
	}
	return f.lose(ctx, err)
}

// passDamage goes on behind what could not be read in several responses, and
// returns err if nothing comes behind it. A frame beyond the bound that was set is
// no damage but a reason to set another.
func (f *follower) passDamage(ctx context.Context, err error) error {
	if errors.Is(err, mkv.ErrTooLarge) {
		if lost := f.lose(ctx, err); lost != nil {
			return lost
		}
		return err
	}
	failed := f.passOver(f.line.reader, err)
	if failed == nil {
		f.badReads = 0
		if f.current != nil {
			f.from.finish(f.current.Number) // there is no more to be had of it
		}
		return nil
	}
	if lost := f.lose(ctx, failed); lost != nil || !errors.Is(failed, io.EOF) {
		return lost
	}
	return err
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
// nothing any more, the server has given g up: that is io.EOF. An error document
// may pass; one that comes again and again is the server's last word on g.
func (f *follower) resume(ctx context.Context, g *Fragment) error {
	for !f.ended && !g.Number.IsZero() {
		h, err := f.takeHead(ctx, g.source)
		told, refused := errors.AsType[*FragmentError](err)
		switch {
		case refused && (f.ended || f.stuckTimes >= maxBadReads):
			f.told = told
			f.from.finish(g.Number)
			return io.EOF
		case refused:
			f.line.reader.failed(told)
		case errors.Is(err, errQuiet):
			f.ended = true
		case err != nil:
			return err
		case h == nil:
		case h.Number == g.Number:
			g.resume()
			f.latest = g
			return nil
		case f.from.seen(h.Number):
			h.drain()
		default:
			f.pending = h
			return io.EOF
		}
	}
	return io.EOF
}
