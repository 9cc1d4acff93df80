package upkeep

import (
	"context"
	"math"
	"slices"

	"github.com/millrace/millrace/internal/store"
)

// strays looks for entries that the packs do not have: those of each pack are
// counted, as far as it had been fed when the comparison began.
func (c *comparison) strays(ctx context.Context, state store.PageState) error {
	fed := make(map[uint64]int64, len(state.Packs))
	for _, row := range state.Packs {
		fed[row.Number] = row.Fed
	}
	for _, clock := range []store.Clock{store.ServerClock, store.ProducerClock} {
		counts, err := c.count(ctx, state.Streams, clock, fed)
		if err != nil {
			return err
		}
		if err := c.refresh(ctx); err != nil {
			return err
		}
		for number, n := range counts {
			_, was := fed[number]
			_, is := c.rows[number]
			if n > c.found[number] && (was || !is) { // a pack that is new has grown meanwhile
				c.report.differ("%s: the index has %d fragments by the %s clock, and the pack %d", store.PackName(number), n, clockName(clock), c.found[number])
			}
		}
	}
	slices.Sort(c.report.Differences)
	return nil
}

// count counts the entries of each pack in the index, up to where it was fed.
func (c *comparison) count(ctx context.Context, streams []store.StreamPages, clock store.Clock, fed map[uint64]int64) (map[uint64]int, error) {
	counts := make(map[uint64]int)
	for _, s := range streams {
		q := store.PageQuery{Stream: s.Stream, Clock: clock, EndAfter: math.MinInt64}
		err := eachPage(ctx, c.pages, q, func(list []store.Entry) {
			for i := range list {
				at := list[i].Position
				if limit, known := fed[at.Pack]; !known || at.Offset < limit {
					counts[at.Pack]++
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// pagesAtOnce bounds the memory of a query.
const pagesAtOnce = 64

// eachPage calls use with the entries of each page that a query finds.
func eachPage(ctx context.Context, pages store.Pages, q store.PageQuery, use func([]store.Entry)) error {
	q.Limit = pagesAtOnce
	for {
		list, err := pages.Find(ctx, q)
		if err != nil {
			return err
		}
		for i := range list {
			entries, err := list[i].Entries(nil)
			if err != nil {
				return err
			}
			use(entries)
		}
		if len(list) < q.Limit {
			return nil
		}
		if q.From = list[len(list)-1].Last; !next(&q.From) {
			return nil
		}
	}
}

// next moves a key to the one that follows, and reports whether there is one.
func next(k *store.Key) bool {
	for i := len(k) - 1; i >= 0; i-- {
		if k[i]++; k[i] != 0 {
			return true
		}
	}
	return false
}
