package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// When dead bytes are given back. Each pass over a pack costs two syncs and a
// read of its footer, so it waits until it is worth that, or the time has come.
const (
	// deadShare is the part of all live bytes that dead ones in sealed packs
	// may come to. Beyond it the packs with most of them are punched at once. It
	// leaves room for the rest of what makes a store larger than its media:
	// headers and footers, what is left at both ends of a hole, and what has died
	// in packs that are still open.
	deadShare = 128

	// packShareDead is the part of a pack that is worth an inspection before
	// its time has come.
	packShareDead = 64
)

// patienceOf is how long dead bytes of a class may stay where they are: a little
// less than an eighth of the class, so that they have gone by then although
// passes are some time apart.
func patienceOf(c Class) time.Duration { return c.Roll() / 8 * 7 }

// A plan is what passes know of a pack.
type plan struct {
	known   bool      // whether it was surveyed; an open pack has only since
	media   int64     // bytes of all its fragments
	handled int64     // of what is dead, bytes that were given back as far as possible
	sure    bool      // every marked record has its hole
	since   time.Time // when the first of what is dead and not handled died; zero if nothing is
	wait    time.Time // before this it is not worth an inspection
	spare   time.Time // it will have gone by then, and is not written anew before
	stuck   bool      // something live in it is damaged; it cannot be written anew
}

// dead is how many bytes wait to be given back.
func (l *plan) dead(p *packInfo) int64 { return max(0, l.media-p.liveBytes-l.handled) }

// deadline is when what is dead in a pack must be given back.
func (l *plan) deadline(c Class) time.Time { return l.since.Add(patienceOf(c)) }

// date notes since when something is dead, unless that is known.
func (l *plan) date(p *packInfo, now time.Time) {
	switch {
	case l.dead(p) == 0:
		l.since = time.Time{}
	case l.since.IsZero():
		l.since = now
	}
}

// survey makes plans for packs that have none, those first that have most that
// may be dead, and notes since when something is dead in which pack.
func (p *pass) survey(ctx context.Context) (failed error) {
	p.forgetPlans()
	list := p.sealed()
	slices.SortStableFunc(list, func(a, b packInfo) int {
		return cmp.Compare(b.size-b.punched-b.liveBytes, a.size-a.punched-a.liveBytes)
	})
	surveys := 0
	for i := range list {
		info := &list[i]
		l := p.e.plans[info.number]
		if (l == nil || !l.known) && surveys < maxSurveys {
			if err := ctx.Err(); err != nil {
				return errors.Join(failed, err)
			}
			surveys++
			first, err := p.firstPlan(ctx, info)
			if err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			if l != nil && (first.since.IsZero() || l.since.Before(first.since)) {
				first.since = l.since // when the pack was still open
			}
			l = first
			p.e.plans[info.number] = l
		}
		if l != nil && l.known {
			l.date(info, p.now)
		}
	}
	return failed
}

// forgetPlans drops the plans of packs that are not there any more.
func (p *pass) forgetPlans() {
	maps.DeleteFunc(p.e.plans, func(number uint64, _ *plan) bool {
		_, there := p.e.packs.look(number)
		return !there
	})
}

// firstPlan looks into a pack for the first time. What was punched by an earlier
// start counts as handled if the file is as small as it should be; a crash may
// have cost the holes but not the marks, and then all are made again.
func (p *pass) firstPlan(ctx context.Context, info *packInfo) (*plan, error) {
	v, err := p.inspect(ctx, info)
	if err != nil {
		return nil, err
	}
	defer v.close()
	if v.damage != nil {
		p.e.damaged(*v.damage)
	}
	l := &plan{known: true, sure: !pack.HasMarks(v.file)}
	holes := int64(0)
	for i := range v.entries {
		en := &v.entries[i]
		l.media += en.Size
		if v.live[i] {
			continue
		}
		if mark, err := pack.ReadMark(v.file, en.Offset); !l.sure && err == nil && mark == pack.MarkDeleted {
			l.handled += en.Size
			holes += max(0, en.Size-2*holeBlock) / holeBlock * holeBlock
			continue
		}
		if at := p.died(info, en); l.since.IsZero() || at.Before(l.since) {
			l.since = at
		}
	}
	if l.sure {
		return l, nil
	}
	if l.sure = p.e.measure(v.file, info) >= holes; !l.sure {
		l.handled, l.since = 0, p.now
	}
	return l, nil
}

// died is when a dead entry expired, as far as its stream's retention tells. If
// it died of something else, that is now; but of a pack that is older than this
// start nobody knows how long that is ago, and its time has come: else a server
// that is started again and again would never give the bytes back.
func (p *pass) died(info *packInfo, en *pack.Entry) time.Time {
	at := p.dies(en)
	switch {
	case !at.After(p.now):
		return at
	case epochOf(info.number) == p.e.cfg.Epoch:
		return p.now
	}
	return p.now.Add(-patienceOf(info.class))
}

// measure notes and returns how many bytes of a file were given back.
func (e *Engine) measure(f File, p *packInfo) int64 {
	allocated, err := f.Allocated()
	if err != nil {
		e.cfg.Logger.Warn("size of pack on disk is not known", "pack", packName(p.number), "err", err)
		return p.punched
	}
	p.punched = max(0, p.size-allocated)
	e.packs.change(p.number, func(in *packInfo) { in.punched = p.punched })
	return p.punched
}

// An inspection is a look at a sealed pack.
type inspection struct {
	file    File
	salt    uint64
	entries []pack.Entry
	live    []bool    // for each entry
	dies    time.Time // when the last that is live expires
	damage  *Damage   // of the footer, if entries had to be found without it
}

func (v *inspection) close() { _ = v.file.Close() } // what was written was synced

// inspect opens a sealed pack and finds out what in it is live. A pack whose
// footer is damaged is scanned; then what is marked is not among its entries.
func (p *pass) inspect(ctx context.Context, info *packInfo) (*inspection, error) {
	e := p.e
	f, err := e.cfg.FS.Open(packName(info.number))
	if err != nil {
		return nil, fmt.Errorf("inspect pack: %w", err)
	}
	v := &inspection{file: f, salt: info.salt}
	err = v.readFooter(info)
	if errors.Is(err, millrace.ErrCorrupt) {
		v.damage = &Damage{Pack: info.number, Offset: info.size - pack.TrailerSize, Length: pack.TrailerSize, Err: err}
		err = v.scan(ctx, e, info)
	}
	if err == nil {
		v.live, err = e.index.liveIn(ctx, info.number, v.entries)
	}
	if err != nil {
		v.close()
		return nil, fmt.Errorf("inspect pack %s: %w", packName(info.number), err)
	}
	for i := range v.entries {
		if at := p.dies(&v.entries[i]); v.live[i] && at.After(v.dies) {
			v.dies = at
		}
	}
	return v, nil
}

// scan finds the entries in the records. Gaps between them are left to the scrub
// to tell.
func (v *inspection) scan(ctx context.Context, e *Engine, p *packInfo) error {
	found := &foundPack{e: e, number: p.number, file: v.file, size: p.size}
	if err := found.identify(); err != nil || !found.known {
		return err
	}
	_, err := found.walk(ctx)
	v.entries = found.footer.Entries
	return err
}

func (v *inspection) readFooter(p *packInfo) error {
	size, err := v.file.Size()
	if err != nil {
		return err
	}
	p.size = size
	footer, h, err := pack.ReadFooter(v.file, size)
	if err != nil {
		return err
	}
	if h.Pack != p.number || h.Salt != p.salt {
		return fmt.Errorf("footer of another pack: %w", millrace.ErrCorrupt)
	}
	v.entries = footer.Entries
	return nil
}
