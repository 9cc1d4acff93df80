package store

import (
	"context"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// A target is a new pack that takes what is left of old ones. It is in the
// table of packs from its first batch on, as one that nobody else may touch.
type target struct {
	e     *Engine
	class Class
	w     *packWriter // nil before the first batch
	batch []*submission
	from  []moved // where each of the batch lies now
	bytes int64   // of the batch
	moves []moves
	err   error // of the first write that failed; nothing more is written
}

// A moved entry lies in a pack from which it is to be moved.
type moved struct {
	pack uint64
	old  *pack.Entry
}

// moves are what has been written anew of one pack.
type moves struct {
	from     uint64
	old, now []pack.Entry
}

// add takes a fragment into the batch, and writes that if it is large enough.
func (t *target) add(ctx context.Context, from uint64, old *pack.Entry, f *millrace.Fragment) error {
	s := &submission{fragment: f}
	var err error
	if s.head, s.entry, err = pack.AppendFragment(nil, f); err != nil {
		return err
	}
	s.size = pack.Aligned(int64(len(s.head)) + s.entry.Size)
	t.batch, t.from = append(t.batch, s), append(t.from, moved{from, old})
	t.bytes += s.entry.Size
	if t.bytes < rewriteBatch {
		return nil
	}
	return t.write(ctx)
}

// write makes the batch durable in the new pack, if there is room.
func (t *target) write(ctx context.Context) error {
	if t.err == nil {
		t.err = ctx.Err()
	}
	if t.err == nil && len(t.batch) > 0 {
		n := t.need()
		if !t.e.room.take(n) {
			t.err = fmt.Errorf("write %d bytes anew: %w", n.total(), ErrFull)
			return t.err
		}
		t.err = t.writeBatch(n.footer)
		t.e.room.give(n, t.err == nil)
	}
	return t.err
}

func (t *target) need() (n need) {
	if t.w == nil {
		n = need{pack.FileHeaderSize, pack.MinFooter}
	}
	n.add(t.w, t.batch)
	return n
}

func (t *target) writeBatch(footer int64) error {
	if t.w == nil {
		w, err := createPack(t.e.cfg.FS, t.e.nextPack(t.class), t.e.cfg.Elapsed())
		if err != nil {
			return err
		}
		t.w = w
		t.e.packs.add(packInfo{number: w.header.Pack, salt: w.header.Salt, class: t.class, busy: true})
	}
	if _, err := t.w.write(t.batch, nil); err != nil {
		return err
	}
	t.w.ending += footer
	for i, s := range t.batch {
		t.moved(t.from[i], s.entry)
	}
	t.e.packs.change(t.w.header.Pack, func(p *packInfo) {
		p.size = t.w.end
		for _, s := range t.batch {
			p.saw(s.fragment.Number)
		}
	})
	t.batch, t.from, t.bytes = nil, nil, 0
	return nil
}

func (t *target) moved(from moved, now pack.Entry) {
	if n := len(t.moves); n == 0 || t.moves[n-1].from != from.pack {
		t.moves = append(t.moves, moves{from: from.pack})
	}
	m := &t.moves[len(t.moves)-1]
	m.old, m.now = append(m.old, *from.old), append(m.now, now)
}

// seal writes what is left of the batch and finishes the pack, and all of it is
// durable then.
func (t *target) seal(ctx context.Context) (packInfo, error) {
	if err := t.write(ctx); err != nil {
		return packInfo{}, err
	}
	if err := t.w.seal(); err != nil {
		return packInfo{}, err
	}
	t.e.room.ended(t.w.ending)
	t.w.ending = 0
	t.e.packs.finish(t.w)
	t.e.packs.settleAll(t.w.header.Pack)
	info, _ := t.e.packs.look(t.w.header.Pack)
	return info, nil
}

// release lets others do with the pack what they want.
func (t *target) release() {
	t.e.packs.change(t.w.header.Pack, func(p *packInfo) { p.busy = false })
}

// empty reports whether there was nothing to take.
func (t *target) empty() bool { return t.w == nil && len(t.batch) == 0 }

// discard removes what was written. Where that fails, the next start finds a
// pack in which nothing is found that is not found elsewhere.
func (t *target) discard() {
	if t.w == nil {
		return
	}
	_ = t.w.file.Close() // it may be closed already
	t.e.room.ended(t.w.ending)
	t.e.packs.change(t.w.header.Pack, func(p *packInfo) { p.state, p.busy = packGivenUp, false })
	info, _ := t.e.packs.look(t.w.header.Pack)
	if _, err := t.e.removePack(info); err != nil {
		t.e.cfg.Logger.Warn("unfinished pack stays until the next start", "err", err)
	}
}
