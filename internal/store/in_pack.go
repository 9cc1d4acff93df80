package store

import (
	"context"

	"github.com/millrace/millrace/internal/pack"
)

// positionOf is where an entry of a pack lies.
func positionOf(number uint64, e *pack.Entry) Position { return Position{number, e.Offset} }

// liveIn says which of a pack's entries are found, and found there. Such as are
// gone by policy and not swept yet count as found.
func (ix *index) liveIn(ctx context.Context, number uint64, entries []pack.Entry) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	live := make([]bool, len(entries))
	for i := range entries {
		x := ix.stream(entries[i].Stream)
		live[i] = x != nil && x.isAt(entries[i].Number, positionOf(number, &entries[i]))
	}
	return live, nil
}

// move lets what is found at old in the pack from be found at now in the pack
// to, which goes into the table of packs if it is not there. old and now are
// entries of the same fragments in the same order. What is not found at old any
// more stays gone. When move returns nil, this is durable: what a crash leaves
// of the index never points to from again.
func (ix *index) move(ctx context.Context, from uint64, to *packInfo, old, now []pack.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, ok := ix.packs.look(to.number); !ok {
		ix.packs.add(*to)
	}
	for i := range old {
		x := ix.stream(old[i].Stream)
		if x != nil && x.move(old[i].Number, positionOf(from, &old[i]), positionOf(to.number, &now[i])) {
			ix.packs.gain(to.number, now[i].Size)
			ix.packs.lose(from, old[i].Size)
		}
	}
	return nil
}

// takeOut takes what is found in a pack out of the index. entries are all that
// the pack has.
func (ix *index) takeOut(ctx context.Context, number uint64, entries []pack.Entry) (r Forgotten, err error) {
	if err := ctx.Err(); err != nil {
		return r, err
	}
	for i := range entries {
		e := &entries[i]
		if x := ix.stream(e.Stream); x != nil && x.leave(e.Number, positionOf(number, e)) {
			ix.packs.lose(number, e.Size)
			r.add(e.Size)
		}
	}
	return r, nil
}
