package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// recover builds the index from the packs. Sealed ones are taken from their
// footers. The others, the one that was open and those that were given up, are
// scanned, cut behind their last good record and sealed, so that after it all
// that can be found is durable.
func (e *Engine) recover(ctx context.Context) error {
	names, err := e.cfg.FS.ReadDir()
	if err != nil {
		return err
	}
	var found []*foundPack
	for _, name := range names {
		number, ok := parsePackName(name)
		if !ok {
			e.cfg.Logger.Warn("file is not a pack", "name", name)
			continue
		}
		p, err := e.examine(ctx, number)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if p != nil {
			found = append(found, p)
		}
	}
	return e.finish(found)
}

// examine looks at one pack. A sealed one goes into the index at once; one
// that is not is returned, scanned.
func (e *Engine) examine(ctx context.Context, number uint64) (*foundPack, error) {
	if err := e.count(number); err != nil {
		return nil, err
	}
	f, err := e.cfg.FS.Open(packName(number))
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	footer, h, err := pack.ReadFooter(f, size)
	if err == nil && h.Pack == number {
		footer.DropMarked(f)
		e.admit(packInfo{number: number, salt: h.Salt, class: classOfPack(h.Class), state: packSealed, size: size, limits: footer.Limits}, footer.Entries)
		return nil, f.Close()
	}
	if err != nil && !errors.Is(err, millrace.ErrCorrupt) {
		_ = f.Close()
		return nil, err
	}
	p := &foundPack{e: e, number: number, file: f, size: size}
	return p, p.scan(ctx)
}

// count makes sure that the next pack has a number of its own.
func (e *Engine) count(number uint64) error {
	epoch, counter := uint32(number>>32), uint32(number)
	if epoch > e.cfg.Epoch {
		return fmt.Errorf("pack is of epoch %d, this start of %d: %w", epoch, e.cfg.Epoch, millrace.ErrConflict)
	}
	if epoch == e.cfg.Epoch {
		e.packCounter.Store(max(e.packCounter.Load(), counter))
	}
	return nil
}

// admit takes a pack and its live fragments into the index. A twin, which was
// written again after a failure, is found once.
func (e *Engine) admit(p packInfo, entries []pack.Entry) {
	for i := range entries {
		p.saw(entries[i].Number)
	}
	e.packs.add(p)
	for i := range entries {
		en := &entries[i]
		e.sawServerTime(en.Number)
		err := e.index.insert(p.number, en)
		if errors.Is(err, millrace.ErrExists) {
			e.cfg.Logger.Info("fragment is there twice", "pack", packName(p.number), "offset", en.Offset, "err", err)
		}
	}
}

// finish cuts, seals and admits the packs that had no footer.
func (e *Engine) finish(found []*foundPack) error {
	limits := e.packs.limits()
	for _, p := range found {
		limits = append(limits, p.footer.Limits...)
	}
	for _, p := range found {
		p.cut(limits)
		if err := p.close(); err != nil {
			e.cfg.Logger.Error("pack not sealed at start", "pack", packName(p.number), "err", err)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return e.cfg.FS.SyncDir()
}
