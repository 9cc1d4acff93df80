package consumer

import (
	"context"
	"errors"
	"io"

	"github.com/millrace/millrace/mkv"
)

// nextOf returns the next element of g, if need be from another response. io.EOF
// is the end of g: of all of it, unless the server says that it is gone.
func (a *archiver) nextOf(ctx context.Context, g *Fragment) (mkv.Element, error) {
	if g != a.current { // it is passed over
		e, err := a.next()
		if err != nil {
			err = io.EOF // what it was will be met again
		}
		return e, err
	}
	for {
		e, err := a.nextInDocument(g)
		if err == nil {
			return e, nil
		}
		if err := a.interrupted(ctx, g, err); err != nil {
			return mkv.Element{}, err
		}
	}
}

// nextInDocument does not take the end of a response for the end of a document,
// unless it has to.
func (a *archiver) nextInDocument(g *Fragment) (mkv.Element, error) {
	e, err := a.next()
	if err != nil || e.Kind != mkv.End || e.ID != mkv.IDSegment {
		return e, err
	}
	following, err := a.next()
	switch {
	case err == nil:
		a.unread(following)
	case !errors.Is(err, io.EOF) || !a.over(g):
		return mkv.Element{}, err
	}
	return e, nil
}

// over reports whether a fragment is whole with which a response ends in good
// order. A document may end anywhere, so that its bytes do not tell. It is whole
// if it is the last that was asked for. If it is not, the server ends its
// responses early, or something in between cuts them off and does not say so;
// then it has to end at the same place twice.
func (a *archiver) over(g *Fragment) bool {
	if g.skip > 0 {
		return false // it is shorter than before
	}
	if a.asked <= 1 || a.ended == g.taken {
		return true
	}
	a.ended = g.taken
	return false
}

// interrupted is told what ended a response in the midst of g, and finds g in
// another. io.EOF is that it is not to be had any more.
func (a *archiver) interrupted(ctx context.Context, g *Fragment, err error) error {
	for {
		if g.taken > a.reached {
			a.reached, a.tries = g.taken, 0
			a.backoff.Reset()
		}
		told, ok := errors.AsType[*FragmentError](err)
		if ok {
			err = a.refused(ctx, told)
		} else {
			err = a.lost(ctx, err)
		}
		if err == nil && a.told == nil {
			err = a.connect(ctx)
		}
		switch {
		case err != nil:
			return err
		case a.told != nil: // g was passed
			g.listed = false // so it is cut
			return io.EOF
		}
		var h *Fragment
		if h, err = a.assembler.head(g.source); err == nil && h.Number == g.Number {
			g.resume()
			return nil
		}
		if err == nil {
			err = errOtherFragment
		}
	}
}

// errOtherFragment is of a response that does not begin with what was asked for.
var errOtherFragment = errors.New("response begins with another fragment")
