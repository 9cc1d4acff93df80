package playback

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A Selection is a part of a stream by time. A fragment is in it if its start on
// the clock is; how long it lasts does not matter.
type Selection struct {
	Clock store.Clock
	From  time.Time // the first moment in it
	To    time.Time // the last moment in it; zero: it has no end
	Limit int       // most entries that Select returns, the earliest; 0: all
}

// contains reports whether a fragment that starts at t is in the selection.
func (sel *Selection) contains(t time.Time) bool {
	return !t.Before(sel.From) && (sel.To.IsZero() || !t.After(sel.To))
}

// listing asks an index for the selection, a page at a time. Fragments start at
// whole milliseconds, and a listing's end is not in it.
func (sel *Selection) listing() store.Listing {
	l := store.Listing{Clock: sel.Clock, From: sel.From, Limit: pageSize}
	if !sel.To.IsZero() {
		l.To = sel.To.Truncate(time.Millisecond).Add(time.Millisecond)
	}
	return l
}

// pageSize is how many entries are asked for at once.
const pageSize = 4096

// Select returns the fragments of a selection.
//
// By the server's clock they come in the order of their numbers. By the
// producer's they come in the order of their producer times, without those that
// another with the same time and a greater number replaces, and without those
// that were sent again much later: see collection. An empty slice means that
// there is none.
func Select(ctx context.Context, ix store.Index, s store.Scope, sel Selection) ([]store.Entry, error) {
	p := Picker{index: ix, sel: sel}
	return p.Next(ctx, s, sel.Limit)
}

// A Picker delivers a selection in parts, and then what has come since. One
// goroutine at a time uses it.
type Picker struct {
	index  store.Index
	recent Recent // nil of one that delivers once
	sel    Selection
	last   store.Entry // that was delivered last; its number is zero before
	taken  collection
}

// NewPicker returns a Picker that has delivered nothing. The selection's Limit
// does not matter to it.
func NewPicker(a store.Archive, sel Selection) *Picker {
	return &Picker{index: a, recent: a, sel: sel}
}

// Next returns up to limit fragments behind those that were delivered; a limit of
// 0 is none. What comes later but starts earlier is never delivered. An empty slice
// means that there is nothing more at present. After an error the same call may
// be made again.
func (p *Picker) Next(ctx context.Context, s store.Scope, limit int) ([]store.Entry, error) {
	list, err := p.next(ctx, s, limit)
	if err == nil && len(list) > 0 {
		p.last = list[len(list)-1]
	}
	return list, err
}

// Resume makes the Picker go on behind e, as if it had delivered that.
func (p *Picker) Resume(e store.Entry) { p.last = e }

func (p *Picker) next(ctx context.Context, s store.Scope, limit int) ([]store.Entry, error) {
	if p.sel.Clock == store.ProducerClock {
		if err := p.update(ctx, s); err != nil {
			return nil, err
		}
	}
	var list []store.Entry
	err := p.pages(ctx, s, limit, func(e store.Entry) bool {
		if p.sel.Clock == store.ServerClock {
			list = append(list, e)
			return limit == 0 || len(list) < limit
		}
		if !p.taken.has(e.Number) {
			return true
		}
		if n := len(list); n > 0 && list[n-1].ProducerTime.Equal(e.ProducerTime) {
			list[n-1] = e // of those that start together the greatest number stays
			return true
		}
		if limit > 0 && len(list) == limit {
			return false
		}
		list = append(list, e)
		return true
	})
	return list, err
}

// update looks at what has come since. At first that is all of the range, however
// much of the stream came after it: what is looked at in the order of arrival then
// is only what comes from now on.
func (p *Picker) update(ctx context.Context, s store.Scope) error {
	if p.recent == nil || !p.taken.top.IsZero() {
		return p.taken.update(ctx, p.index, s, &p.sel)
	}
	newest, err := p.recent.Newest(ctx, s, 1)
	if err != nil {
		return err
	}
	if err := p.taken.update(ctx, p.index, s, &p.sel); err != nil {
		return err
	}
	if len(newest) > 0 && newest[0].Number.Compare(p.taken.top) > 0 {
		p.taken.top = newest[0].Number
	}
	return nil
}

// pages calls do for each entry behind the last one, in order, until do is false.
func (p *Picker) pages(ctx context.Context, s store.Scope, limit int, do func(store.Entry) bool) error {
	l := p.sel.listing()
	if limit > 0 {
		l.Limit = min(limit+1, pageSize)
	}
	if !p.last.Number.IsZero() {
		l.After = store.KeyOf(l.Clock, behind(l.Clock, p.last), p.last.ProducerTime)
	}
	return each(ctx, p.index, s, l, do)
}

// behind is the number of the last entry that starts when e does.
func behind(c store.Clock, e store.Entry) millrace.FragmentNumber {
	if c == store.ProducerClock {
		return millrace.MaxFragmentNumber()
	}
	return e.Number
}

// each calls do for the entries of a listing, whose Limit is that of a page, until
// do is false.
func each(ctx context.Context, ix store.Index, s store.Scope, l store.Listing, do func(store.Entry) bool) error {
	for {
		page, err := ix.List(ctx, s, l)
		if err != nil {
			return err
		}
		for _, e := range page {
			if !do(e) {
				return nil
			}
		}
		if len(page) < l.Limit {
			return nil
		}
		last := page[len(page)-1]
		l.After = store.KeyOf(l.Clock, last.Number, last.ProducerTime)
		l.Limit = pageSize
	}
}
