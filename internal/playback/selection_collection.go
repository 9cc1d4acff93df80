package playback

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A collection is what belongs together of the fragments of a selection by the
// producer's clock, where the same time was sent more than once: in the order of
// arrival, those from the first one on up to where time goes back behind a pause.
// Whatever came from there on is passed over.
//
// The fragments of a selection need not have come one after the other, so that to
// find where the collection ends all of them have to be looked at. They are looked
// at in the order of the clock, by which the index finds them; only where that is
// not the order of their arrival, once more in that order.
type collection struct {
	top    millrace.FragmentNumber // greatest number that was looked at; zero: none
	end    millrace.FragmentNumber // first number that is not in it any more; zero: it has not ended
	latest time.Time               // of the producer times in it
	last   store.Entry             // that came last
}

// collectionPause is for how long nothing must have come before a fragment that
// goes back in time begins another collection.
const collectionPause = time.Minute

// pausePerAdvance is how many times as long as the media went on the pause must be.
const pausePerAdvance = 10

// has reports whether a fragment that is in the range is in the collection.
func (c *collection) has(n millrace.FragmentNumber) bool {
	return n.Compare(c.top) <= 0 && (c.end.IsZero() || n.Compare(c.end) < 0)
}

// update looks at what it has not seen.
func (c *collection) update(ctx context.Context, ix store.Index, s store.Scope, sel *Selection) error {
	switch {
	case !c.end.IsZero():
		return nil
	case c.top.IsZero():
		return c.begin(ctx, ix, s, sel)
	}
	next := *c
	if err := next.follow(ctx, ix, s, sel, c.top, millrace.MaxFragmentNumber()); err != nil {
		return err
	}
	*c = next
	return nil
}

// begin looks at the whole range for the first time.
func (c *collection) begin(ctx context.Context, ix store.Index, s store.Scope, sel *Selection) error {
	r := reach{}
	if err := each(ctx, ix, s, sel.listing(), r.add); err != nil || r.last.Number.IsZero() {
		return err
	}
	if !r.tangled {
		*c = collection{top: r.top, latest: r.last.ProducerTime, last: r.last}
		return nil
	}
	var next collection
	if err := next.follow(ctx, ix, s, sel, r.least.Prev(), r.top); err != nil {
		return err
	}
	*c = next
	return nil
}

// follow takes what came behind a number, up to another one, in that order.
func (c *collection) follow(ctx context.Context, ix store.Index, s store.Scope, sel *Selection, after, upTo millrace.FragmentNumber) error {
	l := store.Listing{Clock: store.ServerClock, After: store.KeyOf(store.ServerClock, after, time.Time{}), Limit: pageSize}
	return each(ctx, ix, s, l, func(e store.Entry) bool {
		if e.Number.Compare(upTo) > 0 {
			return false
		}
		c.top = e.Number
		if sel.contains(e.ProducerTime) {
			c.take(e)
		}
		return c.end.IsZero()
	})
}

// take takes the fragment in the range that came next.
func (c *collection) take(e store.Entry) {
	if !c.last.Number.IsZero() && !e.ProducerTime.After(c.latest) && pauses(c.last, e) {
		c.end = e.Number
		return
	}
	c.last = e
	if e.ProducerTime.After(c.latest) || c.latest.IsZero() {
		c.latest = e.ProducerTime
	}
}

// pauses reports whether so long passed between two fragments that the second may
// begin another collection.
func pauses(a, b store.Entry) bool {
	advance := b.ProducerTime.Sub(a.ProducerTime)
	return b.ServerTime().Sub(a.ServerTime()) > max(collectionPause, pausePerAdvance*advance)
}

// A reach is what the numbers of a range are, looked at in the producer's order.
type reach struct {
	least, top millrace.FragmentNumber
	last       store.Entry
	tangled    bool // a collection may end in it
}

func (r *reach) add(e store.Entry) bool {
	if r.last.Number.IsZero() {
		r.least = e.Number
	} else if e.Number.Compare(r.last.Number) < 0 || e.ProducerTime.Equal(r.last.ProducerTime) && pauses(r.last, e) {
		r.tangled = true
	}
	if e.Number.Compare(r.least) < 0 {
		r.least = e.Number
	}
	if e.Number.Compare(r.top) > 0 {
		r.top = e.Number
	}
	r.last = e
	return true
}
