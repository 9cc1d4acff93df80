package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/millrace/millrace"
)

// paged sums up what the pages hold of one stream.
type paged struct {
	count int
	bytes int64
	first millrace.FragmentNumber // no lower number is in the pages
	last  millrace.FragmentNumber // and no higher one
}

func (p *paged) add(e *Entry) {
	if p.count == 0 || e.Number.Compare(p.first) < 0 {
		p.first = e.Number
	}
	if p.count == 0 || e.Number.Compare(p.last) > 0 {
		p.last = e.Number
	}
	p.count, p.bytes = p.count+1, p.bytes+e.Size
}

// reaches reports whether a span may take in what is in the pages.
func (p *paged) reaches(s *span) bool {
	if p.count == 0 || s.clock == ProducerClock {
		return p.count > 0
	}
	return s.number.Compare(p.last) < 0 && s.from <= p.last.ServerTime().UnixMilli()
}

// besides is what there is of a stream beside what is in memory.
type besides struct {
	paged  paged // in the pages now
	frozen paged // in the pages when they were left; zero if they are in use
}

// reachable says whether the pages are to be asked about a span, and why they
// cannot be: as long as they are being made again, only those can tell of it
// that came since.
func (ix *index) reachable(b *besides, s *span) (bool, error) {
	was := &b.frozen
	if was.count == 0 {
		was = &b.paged
	}
	if ix.broken.Load() && was.reaches(s) {
		return false, errRemaking()
	}
	return b.paged.reaches(s), nil
}

// unchanged says whether the pages have been left since remakes was read. What
// they answered then does not count.
func (ix *index) unchanged(remakes int64) error {
	if ix.remakes.Load() != remakes {
		return errRemaking()
	}
	return nil
}

func errRemaking() error { return fmt.Errorf("index is being made again: %w", ErrUnavailable) }

// find asks the pages. Pages that are damaged are left at once, and made again.
func (ix *index) find(ctx context.Context, q PageQuery) ([]IndexPage, error) {
	pages, err := ix.pages.Find(ctx, q)
	if err != nil {
		return nil, ix.failed(err)
	}
	return pages, nil
}

// failed notes an error of the pages. Where it is damage, it is not for callers
// to take for damage of media.
func (ix *index) failed(err error) error {
	if !errors.Is(err, millrace.ErrCorrupt) {
		return fmt.Errorf("index: %w", err)
	}
	if !ix.broken.Swap(true) {
		ix.logger.Error("index is damaged, and will be made again from the packs", "err", err)
	}
	ix.nudge()
	return fmt.Errorf("index: %v: %w", err, ErrUnavailable)
}

// walk calls each with the pages that may hold entries of a span, in order and
// at most batch of them at once, until it returns false.
func (ix *index) walk(ctx context.Context, key millrace.StreamKey, s span, batch int, each func([]IndexPage) (bool, error)) error {
	q, err := ix.begin(ctx, key, s)
	for q.Limit = batch; err == nil; q.Limit = pageBatch {
		pages, err := ix.find(ctx, q)
		if err != nil {
			return err
		}
		full := len(pages) == q.Limit
		for len(pages) > 0 && pages[len(pages)-1].Start >= s.to {
			pages, full = pages[:len(pages)-1], false
		}
		if len(pages) == 0 {
			return nil
		}
		more, err := each(pages)
		if err != nil || !more || !full {
			return err
		}
		q.From = pages[len(pages)-1].Last.next()
	}
	return err
}

// begin asks for the first pages of a span. Those of the server's clock in
// which a time is reached are from the last one on that begins before it.
func (ix *index) begin(ctx context.Context, key millrace.StreamKey, s span) (PageQuery, error) {
	q := PageQuery{Stream: key, Clock: s.clock, From: s.after.next(), EndAfter: math.MinInt64}
	if s.from == math.MinInt64 {
		return q, nil
	}
	if s.clock == ProducerClock {
		if k := startKey(s.from); compareKeys(k, q.From) > 0 {
			q.From = k
		}
		return q, nil
	}
	if !s.number.IsZero() && s.number.ServerTime().UnixMilli() >= s.from || s.from == 1 {
		return q, nil // there is no asking for 0, and no need to
	}
	before := q
	before.From, before.StartBy, before.Backward, before.Limit = Key{}, s.from-1, true, 1
	pages, err := ix.find(ctx, before)
	if len(pages) > 0 && compareKeys(pages[0].First, q.From) > 0 {
		q.From = pages[0].First
	}
	return q, err
}

// startKey is before all keys of what starts at a time by the producer's clock,
// and behind all of what starts before.
func startKey(millis int64) Key {
	return KeyOf(ProducerClock, millrace.FragmentNumber{}, time.UnixMilli(millis))
}

// number is the fragment number in the key.
func (k Key) number() millrace.FragmentNumber {
	return millrace.FragmentNumberFromBytes([20]byte(k[8:]))
}

// last is the last key of what starts when a key does.
func (k Key) last() Key {
	for i := 8; i < len(k); i++ {
		k[i] = 0xff
	}
	return k
}

// next is the key right behind k; the last one stays itself.
func (k Key) next() Key {
	n := k
	for i := len(n) - 1; i >= 0; i-- {
		n[i]++
		if n[i] != 0 {
			return n
		}
	}
	return k
}

// prev is the key right before k; the first one stays itself.
func (k Key) prev() Key {
	n := k
	for i := len(n) - 1; i >= 0; i-- {
		n[i]--
		if n[i] != 0xff {
			return n
		}
	}
	return k
}

// decode returns the entries of a page. Who has done with them puts the list
// into scratch.
func (ix *index) decode(p *IndexPage) (list *[]Entry, err error) {
	list, _ = ix.scratch.Get().(*[]Entry)
	if list == nil {
		list = new([]Entry)
	}
	if *list, err = p.Entries((*list)[:0]); err != nil {
		return nil, ix.failed(err)
	}
	return list, nil
}

// listPaged returns up to limit entries of a span that are in the pages.
func (ix *index) listPaged(ctx context.Context, v *view, s span, limit int) (list []Entry, err error) {
	if s.clock == ServerClock {
		s.from = max(s.from, v.since)
	}
	batch := min(pageBatch, 1+limit/PageEntries)
	var parts [][]Entry // which are joined once: to make a list longer costs more than to read it
	err = ix.walk(ctx, v.key, s, batch, func(pages []IndexPage) (bool, error) {
		for i := range pages {
			whole, err := ix.decode(&pages[i])
			if err != nil {
				return false, err
			}
			part := appendSeen(make([]Entry, 0, min(limit, len(*whole))), *whole, v, &s, limit)
			ix.scratch.Put(whole)
			parts, limit = append(parts, part), limit-len(part)
			if limit == 0 {
				return false, nil
			}
			// The page may be made anew before the next look, which finds it again
			// by what has come behind its end.
			s = s.behind(pages[i].Last)
		}
		return true, nil
	})
	if len(parts) == 1 {
		return parts[0], err
	}
	return slices.Concat(parts...), err
}

// appendSeen appends the entries of a view and span, up to limit in all.
func appendSeen(list, whole []Entry, v *view, s *span, limit int) []Entry {
	from := sort.Search(len(whole), func(i int) bool { return s.reached(whole[i].startOn(s.clock), whole[i].Number) })
	for i := from; i < len(whole) && len(list) < limit; i++ {
		e := &whole[i]
		if e.startOn(s.clock) >= s.to {
			break
		}
		if v.seesPaged(e) {
			list = append(list, *e)
		}
	}
	return list
}

// coverPaged returns what covering does, of what is in the pages. Nothing lasts
// longer than longest, so that only pages within that are looked at.
func (ix *index) coverPaged(ctx context.Context, v *view, c Clock, t moment) (best *Entry, err error) {
	longest := ix.facts.longest.Load()
	q := PageQuery{Stream: v.key, Clock: c, StartBy: t.millis, EndAfter: math.MinInt64, Backward: true, Limit: 1}
	if c == ProducerClock {
		q.From, q.To, q.EndAfter = startKey(earlier(t.millis, longest)), startKey(t.millis).last(), t.millis
	}
	for {
		pages, err := ix.find(ctx, q)
		if err != nil || len(pages) == 0 {
			return best, err
		}
		p := &pages[0]
		if best, err = ix.coverIn(p, v, t, best); err != nil {
			return nil, err
		}
		switch {
		case best != nil && (c == ServerClock || p.Start < best.startOn(c)),
			c == ServerClock && p.Start < max(v.since, earlier(t.millis, longest)),
			p.First.prev() == Key{}: // which as a bound would be none
			return best, nil
		}
		q.To, q.StartBy = p.First.prev(), 0
	}
}

// coverIn looks for the entry that covers t in a page before those in which
// best was found.
func (ix *index) coverIn(p *IndexPage, v *view, t moment, best *Entry) (*Entry, error) {
	list, err := ix.decode(p)
	if err != nil {
		return nil, err
	}
	defer ix.scratch.Put(list)
	for i := len(*list) - 1; i >= 0; i-- {
		e := &(*list)[i]
		start := e.startOn(p.Clock)
		if best != nil && (p.Clock == ServerClock || start < best.startOn(p.Clock)) {
			break
		}
		if t.within(start, e.Duration) && v.seesPaged(e) {
			found := *e
			best = &found
		}
	}
	return best, nil
}

// earlier is a time before millis, or the first one that there is.
func earlier(millis, by int64) int64 {
	if millis < math.MinInt64+by {
		return math.MinInt64
	}
	return millis - by
}

// entryPaged returns what the pages have under a number, nil if nothing.
func (ix *index) entryPaged(ctx context.Context, key millrace.StreamKey, n millrace.FragmentNumber) (*Entry, error) {
	k := KeyOf(ServerClock, n, time.Time{})
	pages, err := ix.find(ctx, PageQuery{Stream: key, From: k, To: k, EndAfter: math.MinInt64, Limit: 1})
	if err != nil || len(pages) == 0 {
		return nil, err
	}
	list, err := pages[0].Entries(nil)
	if err != nil {
		return nil, ix.failed(err)
	}
	i, there := slices.BinarySearchFunc(list, n, func(e Entry, n millrace.FragmentNumber) int { return e.Number.Compare(n) })
	if !there || ix.isLost(list[i].Position.Pack) {
		return nil, nil
	}
	return &list[i], nil
}
