package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// recoverRows is how many rows a start lets come together in memory before it
// feeds them.
const recoverRows = 1 << 16

// progressTime is how often a start that takes long says so.
const progressTime = 5 * time.Second

// recover finds what there is. What the index knows is taken from it; an index
// that is of no use is made again from the packs.
//
// Crash safety: an index that was reset is empty, and one that was made in part
// says so of each pack; so every start goes on where the one before was cut.
func (e *Engine) recover(ctx context.Context) error {
	if e.cfg.Pages == nil {
		return e.recoverPacks(ctx)
	}
	err := error(nil)
	if e.cfg.Rebuild {
		err = fmt.Errorf("%w: it is to be made again", errForeign)
	}
	if err == nil {
		err = e.index.resume(ctx)
	}
	if err == nil {
		err = e.recoverPacks(ctx)
	}
	if !errors.Is(err, errForeign) && !e.index.broken.Load() {
		return err
	}
	e.cfg.Logger.Warn("index is made again from the packs", "because", err)
	if err := e.cfg.Pages.Reset(ctx); err != nil {
		return fmt.Errorf("reset index: %w", err)
	}
	e.packs.reset()
	e.index = newIndex(&e.cfg, e.packs)
	return e.recoverPacks(ctx)
}

// recoverPacks takes in what the packs hold that is not in the pages. Sealed
// packs are taken from their footers. The others, those that were open and those
// that were given up, are scanned, cut behind their last good record and sealed,
// so that after it all that can be found is durable.
func (e *Engine) recoverPacks(ctx context.Context) error {
	numbers, err := e.packNumbers()
	if err != nil {
		return err
	}
	e.index.missing(func(number uint64) bool {
		_, there := slices.BinarySearch(numbers, number)
		return there
	})
	var found []*foundPack
	defer func() { closeFiles(found) }()
	said := time.Now()
	for i, number := range numbers {
		p, err := e.examine(ctx, number)
		if p != nil {
			found = append(found, p)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", packName(number), err)
		}
		if time.Since(said) > progressTime {
			said = time.Now()
			e.cfg.Logger.Info("packs are being read", "packs", i+1, "of", len(numbers))
		}
	}
	if list := e.packs.setAside(); len(list) > 1 && len(list) == len(numbers) {
		return fmt.Errorf("none of the packs can be read: %w", list[0].why)
	}
	return e.finish(ctx, found)
}

// packNumbers lists the packs, and makes sure that the next one has a number of
// its own.
func (e *Engine) packNumbers() (numbers []uint64, err error) {
	names, err := e.cfg.FS.ReadDir()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		number, ok := parsePackName(name)
		if !ok {
			e.cfg.Logger.Warn("file is not a pack", "name", name)
			continue
		}
		if err := e.count(number); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		numbers = append(numbers, number)
	}
	for number := range e.packs.allRows() {
		if err := e.count(number); err != nil {
			return nil, fmt.Errorf("%w: %w", errForeign, err)
		}
	}
	return numbers, nil
}

// count makes sure that the next pack has a number of its own.
func (e *Engine) count(number uint64) error {
	epoch, counter := epochOf(number), uint32(number)
	if epoch > e.cfg.Epoch {
		return fmt.Errorf("pack is of epoch %d, this start of %d: %w", epoch, e.cfg.Epoch, millrace.ErrConflict)
	}
	if epoch == e.cfg.Epoch {
		e.packCounter.Store(max(e.packCounter.Load(), counter))
	}
	return nil
}

// examine looks at one pack, unless all of it is in the pages. A sealed one goes
// into the index at once; one that is not is returned, scanned.
func (e *Engine) examine(ctx context.Context, number uint64) (*foundPack, error) {
	r, ok := e.packs.row(number)
	if ok && r.complete() {
		return nil, e.packs.resumeSealed(r)
	}
	p := &foundPack{e: e, number: number, row: r}
	err := p.read(ctx)
	switch {
	case isUnreadable(err):
		err = e.setAside(p, err)
	case err == nil && p.sealed == nil:
		e.packs.change(number, func(i *packInfo) { i.blind = false }) // what it says of others is in p now
		return p, nil
	case err == nil:
		err = e.admit(ctx, *p.sealed, p.footer.Entries)
	}
	if p.file == nil {
		return nil, err
	}
	return nil, errors.Join(err, p.file.Close())
}

// read opens a pack, and takes its footer or scans it.
func (p *foundPack) read(ctx context.Context) error {
	var err error
	if p.file, err = p.e.cfg.FS.Open(packName(p.number)); err != nil {
		p.file = nil
		return err
	}
	if p.size, err = p.file.Size(); err != nil {
		return err
	}
	if err := p.e.refuseForeign(p.number, p.file); err != nil {
		return err
	}
	footer, h, err := pack.ReadFooter(p.file, p.size)
	if err == nil && h.Pack == p.number {
		footer.DropMarked(p.file)
		p.footer = *footer
		p.sealed = &packInfo{number: p.number, salt: h.Salt, class: classOfPack(h.Class), state: packSealed, size: p.size, limits: footer.Limits}
		if err := p.file.Sync(); err != nil { // a program that was killed may have written a footer and not synced it
			p.e.cfg.Logger.Error("footer of pack not synced at start", "pack", packName(p.number), "err", err)
			p.sealed.state = packGivenUp
		}
		return nil
	}
	if err != nil && !errors.Is(err, millrace.ErrCorrupt) {
		return err
	}
	return p.scan(ctx)
}

// admit takes a pack and its live fragments into the index, but for those that
// are there. A twin, which was written again after a failure, is found once. The
// pack counts as open until all of it is in.
func (e *Engine) admit(ctx context.Context, p packInfo, entries []pack.Entry) error {
	state := p.state
	p.state = packOpen
	rest, there, err := e.unfedOf(ctx, &p, entries)
	if err != nil {
		e.packs.change(p.number, func(i *packInfo) {
			if e.running { // a start begins again
				i.aside, i.state = asideFound, packGivenUp
			}
		})
		return err
	}
	for i := range rest {
		en := &rest[i]
		if there != nil && there[i] {
			e.packs.settle(p.number, en, false)
			continue
		}
		if e.running && !e.index.mayComeLate(en.Stream) {
			e.packs.settle(p.number, en, false)
			continue
		}
		if err := e.index.insert(p.number, en); errors.Is(err, millrace.ErrExists) {
			e.cfg.Logger.Info("fragment is there twice", "pack", packName(p.number), "offset", en.Offset, "err", err)
		}
		if e.running {
			continue // the feeder does it
		}
		if err := e.feedFound(ctx); err != nil {
			return err
		}
	}
	e.packs.setState(p.number, state)
	return nil
}

// feedFound moves what a start has found into the pages, whenever much of it has
// come together. Where there is no room for pages, it stays in memory, which
// holds Config.RecentRows, and the feeder will try again.
func (e *Engine) feedFound(ctx context.Context) error {
	rows, much := e.index.count.Load(), min(recoverRows, e.index.most/4)
	if rows < max(much, e.feedAt) {
		return nil
	}
	e.feedAt = 0
	err := e.index.feed(ctx, true)
	if !errors.Is(err, ErrUnavailable) || e.index.broken.Load() {
		return err
	}
	if rows+much > e.index.most {
		return fmt.Errorf("%d fragments of the packs are not in the index, which cannot be written: %w", rows, err)
	}
	e.cfg.Logger.Warn("index cannot be written, and what was found stays in memory", "fragments", rows, "err", err)
	e.feedAt = rows + much
	return nil
}

// unfedOf takes a pack into the table. It returns the entries that are not
// certainly in the pages, and which of them are.
func (e *Engine) unfedOf(ctx context.Context, p *packInfo, entries []pack.Entry) (rest []pack.Entry, there []bool, err error) {
	r, ok := e.packs.row(p.number)
	if !ok { // a new one, or one that was written anew and has twins in the pages
		e.packs.add(*p)
		there, err = e.index.inPages(ctx, p.number, entries)
		return entries, there, err
	}
	if r.Salt != p.salt {
		return nil, nil, fmt.Errorf("%w: %s is not the pack that it knows", errForeign, packName(p.number))
	}
	e.packs.resume(r)
	e.packs.change(p.number, func(i *packInfo) { i.size, i.limits, i.class = p.size, p.limits, p.class })
	for len(entries) > 0 && entries[0].Offset < r.Fed {
		entries = entries[1:]
	}
	there, err = e.index.inPages(ctx, p.number, entries)
	return entries, there, err
}

// finish cuts, seals and admits the packs that had no footer.
func (e *Engine) finish(ctx context.Context, found []*foundPack) error {
	limits := e.packs.limits()
	for _, p := range found {
		limits = append(limits, p.footer.Limits...)
	}
	for _, p := range found {
		if other, blind := e.packs.blindFor(p.number); blind {
			if err := e.await(p, other); err != nil {
				return err
			}
			continue
		}
		p.cut(limits)
		if err := e.finishPack(ctx, p); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return nil
	}
	return e.cfg.FS.SyncDir()
}

func (p *foundPack) isLess() error {
	return fmt.Errorf("%w: it has more of %s than there is", errForeign, packName(p.number))
}

// finishPack closes a pack and takes it in. One that ends before what the pages
// have of it was damaged behind our back.
func (e *Engine) finishPack(ctx context.Context, p *foundPack) error {
	if e.running && p.end() < p.row.Fed {
		return p.isLess()
	}
	info, kept, err := p.close()
	if err != nil {
		e.cfg.Logger.Error("pack not sealed at start", "pack", packName(p.number), "err", err)
	}
	if p.end() < p.row.Fed {
		return p.isLess()
	}
	if !kept {
		e.packs.remove(p.number) // where it was set aside before
		return nil
	}
	return e.admit(ctx, info, p.footer.Entries)
}
