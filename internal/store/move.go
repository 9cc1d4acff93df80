package store

import (
	"context"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// move lets what is found at old in the pack from be found at now in the pack
// to, which goes into the table of packs if it is not there. old and now are
// entries of the same fragments in the same order. What is not found at old any
// more stays gone.
//
// Crash safety: whatever part of it was made, each entry is found at one of two
// places that are both there. When move returns nil, it is durable: what a crash
// leaves of the index never points to from again, which may go. After an error
// it may go when settle has returned nil.
func (ix *index) move(ctx context.Context, from uint64, to *packInfo, old, now []pack.Entry) error {
	release, err := ix.takePages(ctx)
	if err != nil {
		return err
	}
	defer release()
	if _, ok := ix.packs.look(to.number); !ok {
		ix.packs.add(*to)
	}
	all := inPack(from, old)
	if ix.pages == nil {
		ix.moveRows(all, to.number, now)
		return nil
	}
	if err := ix.feedDue(ctx, true); err != nil {
		return err
	}
	ix.moving.Store(true)
	if err := ix.moveEntries(ctx, all, to.number, now); err != nil {
		return err
	}
	return ix.sync(ctx)
}

func (ix *index) moveRows(all map[millrace.StreamKey][]placed, to uint64, now []pack.Entry) {
	for key, list := range all {
		x := ix.stream(key)
		for _, p := range list {
			if x != nil && x.move(p.Number, p.Position, Position{to, now[p.at].Offset}) {
				ix.packs.change(p.Position.Pack, func(i *packInfo) { i.live, i.liveBytes = i.live-1, i.liveBytes-p.Size })
				ix.packs.settle(to, &now[p.at], true)
			}
		}
	}
}

func (ix *index) moveEntries(ctx context.Context, all map[millrace.StreamKey][]placed, to uint64, now []pack.Entry) error {
	st := ix.newStep()
	for _, key := range sortedKeys(all) {
		places := make(map[Position]Position, len(all[key]))
		entries := make([]Entry, 0, len(all[key]))
		for _, p := range all[key] {
			places[p.Position] = Position{to, now[p.at].Offset}
			entries = append(entries, p.Entry)
		}
		if err := st.move(ctx, key, places, entries); err != nil {
			return err
		}
		if st.size() < stepPages {
			continue
		}
		if err := st.apply(ctx); err != nil {
			return err
		}
		st = ix.newStep()
	}
	return st.apply(ctx)
}

// move makes entries that are found where places says point elsewhere.
func (s *step) move(ctx context.Context, key millrace.StreamKey, places map[Position]Position, entries []Entry) error {
	for _, c := range []Clock{ServerClock, ProducerClock} {
		entries = slices.SortedFunc(slices.Values(entries), compareOn(c))
		err := s.ix.among(ctx, key, c, entries, func(pages []IndexPage, _, _ int) error {
			edit, err := editPages(pages, func(e *Entry) bool {
				place, moves := places[e.Position]
				if moves && c == ServerClock {
					s.moved(e, place)
				}
				if moves {
					e.Position = place
				}
				return true
			})
			if err != nil {
				return s.ix.failed(err)
			}
			edit.addTo(&s.change)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// moved counts an entry in its new pack, and not in its old one any more.
func (s *step) moved(e *Entry, to Position) {
	s.took([]Entry{*e})
	d := s.delta(to.Pack)
	d.fed, d.paged, d.bytes = d.fed+1, d.paged+1, d.bytes+e.Size
	d.live, d.liveBytes = d.live+1, d.liveBytes+e.Size
	number := e.Number
	s.ix.packs.change(to.Pack, func(p *packInfo) { p.saw(number) })
}
