package store

import (
	"bytes"
	"cmp"
	"context"
	"math"
)

// coverBatch is how many pages a covering looks at together. They come without
// their entries.
const coverBatch = 1024

// cover takes in all that a scope has in the range of a covering, and what
// begins before and may reach into it: nothing lasts longer than longest. It
// looks at batch pages at once.
func (ix *index) cover(ctx context.Context, s Scope, c *covering, batch int) error {
	v, ok := ix.view(s)
	if !ok {
		return nil
	}
	remakes := ix.remakes.Load()
	sp := span{clock: c.clock, from: earlier(c.from, ix.facts.longest.Load()), to: c.to}.behind(Key{})
	if c.clock == ServerClock {
		sp.from = max(sp.from, v.since)
	}
	recent, b := v.recent.list(&v, sp, math.MaxInt)
	w := &pageWalk{ix: ix, view: &v, covering: c, span: sp, recent: recent, batch: batch}
	ask, err := ix.reachable(&b, &sp)
	if err == nil && ask {
		err = cmp.Or(w.walk(ctx), ix.unchanged(remakes))
	}
	for i := range w.recent {
		c.entry(&w.recent[i])
	}
	return err
}

// A pageWalk takes the pages of a span into a covering, and what is in memory
// where it belongs.
type pageWalk struct {
	ix       *index
	view     *view
	covering *covering
	span     span // what is left of it
	recent   []Entry
	batch    int
	summary  pageSummary
}

// walk looks at all pages. Between two looks they may be made anew. Then the
// rest is found by what has come behind the last key that was taken in; and a
// page whose entries are asked for and that is another one now is looked for
// again, with its entries.
func (w *pageWalk) walk(ctx context.Context) error {
	q, err := w.ix.begin(ctx, w.view.key, w.span)
	if err != nil {
		return err
	}
	q.EndAfter = w.covering.from
	for whole := false; ; {
		q.Summaries, q.Limit = !whole, w.batch
		if whole {
			q.Limit = 1
		}
		pages, err := w.ix.find(ctx, q)
		if err != nil {
			return err
		}
		more := len(pages) == q.Limit
		whole = false
		for i := range pages {
			p := &pages[i]
			if p.Start >= w.span.to {
				return nil
			}
			same, err := w.take(ctx, p)
			if err != nil {
				return err
			}
			if !same {
				whole, more = true, true
				break
			}
			q.From = p.Last.next()
			w.span = w.span.behind(p.Last)
		}
		if !more {
			return nil
		}
	}
}

// take takes a page in, and returns false if it is not there any more.
func (w *pageWalk) take(ctx context.Context, p *IndexPage) (same bool, err error) {
	if p.Summary != nil {
		if err := p.summary(&w.summary); err != nil {
			return false, w.ix.failed(err)
		}
		if w.summarized(p) {
			w.covering.page(p, &w.summary)
			return true, nil
		}
	}
	if p.Data == nil {
		pages, err := w.ix.find(ctx, PageQuery{
			Stream: p.Stream, Clock: p.Clock, From: p.First, To: p.First, EndAfter: math.MinInt64, Limit: 1,
		})
		if err != nil || len(pages) == 0 || pages[0].ID() != p.ID() || !bytes.Equal(pages[0].Summary, p.Summary) {
			return false, err
		}
		p = &pages[0]
	}
	return true, w.entries(p)
}

// summarized reports whether the summary of a page, which has been decoded, says
// all that is to be known of it: that nothing of it has been taken in, nor is in
// memory, that all of it is seen, and that it lies within one bucket.
func (w *pageWalk) summarized(p *IndexPage) bool {
	if compareKeys(p.First, w.span.after) <= 0 || !w.covering.fits(p) || p.Start < w.span.from {
		return false
	}
	w.before(p.First)
	if len(w.recent) > 0 && compareKeys(w.recent[0].Key(p.Clock), p.Last) <= 0 {
		return false
	}
	own, other := run{p.Start, p.Latest}, run{w.summary.first, w.summary.last}
	if p.Clock == ProducerClock {
		own, other = other, own
	}
	return w.view.seesAll(own, other)
}

// entries takes in those of a page's entries that are seen.
func (w *pageWalk) entries(p *IndexPage) error {
	list, err := w.ix.decode(p)
	if err != nil {
		return err
	}
	defer w.ix.scratch.Put(list)
	for i := range *list {
		e := &(*list)[i]
		start := e.startOn(p.Clock)
		if start >= w.span.to {
			break
		}
		if !w.span.reached(start, e.Number) || !w.view.seesPaged(e) {
			continue
		}
		w.before(e.Key(p.Clock))
		if len(w.recent) > 0 && w.recent[0].Number == e.Number {
			w.recent = w.recent[1:] // it went from memory to the pages meanwhile
		}
		w.covering.entry(e)
	}
	return nil
}

// before takes in what memory has before a key.
func (w *pageWalk) before(k Key) {
	for len(w.recent) > 0 && compareKeys(w.recent[0].Key(w.covering.clock), k) < 0 {
		w.covering.entry(&w.recent[0])
		w.recent = w.recent[1:]
	}
}

// seesAll reports whether everything whose start lies within two times is in the
// view, as far as that can be told without looking at it. Both ends of both are
// in it.
func (v *view) seesAll(server, producer run) bool {
	if server.start < v.since || len(v.lost) > 0 {
		return false
	}
	for i := range v.hiding {
		d := &v.hiding[i]
		on := server
		if d.Clock == ProducerClock {
			on = producer
		}
		if on.end >= d.From.UnixMilli() && timeOf(on.start).Before(d.To) {
			return false
		}
	}
	return true
}
