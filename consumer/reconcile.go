package consumer

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/millrace/millrace/internal/wire/client"
)

// A reconciler is the source of a live reader that does not take a server's word
// for what follows a fragment: where a response begins with a number that is not
// the next one, it lists what is stored between the two, and hands that out first.
//
// GetMedia gives a fragment when all with lower numbers are there or have failed
// for good, so that a list which is made then has all there will ever be. What is
// found has numbers between the two, so that the order stays that of numbers.
type reconciler struct {
	source
	live    *follower
	between func(last, next *Fragment) *archiver

	last    *Fragment // handed out last, live; nil at first
	body    *response // that it came with
	missing *archiver // what is handed out before pending; nil if nothing is
	pending *Fragment
}

// newReconciler watches what src gives, of which live is the live part.
func newReconciler(r *Reader, conn *client.Client, o LiveOptions, src source, live *follower) *reconciler {
	return &reconciler{source: src, live: live, between: func(last, next *Fragment) *archiver {
		s := &search{
			span:   Range{From: last.ServerTime, To: next.ServerTime.Add(time.Millisecond)},
			at:     Position{Fragment: last.Number, Done: Whole, ServerTime: last.ServerTime},
			before: next.Number,
		}
		return newArchiver(r, conn, s, o.MaxFrame, 0)
	}}
}

// head implements source.
func (r *reconciler) head(ctx context.Context) (*Fragment, error) {
	if r.pending == nil {
		f, err := r.source.head(ctx)
		if err != nil {
			return nil, err
		}
		if r.follows(f) {
			return f, nil
		}
		r.missing, r.pending = r.between(r.last, f), f
	}
	if r.missing != nil {
		f, err := r.missing.head(ctx)
		if !errors.Is(err, io.EOF) {
			if f != nil {
				f.Flags |= Backfilled
				r.live.reader.count(func(s *Stats) { s.Backfilled++ })
			}
			return f, err
		}
		r.missing.close()
	}
	f := r.pending
	r.missing, r.pending = nil, nil
	r.note(f)
	return f, nil
}

// follows reports whether nothing can be missing before f, and notes it then.
func (r *reconciler) follows(f *Fragment) bool {
	if r.last != nil && !f.Number.IsZero() && r.live.body != r.body && f.Number.Sequence() != r.last.Number.Sequence()+1 {
		return false
	}
	r.note(f)
	return true
}

func (r *reconciler) note(f *Fragment) {
	if !f.Number.IsZero() {
		r.last, r.body = f, r.live.body
	}
}

// leap implements leaper: what is left out is not missing.
func (r *reconciler) leap() {
	r.drop()
	r.last = nil
	if l, ok := r.source.(leaper); ok {
		l.leap()
	}
}

// drop forgets what is missing.
func (r *reconciler) drop() {
	if r.missing != nil {
		r.missing.close()
	}
	r.missing, r.pending = nil, nil
}

// close implements source.
func (r *reconciler) close() {
	r.drop()
	r.source.close()
}
