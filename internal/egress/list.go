package egress

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// ErrTold means that a response has ended in good order and not with what was
// asked for: its last document says why.
var ErrTold = errors.New("the client was told in the response")

// A ListRequest says what one GetMediaForFragmentList call wants.
type ListRequest struct {
	Numbers []millrace.FragmentNumber // in the order in which they are delivered; one may be there repeatedly
	Scope   func() store.Scope        // asked at every look into the store
	Events  Events
}

// List writes kept fragments to w, in the order of the request. It returns nil
// when all are out. Of a fragment that is not there, or that is damaged, the
// client is told by a document without media, which is the last: the error is
// ErrTold then, also if ctx ended with ErrStop, and the response may end in good
// order. After any other error it must be broken off.
//
// Fragments are looked up one by one, so that memory does not grow with the
// request, and what expires before its turn is not there.
func (e *Egress) List(ctx context.Context, r ListRequest, w ChunkWriter) error {
	o := &output{egress: e, listed: true, w: paced(ctx, w, e.Pace.Bytes), scope: r.Scope, events: r.Events.withDefaults()}
	defer o.tellWritten()
	for _, n := range r.Numbers {
		if err := o.listedFragment(ctx, n); err != nil {
			if o.slow.Load() {
				return ErrSlow // whatever it was that noticed
			}
			return err
		}
	}
	return nil
}

// listedFragment delivers one fragment of a list.
func (o *output) listedFragment(ctx context.Context, n millrace.FragmentNumber) error {
	if ctx.Err() != nil {
		return o.unlisted(ctx, n, context.Cause(ctx))
	}
	entry, err := o.find(ctx, n)
	if err == nil {
		err = o.kept(ctx, entry)
		if !errors.Is(err, ErrStop) || errors.Is(err, ErrTold) {
			return err
		}
	}
	return o.unlisted(ctx, n, err)
}

// find looks a fragment up.
func (o *output) find(ctx context.Context, n millrace.FragmentNumber) (store.Entry, error) {
	e, err := store.Find(ctx, o.egress.Index, o.scope(), n)
	if err != nil {
		return e, fmt.Errorf("find fragment %s: %w", n, err)
	}
	return e, nil
}

// unlisted ends a response before a fragment of which nothing is out.
func (o *output) unlisted(ctx context.Context, n millrace.FragmentNumber, err error) error {
	code, message := millrace.CodeInternal, "The fragment could not be read."
	switch {
	case ctx.Err() != nil:
		if err = context.Cause(ctx); !errors.Is(err, ErrStop) {
			return err // there is nobody to tell
		}
		message = "The server ended the response."
	case errors.Is(err, millrace.ErrNotFound):
		code, message = millrace.CodeNotFound, "The fragment was not found."
	case errors.Is(err, millrace.ErrCorrupt):
		message = "The fragment is damaged."
		o.egress.Logger.Error("fragment is damaged and was asked for", "fragment", n, "err", err)
	}
	o.before = appendListedError(o.before[:0], n, code, message)
	o.pieces = append(o.pieces[:0], o.before)
	if failed := o.flush(); failed != nil {
		return failed
	}
	return &millrace.Error{Code: code, Message: message, Err: fmt.Errorf("%w: %w", ErrTold, err)}
}
