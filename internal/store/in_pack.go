package store

import (
	"context"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// A placed entry is an entry of a pack, with its place among those that were
// asked about.
type placed struct {
	Entry
	at int
}

// inPack is the entries of a pack as the index knows them, by stream and in
// number order.
func inPack(number uint64, entries []pack.Entry) map[millrace.StreamKey][]placed {
	all := make(map[millrace.StreamKey][]placed)
	for i := range entries {
		r := rowOf(number, &entries[i])
		all[entries[i].Stream] = append(all[entries[i].Stream], placed{r.entry(), i})
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b placed) int { return a.Number.Compare(b.Number) })
	}
	return all
}

// entriesOf are the entries of a list alone.
func entriesOf(list []placed) []Entry {
	entries := make([]Entry, len(list))
	for i := range list {
		entries[i] = list[i].Entry
	}
	return entries
}

// liveIn says which of a pack's entries are found, and found there. Such as are
// gone by policy and not swept yet count as found. Any number of goroutines may
// call it. While the index is being made again it is ErrUnavailable.
func (ix *index) liveIn(ctx context.Context, number uint64, entries []pack.Entry) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	remakes := ix.remakes.Load()
	live := make([]bool, len(entries))
	all := inPack(number, entries)
	for _, key := range sortedKeys(all) {
		x := ix.stream(key)
		if x == nil {
			continue
		}
		for _, p := range all[key] {
			live[p.at] = x.isAt(p.Number, p.Position)
		}
		err := ix.match(ctx, key, all[key], func(p *placed, found *Entry) {
			live[p.at] = live[p.at] || found.Position == p.Position
		})
		if err != nil {
			return nil, err
		}
	}
	if ix.broken.Load() {
		return nil, errRemaking()
	}
	return live, ix.unchanged(remakes)
}

// inPages says which of the numbers of a pack's entries the pages have, there
// or elsewhere.
func (ix *index) inPages(ctx context.Context, number uint64, entries []pack.Entry) ([]bool, error) {
	there := make([]bool, len(entries))
	all := inPack(number, entries)
	for _, key := range sortedKeys(all) {
		err := ix.match(ctx, key, all[key], func(p *placed, found *Entry) {
			there[p.at] = !ix.isLost(found.Position.Pack)
		})
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}

// match calls each with those of a list that are in the pages, and what they are
// there.
func (ix *index) match(ctx context.Context, key millrace.StreamKey, list []placed, each func(p *placed, found *Entry)) error {
	x := ix.stream(key)
	if x == nil {
		return nil
	}
	p := x.inPages()
	for len(list) > 0 && (p.count == 0 || list[len(list)-1].Number.Compare(p.last) > 0) {
		list = list[:len(list)-1]
	}
	return ix.among(ctx, key, ServerClock, entriesOf(list), func(pages []IndexPage, from, to int) error {
		for i := range pages {
			found, err := ix.decode(&pages[i])
			if err != nil {
				return err
			}
			from = matchIn(*found, list, from, to, each)
			ix.scratch.Put(found)
		}
		return nil
	})
}

// matchIn calls each with those of a list, from here to there, that are found
// among entries, and returns where those that come behind them begin.
func matchIn(found []Entry, list []placed, from, to int, each func(p *placed, found *Entry)) int {
	for i := range found {
		for from < to && list[from].Number.Compare(found[i].Number) < 0 {
			from++
		}
		for from < to && list[from].Number == found[i].Number {
			each(&list[from], &found[i])
			from++
		}
	}
	return from
}
