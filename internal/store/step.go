package store

import (
	"context"
)

// A step is one change of the pages, with the accounts of the packs, and what
// it means for memory once it is made. Only who has the turn makes one.
//
// Crash safety: pages and accounts change together or not at all, and memory
// follows. Whatever a crash leaves of the steps is a state in which some
// beginning of them had been made: packs are fed again from where their rows
// say, and what a rule has taken away is hidden until it is swept again. The one
// thing that this would not bring back is the new place of an entry whose old
// one has gone, wherefore move waits until it is durable.
type step struct {
	ix     *index
	change PageChange
	deltas map[uint64]*packDelta
	after  []func()
}

func (ix *index) newStep() *step { return &step{ix: ix, deltas: make(map[uint64]*packDelta)} }

// delta is the part of the change that is about a pack.
func (s *step) delta(number uint64) *packDelta {
	d := s.deltas[number]
	if d == nil {
		d = new(packDelta)
		s.deltas[number] = d
	}
	return d
}

// size is how many pages the change writes or removes.
func (s *step) size() int { return len(s.change.Put) + len(s.change.Remove) }

// then has f called once the change is made.
func (s *step) then(f func()) { s.after = append(s.after, f) }

// apply makes the change. After an error nothing has changed.
func (s *step) apply(ctx context.Context) error {
	c := &s.change
	c.PutPacks = append(c.PutPacks, s.ix.packs.drafts(s.deltas)...)
	if s.size()+len(c.RemoveStreams)+len(c.PutPacks)+len(c.RemovePacks) == 0 {
		return nil
	}
	c.Facts = s.ix.facts.news()
	if err := s.ix.pages.Apply(ctx, c); err != nil {
		s.ix.packs.revert(s.deltas)
		return s.ix.failed(err)
	}
	s.ix.unsynced.Store(true)
	s.ix.facts.stored(c.Facts)
	s.ix.packs.commit(c, s.deltas)
	for _, f := range s.after {
		f()
	}
	return nil
}

// sync makes all that was applied durable, if anything was since it last was.
func (ix *index) sync(ctx context.Context) error {
	if !ix.unsynced.Load() {
		return nil
	}
	if err := ix.pages.Sync(ctx); err != nil {
		return ix.failed(err)
	}
	ix.unsynced.Store(false)
	ix.moving.Store(false)
	return nil
}

// settle makes it durable that entries are found elsewhere. Until then nothing
// must go from where they were, although nothing is found there any more: a
// crash may lead back to it.
func (ix *index) settle(ctx context.Context) error {
	if !ix.moving.Load() {
		return nil
	}
	release, err := ix.takePages(ctx)
	if err != nil {
		return err
	}
	defer release()
	return ix.sync(ctx)
}

// took counts entries that leave the pages.
func (s *step) took(entries []Entry) {
	for i := range entries {
		d := s.delta(entries[i].Position.Pack)
		d.paged, d.bytes = d.paged-1, d.bytes-entries[i].Size
		d.live, d.liveBytes = d.live-1, d.liveBytes-entries[i].Size
	}
}
