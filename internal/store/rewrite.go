package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

const (
	// liveShare is the part of a pack's media below which what is live is
	// written anew, and liveShareNoHoles that where there are no holes. Every
	// byte that lives long is so written a few times more at most: each time
	// three of four, or every second one, of those beside it have gone.
	liveShare        = 4
	liveShareNoHoles = 2

	// rewriteBatch is how many bytes of media are read before they are written
	// and synced.
	rewriteBatch = 8 << 20
)

// rewrite writes what is live in mostly dead packs into new ones, one for each
// class, which is that of the streams' retention now.
//
// Crash safety: every fragment is read with its checksums. The new pack is
// sealed and synced, and its name with it, before the index is told; the index
// has the news durably before the old packs go; till then nobody else may remove
// the new one. A crash before that leaves a
// pack whose fragments are twins of what is found elsewhere, which a start finds
// once. A new pack that could not be finished is removed; if that is lost too,
// it is such a pack.
func (p *pass) rewrite(ctx context.Context) error {
	r := &rewriter{e: p.e}
	failed := p.gather(ctx, r)
	for _, t := range r.targets {
		if t != nil && !t.empty() {
			failed = errors.Join(failed, p.finish(ctx, t))
		}
	}
	return failed
}

// gather reads what is to be written anew into the targets: in one pass no more
// than a pack holds.
func (p *pass) gather(ctx context.Context, r *rewriter) (failed error) {
	if p.e.room.low() {
		return nil // what is written anew needs room first
	}
	budget := p.e.room.packSize()
	for _, info := range p.sparse() {
		if info.liveBytes > budget {
			continue
		}
		if err := ctx.Err(); err != nil {
			return errors.Join(failed, err)
		}
		l := p.e.plans[info.number]
		v, err := p.inspect(ctx, &info)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if soon := p.now.Add(info.class.Roll()); !v.dies.After(soon) {
			l.spare = v.dies
			v.close()
			continue
		}
		budget -= info.liveBytes
		damaged, err := r.take(ctx, &info, v)
		l.stuck = damaged
		failed = errors.Join(failed, err)
		v.close()
	}
	return failed
}

// sparse lists the packs of which little is live, those with least first.
func (p *pass) sparse() []packInfo {
	share := int64(liveShare)
	if p.e.noHoles {
		share = liveShareNoHoles
	}
	list := slices.DeleteFunc(p.sealed(), func(info packInfo) bool {
		l := p.e.plans[info.number]
		return l == nil || !l.known || l.stuck || p.now.Before(l.spare) ||
			info.liveBytes*share >= l.media || p.e.packs.guards(info.number)
	})
	slices.SortStableFunc(list, func(a, b packInfo) int { return cmp.Compare(a.liveBytes, b.liveBytes) })
	return list
}

// finish seals a new pack and moves what is in it over. A pack to which nothing
// was moved is dead, and goes as such.
func (p *pass) finish(ctx context.Context, t *target) error {
	info, err := t.seal(ctx)
	if err != nil {
		t.discard()
		return fmt.Errorf("rewrite packs: %w", err)
	}
	p.e.cfg.Events.Sealed(info.number)
	var failed error
	for _, m := range t.moves {
		if err := p.e.index.move(ctx, m.from, &info, m.old, m.now); err != nil {
			failed = errors.Join(failed, fmt.Errorf("move fragments to a new pack: %w", err))
			continue
		}
		p.done.Rewritten += len(m.now)
	}
	t.release()
	return failed
}

// A rewriter sorts fragments into new packs.
type rewriter struct {
	e       *Engine
	targets [Classes]*target
}

// take copies what is live in a pack. It reports whether anything is damaged
// there; that stays where it is.
func (r *rewriter) take(ctx context.Context, info *packInfo, v *inspection) (damaged bool, failed error) {
	for i := range v.entries {
		if !v.live[i] {
			continue
		}
		old := &v.entries[i]
		f, err := r.read(ctx, info, v, old)
		switch {
		case errors.Is(err, millrace.ErrNotFound):
			continue // it died meanwhile
		case errors.Is(err, millrace.ErrCorrupt):
			damaged = true
			r.e.damaged(Damage{
				Pack: info.number, Offset: old.Offset, Length: old.Size, Stream: old.Stream, Number: old.Number, Err: err,
			})
			continue
		case err == nil:
			err = r.target(old.Stream).add(ctx, info.number, old, f)
		}
		if err != nil {
			return damaged, errors.Join(failed, fmt.Errorf("rewrite pack %s: %w", packName(info.number), err))
		}
	}
	return damaged, failed
}

func (r *rewriter) read(ctx context.Context, info *packInfo, v *inspection, old *pack.Entry) (*millrace.Fragment, error) {
	in := recordReader{e: r.e, file: v.file, pack: *info, offset: old.Offset}
	f, err := in.read(ctx, old.Stream, old.Number, nil)
	if err == nil && pack.EntryOf(&in.record, old.Offset) != *old {
		return nil, fmt.Errorf("record is not what the footer tells of: %w", millrace.ErrCorrupt)
	}
	return f, err
}

// target is the new pack of the class that a stream has now.
func (r *rewriter) target(key millrace.StreamKey) *target {
	c := ClassOf(r.e.index.policy(key).Retention)
	if r.targets[c] == nil {
		r.targets[c] = &target{e: r.e, class: c}
	}
	return r.targets[c]
}
