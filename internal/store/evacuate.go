package store

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace"
)

// evacuate takes the entries of a span that die out of the pages, a bounded
// number of pages in each step.
func (ix *index) evacuate(ctx context.Context, key millrace.StreamKey, x *streamIndex, sp span, dies func(*Entry) bool) (r Forgotten, err error) {
	err = ix.walk(ctx, key, sp, pageBatch, func(pages []IndexPage) (bool, error) {
		out, err := ix.takeFrom(ctx, key, x, pages, dies)
		for i := range out {
			r.add(out[i].Size)
		}
		return true, err
	})
	if r.Fragments > 0 && err == nil {
		err = ix.measure(ctx, key, x)
	}
	return r, err
}

// takeFrom is one step: the entries that die leave some pages of one clock, and
// those of the other. It returns them.
func (ix *index) takeFrom(ctx context.Context, key millrace.StreamKey, x *streamIndex, pages []IndexPage, dies func(*Entry) bool) ([]Entry, error) {
	if len(pages) == 0 {
		return nil, nil
	}
	st := ix.newStep()
	out, err := st.takeOut(pages, dies)
	if err == nil {
		err = st.takeOutOther(ctx, key, 1-pages[0].Clock, out)
	}
	if err != nil {
		return nil, err
	}
	st.took(out)
	st.then(func() { x.left(out) })
	if err := st.apply(ctx); err != nil {
		return nil, err
	}
	return out, nil
}

// takeOut takes the entries that die out of pages, and returns them.
func (s *step) takeOut(pages []IndexPage, dies func(*Entry) bool) ([]Entry, error) {
	edit, err := editPages(pages, func(e *Entry) bool { return !dies(e) })
	if err != nil {
		return nil, s.ix.failed(err)
	}
	edit.addTo(&s.change)
	return edit.Out, nil
}

// takeOutOther takes entries out of the pages of a clock, by which they must be
// there too.
func (s *step) takeOutOther(ctx context.Context, key millrace.StreamKey, c Clock, entries []Entry) error {
	entries = slices.SortedFunc(slices.Values(entries), compareOn(c))
	return s.ix.among(ctx, key, c, entries, func(pages []IndexPage, from, to int) error {
		_, err := s.takeOut(pages, func(e *Entry) bool {
			dies := from < to && entries[from].Number == e.Number
			if dies {
				from++
			}
			return dies
		})
		if err == nil && from < to {
			err = s.ix.failed(fmt.Errorf("fragment %v is there by one clock only: %w", entries[from].Number, millrace.ErrCorrupt))
		}
		return err
	})
}

// among calls each with the pages that entries, which are sorted by a clock, are
// in or would be, and from which to which entry that is. Those that lie behind
// the last page come with no pages.
func (ix *index) among(ctx context.Context, key millrace.StreamKey, c Clock, entries []Entry, each func(pages []IndexPage, from, to int) error) error {
	for from := 0; from < len(entries); {
		rest := entries[from:]
		q := PageQuery{
			Stream: key, Clock: c, From: rest[0].Key(c), To: rest[len(rest)-1].Key(c), EndAfter: math.MinInt64,
			Limit: min(pageBatch, 1+len(rest)/(PageEntries/8)),
		}
		pages, err := ix.find(ctx, q)
		if err != nil {
			return err
		}
		n := len(rest)
		if len(pages) == q.Limit {
			behind := pages[len(pages)-1].Last.next()
			n, _ = slices.BinarySearchFunc(rest, behind, func(e Entry, k Key) int { return compareKeys(e.Key(c), k) })
		}
		if err := each(pages, from, from+n); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// measure notes where the pages of a stream begin and end now.
func (ix *index) measure(ctx context.Context, key millrace.StreamKey, x *streamIndex) error {
	p := x.inPages()
	if p.count == 0 {
		x.measure(paged{})
		return nil
	}
	for _, backward := range []bool{false, true} {
		pages, err := ix.find(ctx, PageQuery{Stream: key, EndAfter: math.MinInt64, Backward: backward, Limit: 1})
		if err != nil {
			return err
		}
		if len(pages) == 0 {
			return ix.failed(fmt.Errorf("stream %d/%d should have %d entries: %w", key.ID, key.Generation, p.count, millrace.ErrCorrupt))
		}
		if backward {
			p.last = pages[0].Last.number()
		} else {
			p.first = pages[0].First.number()
		}
	}
	x.measure(p)
	return nil
}

// evict takes all pages of a stream that was dropped away.
func (ix *index) evict(ctx context.Context, key millrace.StreamKey) (r Forgotten, err error) {
	for last := false; !last; {
		pages, err := ix.find(ctx, PageQuery{Stream: key, EndAfter: math.MinInt64, Limit: pageBatch + 1})
		if err != nil {
			return r, err
		}
		st := ix.newStep()
		if last = len(pages) <= pageBatch; last {
			st.change.RemoveStreams = []millrace.StreamKey{key}
		} else {
			pages = pages[:pageBatch]
		}
		for i := range pages {
			out, err := pages[i].Entries(nil)
			if err != nil {
				return r, ix.failed(err)
			}
			st.change.Remove = append(st.change.Remove, pages[i].ID())
			st.took(out)
			for i := range out {
				r.add(out[i].Size)
			}
		}
		if err := st.apply(ctx); err != nil {
			return r, err
		}
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	delete(ix.leaving, key)
	return r, nil
}
