package store

import (
	"context"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// takeOut takes what is found in a pack out of the index. entries are all that
// the pack has, or none if it cannot be read. From the call on nothing of it is
// found, whatever is returned; what could not be written is made up for by the
// next feeding.
func (ix *index) takeOut(ctx context.Context, number uint64, entries []pack.Entry) (r Forgotten, err error) {
	lost := ix.loseOne(number, entries)
	all := inPack(number, entries)
	ix.takeRows(number, all, &r)
	if ix.pages == nil {
		return r, nil
	}
	release, err := ix.takePages(ctx)
	if err != nil {
		return r, err
	}
	defer release()
	if len(entries) == 0 {
		return r, ix.purge(ctx)
	}
	for _, key := range sortedKeys(all) {
		if err := ix.takePaged(ctx, key, all[key], &r); err != nil {
			return r, err
		}
	}
	ix.forgetLost(lost)
	return r, nil
}

// loseOne hides what the pages have of a pack.
func (ix *index) loseOne(number uint64, entries []pack.Entry) map[uint64]lostPack {
	r, _ := ix.packs.row(number)
	p := packInfo{oldest: r.Oldest, newest: r.Newest}
	for i := range entries {
		p.saw(entries[i].Number)
	}
	lost := map[uint64]lostPack{number: {p.oldest, p.newest}}
	if ix.pages != nil {
		ix.lose(lost)
	}
	return lost
}

// takeRows takes the rows of a pack out of memory: those of its entries, or
// where they are not known, of any stream.
func (ix *index) takeRows(number uint64, all map[millrace.StreamKey][]placed, r *Forgotten) {
	gone := func(taken *row) {
		ix.packs.lose(taken)
		r.add(int64(taken.size))
	}
	if len(all) == 0 {
		for _, key := range ix.keys() {
			if x := ix.stream(key); x != nil {
				x.takeAll(func(of *row) bool { return of.pack == number }, gone)
			}
		}
	}
	for _, key := range sortedKeys(all) {
		x := ix.stream(key)
		for i := range all[key] {
			if x == nil {
				break
			}
			if taken := x.take(all[key][i].Number, all[key][i].Position); taken != nil {
				gone(taken)
			}
		}
	}
}

// takePaged takes entries out of the pages.
func (ix *index) takePaged(ctx context.Context, key millrace.StreamKey, list []placed, r *Forgotten) error {
	x := ix.stream(key)
	if x == nil || x.inPages().count == 0 {
		return nil // if it was dropped, all its pages go
	}
	number := list[0].Position.Pack
	err := ix.among(ctx, key, ServerClock, entriesOf(list), func(pages []IndexPage, _, _ int) error {
		out, err := ix.takeFrom(ctx, key, x, pages, func(e *Entry) bool { return e.Position.Pack == number })
		for i := range out {
			r.add(out[i].Size)
		}
		return err
	})
	if err != nil {
		return err
	}
	return ix.measure(ctx, key, x)
}
