package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// remakeBetweenPasses is remake for who does not make a pass. A pass acts on what
// it has seen dead; remake may find just that again: what was written anew is in
// two packs as long as the old one is there, and is found in the one that it
// comes to first.
func (e *Engine) remakeBetweenPasses(ctx context.Context) error {
	select {
	case e.passes <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.passes }()
	return e.remake(ctx)
}

// remake makes damaged pages again from the packs, while everything goes on.
// Until it is done, a query that must know what the pages held is
// ErrUnavailable, and no pack counts as dead; what has come since the pages were
// left is found. If remake fails, it is to be called again.
//
// Crash safety: the pages are empty or hold what was fed since, and their rows
// say of which packs; a start goes on from there.
func (e *Engine) remake(ctx context.Context) error {
	release, err := e.index.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	if !e.index.broken.Load() {
		return nil // somebody else has done it
	}
	e.index.freeze()
	if err := e.cfg.Pages.Reset(ctx); err != nil {
		return fmt.Errorf("reset index: %w", err)
	}
	e.index.facts.kept = nil
	for _, p := range e.packs.forget() {
		if err := e.restore(ctx, p); err != nil {
			return fmt.Errorf("read %s: %w", packName(p.number), err)
		}
	}
	if err := e.index.feedDue(ctx, true); err != nil {
		return err
	}
	if err := e.index.tell(ctx); err != nil {
		return err
	}
	e.packs.remade()
	e.index.thaw()
	e.cfg.Logger.Info("index was made again", "fragments", e.packs.count().LiveFragments)
	return nil
}

// restore takes what was settled in a pack into memory again.
func (e *Engine) restore(ctx context.Context, p *packAccount) error {
	if p.aside == asideFound {
		return nil // nothing of it was in memory
	}
	entries, err := e.settled(ctx, p)
	if errors.Is(err, millrace.ErrNotFound) {
		if _, there := e.packs.look(p.number); !there {
			return nil // it was removed meanwhile
		}
	}
	if isUnreadable(err) {
		e.packs.change(p.number, func(i *packInfo) { i.aside, i.why = asideLeft, err })
		e.tellAside(p.number, p.size, err)
		return nil
	}
	if err != nil {
		return err
	}
	for i := range entries {
		if entries[i].Offset < p.unfed.end {
			e.index.restore(p.number, &entries[i])
		}
		if e.index.count.Load() >= recoverRows {
			if err := e.index.feedDue(ctx, true); err != nil {
				return err
			}
		}
	}
	e.packs.change(p.number, func(i *packInfo) { i.aside = notAside })
	return nil
}

// settled lists the fragments of a pack, by its footer or by its records.
func (e *Engine) settled(ctx context.Context, p *packAccount) ([]pack.Entry, error) {
	h, err := e.handles.acquire(p.number)
	if err != nil {
		return nil, err
	}
	defer e.handles.release(h)
	if p.state == packSealed {
		footer, _, err := pack.ReadFooter(h.file, p.size)
		if err == nil {
			footer.DropMarked(h.file)
			return footer.Entries, nil
		}
		if !errors.Is(err, millrace.ErrCorrupt) {
			return nil, err
		}
	}
	var entries []pack.Entry
	s := pack.NewScanner(h.file, p.salt, p.size)
	for s.Next() && ctx.Err() == nil {
		if r := s.Record(); r.Kind == pack.KindFragment && r.Mark != pack.MarkDeleted {
			entries = append(entries, pack.EntryOf(r, s.Offset()))
		}
	}
	return entries, errors.Join(s.Err(), ctx.Err())
}

// forget lets go of what the pages had, and lists the packs.
func (t *packTable) forget() (list []*packAccount) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unsure = true
	clear(t.rows)
	for _, number := range sortedNumbers(t.packs) {
		a := t.packs[number]
		a.live, a.liveBytes = a.live-a.paged, a.liveBytes-a.pagedBytes
		a.fed, a.paged, a.pagedBytes = 0, 0, 0
		switch a.aside {
		case asideFound:
			a.unfed = unfed{}
		case notAside:
			a.aside = restoring
		}
		own := *a
		list = append(list, &own)
	}
	return list
}

// remade notes that the accounts are right again.
func (t *packTable) remade() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unsure = false
}

// freeze remembers what the pages held, and that it is not there any more.
func (ix *index) freeze() {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.remakes.Add(1)
	clear(ix.leaving)
	ix.lost = nil
	for _, x := range ix.streams {
		x.freeze()
	}
}

func (x *streamIndex) freeze() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.paged.count > 0 && x.paged.last.Compare(x.frozen.last) > 0 {
		x.frozen = x.paged
	}
	x.paged = paged{}
}

// thaw lets queries ask the pages again.
func (ix *index) thaw() {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for _, x := range ix.streams {
		x.mu.Lock()
		x.frozen = paged{}
		x.mu.Unlock()
	}
	ix.broken.Store(false)
}

// restore takes a fragment that was found before, or had died, into memory.
func (ix *index) restore(number uint64, e *pack.Entry) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	x, r := ix.streams[e.Stream], ix.rules[e.Stream]
	if x == nil || r != nil && r.Gone(e.Number, e.ProducerTime) {
		return
	}
	if x.insert(rowOf(number, e), ix.elapsed()) {
		ix.packs.settle(number, e, true)
	}
}
