package store

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace"
)

// The bounds of one step of the feeder.
const (
	stepPages = 256  // pages that it writes, about
	stepRows  = 4096 // rows of one stream
	pageBatch = 16   // pages of one stream that are read at once
)

// feed moves recent rows into the pages: those of streams that have enough of
// them or whose oldest one has waited long enough, or all. What a query does
// not find in memory any more it finds in the pages.
func (ix *index) feed(ctx context.Context, all bool) error {
	if ix.pages == nil {
		return ctx.Err()
	}
	release, err := ix.takePages(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := ix.purge(ctx); err != nil {
		return err
	}
	if err := ix.feedDue(ctx, all); err != nil {
		return err
	}
	return ix.tell(ctx)
}

// feedDue writes the rows of one stream after the other, of many small ones
// together.
func (ix *index) feedDue(ctx context.Context, all bool) error {
	st := ix.newStep()
	for _, key := range ix.keys() {
		x := ix.stream(key)
		if x == nil || !x.due(ix.feedRows, ix.elapsed()-ix.feedAge, all) {
			continue
		}
		for rows := x.recent(); len(rows) > 0; {
			n := min(len(rows), stepRows)
			if err := st.feed(ctx, key, x, rows[:n]); err != nil {
				return err
			}
			rows = rows[n:]
			if len(rows) == 0 && st.size() < stepPages {
				break
			}
			if err := st.apply(ctx); err != nil {
				return err
			}
			st = ix.newStep()
		}
	}
	return st.apply(ctx)
}

// tell writes what has become of packs beside their fragments.
func (ix *index) tell(ctx context.Context) error {
	st := ix.newStep()
	st.change = ix.packs.news(ix.lostPacks())
	return st.apply(ctx)
}

// feed adds the rows of a stream to the change. A row whose number is in the
// pages already is a twin, and is found where it was.
func (s *step) feed(ctx context.Context, key millrace.StreamKey, x *streamIndex, rows []row) error {
	entries := make([]Entry, len(rows))
	for i := range rows {
		entries[i] = rows[i].entry()
		d := s.delta(rows[i].pack)
		d.offsets = append(d.offsets, entries[i].Position.Offset)
	}
	twins, err := s.merge(ctx, key, ServerClock, entries)
	if err != nil {
		return err
	}
	fresh := without(entries, twins)
	odd, err := s.merge(ctx, key, ProducerClock, fresh)
	if err == nil && len(odd) > 0 {
		err = s.ix.failed(fmt.Errorf("fragment %v is there by one clock only: %w", odd[0].Number, millrace.ErrCorrupt))
	}
	if err != nil {
		return err
	}
	for i := range fresh {
		d := s.delta(fresh[i].Position.Pack)
		d.fed, d.paged, d.bytes = d.fed+1, d.paged+1, d.bytes+fresh[i].Size
	}
	s.then(func() { s.ix.fed(x, entries, fresh) })
	return nil
}

// without returns the entries that are not among others. Both are in number
// order.
func without(entries, others []Entry) []Entry {
	if len(others) == 0 {
		return entries
	}
	return slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool {
		_, there := slices.BinarySearchFunc(others, e, compareOn(ServerClock))
		return there
	})
}

// merge puts entries into the pages of a clock. It returns those that were
// there.
func (s *step) merge(ctx context.Context, key millrace.StreamKey, c Clock, entries []Entry) (twins []Entry, err error) {
	entries = slices.SortedFunc(slices.Values(entries), compareOn(c))
	for len(entries) > 0 {
		pages, n, err := s.ix.around(ctx, key, c, entries)
		if err != nil {
			return nil, err
		}
		edit, err := mergePages(key, c, pages, entries[:n])
		if err != nil {
			return nil, s.ix.failed(err)
		}
		edit.addTo(&s.change)
		twins, entries = append(twins, edit.Out...), entries[n:]
	}
	return twins, nil
}

// around reads the pages that the first entries belong into, and says how many
// of them do: all pages from the one with the first entry on, up to a bound,
// and the one before if that begins behind it.
func (ix *index) around(ctx context.Context, key millrace.StreamKey, c Clock, entries []Entry) ([]IndexPage, int, error) {
	first, last := entries[0].Key(c), entries[len(entries)-1].Key(c)
	q := PageQuery{Stream: key, Clock: c, From: first, To: last, EndAfter: math.MinInt64, Limit: pageBatch + 1}
	pages, err := ix.find(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	n := len(entries)
	if len(pages) > pageBatch {
		bound := pages[pageBatch].First
		pages = pages[:pageBatch]
		n, _ = slices.BinarySearchFunc(entries, bound, func(e Entry, k Key) int { return compareKeys(e.Key(c), k) })
	}
	if len(pages) > 0 && compareKeys(pages[0].First, first) <= 0 {
		return pages, n, nil
	}
	q.From, q.To, q.Backward, q.Limit = Key{}, first, true, 1
	before, err := ix.find(ctx, q)
	if err != nil || len(before)+len(pages) > 0 {
		return append(before, pages...), n, err
	}
	q.From, q.To, q.Backward = last, Key{}, false
	pages, err = ix.find(ctx, q)
	return pages, n, err
}

// fed takes entries that are in the pages now out of memory; all but fresh were
// there before. A stream that was dropped meanwhile has none in memory any
// more, and its pages wait to be swept.
func (ix *index) fed(x *streamIndex, entries, fresh []Entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		twin := len(fresh) == 0 || fresh[0].Number != e.Number
		r := x.takeLocked(e.Number, e.Position)
		switch {
		case twin && r != nil:
			ix.packs.lose(r)
		case !twin && r == nil:
			ix.packs.gain(e.Position.Pack, e.Size)
		}
		if !twin {
			x.paged.add(e)
			fresh = fresh[1:]
		}
	}
	x.since = ix.elapsed()
}
