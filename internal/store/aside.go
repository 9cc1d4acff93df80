package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// ErrSetAside is what a Damage says of a pack that cannot be read.
var ErrSetAside = errors.New("pack cannot be read, and is set aside")

// aside says that what is in a pack is not all in the index, because the disk
// does not give it.
//
// Nobody takes such a pack for dead, evicts it, seals it, punches it or writes it
// anew: what could not be read may be read tomorrow, and a place that is taken
// for zeros would be one in which nothing was ever kept. What says how much of it
// counts stays too. What the pages have of it is found, and read where that can
// be. Passes try it again, and so does the next start.
type aside uint8

const (
	notAside   aside = iota
	asideFound       // at a start: nothing of it was taken in, and it may want to be cut and sealed
	asideLeft        // what the pages had of it is to be found again
	restoring        // likewise, and it is about to be read
)

// unread reports whether a pack is set aside.
func (a aside) unread() bool { return a == asideFound || a == asideLeft }

// The first and the longest time between two tries to read what is set aside.
// Each may take a drive minutes.
const (
	asideWait    = time.Minute
	asideLongest = time.Hour
)

// asideTries is when what is set aside is tried again. Who makes a pass uses it.
type asideTries struct {
	wait time.Duration // between the last try and the next, 0 before the first
	next time.Duration // as Config.Elapsed counts
}

// due reports whether it is time to try.
func (t *asideTries) due(now time.Duration) bool {
	if t.wait == 0 {
		t.wait, t.next = asideWait, now+asideWait
	}
	return now >= t.next
}

func (t *asideTries) tried(now time.Duration) {
	t.wait = min(2*t.wait, asideLongest)
	t.next = now + t.wait
}

// isUnreadable reports whether an error says that a file cannot be read, and
// nothing of what would be in it. That somebody else's files are not to be read is
// a mistake in how the server was set up.
func isUnreadable(err error) bool {
	for _, other := range []error{
		millrace.ErrCorrupt, millrace.ErrConflict, pack.ErrVersion, ErrForeignPack, fs.ErrNotExist, fs.ErrPermission,
		context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, other) {
			return false
		}
	}
	return err != nil
}

// setAside takes a pack into the table that could not be read, or reports again
// that it could not.
func (e *Engine) setAside(p *foundPack, why error) error {
	limits, whole := p.limits()
	if err := e.putAside(p, limits, !whole, why); err != nil {
		return err
	}
	e.tellAside(p.number, p.size, why)
	return nil
}

// tellAside says what an operator has to know.
func (e *Engine) tellAside(number uint64, size int64, why error) {
	e.damaged(Damage{Pack: number, Length: size, Err: fmt.Errorf("%w: %w", ErrSetAside, why)})
}

// putAside takes a pack into the table, with what the pages keep of it.
func (e *Engine) putAside(p *foundPack, limits []pack.Limit, blind bool, why error) error {
	if before, ok := e.packs.look(p.number); !ok || !before.aside.unread() {
		r, known := e.packs.row(p.number)
		switch {
		case known && r.Sealed:
			if err := e.packs.resumeSealed(r); err != nil {
				return err
			}
		case known:
			e.packs.resume(r)
		default:
			e.packs.add(packInfo{number: p.number, salt: p.header.Salt, class: classOfPack(p.header.Class)})
		}
	}
	e.packs.change(p.number, func(i *packInfo) {
		i.aside, i.blind, i.why, i.size = asideFound, blind, why, max(i.size, p.size)
		if i.state != packSealed { // what is sealed was cut, and its row says what it knows of others
			i.state, i.limits = packGivenUp, limits
		} else {
			i.blind = false
		}
	})
	return nil
}

// await sets a pack aside that can be read, but is not to be before another one
// is, which may say how much of it counts.
func (e *Engine) await(p *foundPack, other uint64) error {
	e.cfg.Logger.Error("pack is set aside, because another one may say how much of it counts and cannot be read",
		"pack", packName(p.number), "other", packName(other))
	for i := range p.footer.Entries {
		e.index.facts.saw(p.footer.Entries[i].Number, p.footer.Entries[i].Duration)
	}
	return e.putAside(p, p.footer.Limits, false, ErrSetAside)
}

// limits lists what the records of a pack say of others. whole is whether that is
// all: a place that cannot be read may hold more, unless it is in the body of a
// record.
func (p *foundPack) limits() (list []pack.Limit, whole bool) {
	if p.file == nil || p.identify() != nil {
		return nil, false
	}
	if !p.known {
		return nil, true // as if it could be read
	}
	s := pack.NewScanner(p.file, p.header.Salt, p.size)
	for s.Next() {
		if r := s.Record(); r.Kind == pack.KindFragment {
			p.e.index.facts.saw(r.Number, r.Duration) // server time must not go behind it
		}
		if s.Record().Kind != pack.KindLimits {
			continue
		}
		body, err := pack.ReadBody(p.file, s.Offset(), s.Record())
		if isUnreadable(err) {
			return list, false
		}
		if more, perr := pack.ParseLimits(body); err == nil && perr == nil {
			list = append(list, more...)
		}
	}
	return list, s.Err() == nil
}

// blindFor is a pack that may say how much of another one counts, and cannot be
// read. No pack says that of one that was begun after its own start.
func (t *packTable) blindFor(number uint64) (other uint64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range sortedNumbers(t.packs) {
		if t.packs[o].blind && o != number && epochOf(o) >= epochOf(number) {
			return o, true
		}
	}
	return 0, false
}

// setAside lists what is set aside, as it is now.
func (t *packTable) setAside() (list []*packAccount) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, number := range sortedNumbers(t.packs) {
		if a := t.packs[number]; a.aside.unread() && !a.hidden {
			own := *a
			list = append(list, &own)
		}
	}
	return list
}

// mayComeLate reports whether what is found of a stream only now may be there:
// streams that were deleted before this start are not known to it.
func (ix *index) mayComeLate(key millrace.StreamKey) bool { return !ix.bound || ix.rule(key) != nil }

// reread tries again to read what is set aside. Nothing of the rest depends on
// how that ends.
func (p *pass) reread(ctx context.Context) error {
	e := p.e
	list := e.packs.setAside()
	if len(list) == 0 {
		e.aside = asideTries{}
		return nil
	}
	if e.index.broken.Load() || !e.aside.due(e.cfg.Elapsed()) {
		return nil
	}
	defer func() { e.aside.tried(e.cfg.Elapsed()) }()
	if err := e.rereadAll(ctx, list); err != nil {
		return fmt.Errorf("read what was set aside: %w", err)
	}
	for _, a := range list {
		if now, _ := e.packs.look(a.number); !now.aside.unread() {
			e.cfg.Logger.Info("pack that was set aside could be read", "pack", packName(a.number))
		}
	}
	return nil
}

// Crash safety: a pack is taken in as by a start, which is cut behind what counts,
// sealed and synced before anything in it is found.
func (e *Engine) rereadAll(ctx context.Context, list []*packAccount) (failed error) {
	var found []*foundPack
	defer func() { closeFiles(found) }()
	for _, a := range list {
		if err := ctx.Err(); err != nil {
			return errors.Join(failed, err)
		}
		if a.aside == asideLeft {
			failed = errors.Join(failed, e.restoreLate(ctx, a))
			continue
		}
		p, err := e.examine(ctx, a.number)
		if p != nil {
			found = append(found, p)
		}
		failed = errors.Join(failed, e.judgeForeign(err))
	}
	return errors.Join(failed, e.judgeForeign(e.finish(ctx, found)))
}

// judgeForeign has the index made again if it is not one of the packs that
// could be read at last.
func (e *Engine) judgeForeign(err error) error {
	if errors.Is(err, errForeign) {
		return e.index.failed(fmt.Errorf("%w: %w", millrace.ErrCorrupt, err))
	}
	return err
}

// restoreLate takes in what was in the pages of a pack that could not be read
// when they were made again.
func (e *Engine) restoreLate(ctx context.Context, a *packAccount) error {
	entries, err := e.settled(ctx, a)
	if isUnreadable(err) || errors.Is(err, millrace.ErrNotFound) {
		return nil // it was told
	}
	if err != nil {
		return err
	}
	for i := range entries {
		if entries[i].Offset < a.unfed.end {
			e.index.restore(a.number, &entries[i])
		}
	}
	e.packs.change(a.number, func(i *packInfo) { i.aside = notAside })
	e.index.nudge()
	return nil
}
