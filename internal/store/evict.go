package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// roomWait is how long a lane waits for room at most, and eviction for the
// index.
const roomWait = 5 * time.Second

// An Eviction is a pack that went because room was needed.
type Eviction struct {
	Pack      uint64
	Class     Class
	Oldest    time.Time // server time of the oldest fragment that went, UTC
	Newest    time.Time // and of the newest
	Fragments int       // that could be found before
	Bytes     int64     // of their media
	PackBytes int64     // that came back
}

// evictAll makes room whenever somebody asks for it, until ctx ends.
func (e *Engine) evictAll(ctx context.Context) {
	for {
		select {
		case <-e.relief:
			e.relieve(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// askForRelief has room made, if that is the policy and there is little.
func (e *Engine) askForRelief() {
	if e.cfg.OnFull != OldestFirst || !e.room.low() {
		return
	}
	select {
	case e.relief <- struct{}{}:
	default:
	}
}

// relieve evicts packs until there is as much room as there should be. Where a
// lane waits and there is nothing to evict but what is being written, it has
// the oldest open pack sealed; that asks for relief again.
//
// Crash safety: nothing is written before a pack is removed, so this works on a
// disk that is full to the last byte, and the removal is what counts. A pack
// that a crash brings back, because its removal was not durable, is found again
// whole, and is the first to go the next time.
func (e *Engine) relieve(ctx context.Context) {
	stuck := make(map[uint64]bool)
	for ctx.Err() == nil {
		lacking, awaited := e.room.shortfall()
		if lacking == 0 {
			return
		}
		p, ok := e.packs.victim(stuck)
		switch {
		case ok:
			removed, err := e.evict(ctx, p)
			if err != nil {
				e.cfg.Logger.Error("pack could not be evicted", "pack", packName(p.number), "err", err)
			}
			stuck[p.number] = !removed
		case awaited && e.rollOldest():
			return
		default:
			e.room.giveUp()
			return
		}
	}
}

// evict removes a pack and all that is found in it. It reports whether the pack
// has gone; if it was chosen for being dead and is not, it has not.
func (e *Engine) evict(ctx context.Context, p packInfo) (removed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, roomWait)
	defer cancel()
	if p.live == 0 { // what was in it may have moved
		if err := e.index.settle(ctx); err != nil {
			return false, err
		}
	}
	entries, err := e.listed(ctx, &p)
	if err != nil {
		e.cfg.Logger.Warn("pack is evicted unread", "pack", packName(p.number), "err", err)
	}
	gone := e.parting(&p, entries)
	if removed, err = e.removePack(p); !removed {
		return false, err
	}
	if err := e.cfg.FS.SyncDir(); err != nil {
		e.cfg.Logger.Warn("directory not synced after an eviction", "err", err)
	}
	e.evicted(p, gone)
	e.room.freed(p.taken())
	if _, err := e.index.takeOut(ctx, p.number, entries); err != nil { // now that the index has room too
		e.cfg.Logger.Warn("index not rid of what was evicted, and will be", "pack", packName(p.number), "err", err)
	}
	return true, nil
}

// evicted reports an eviction. A pack in which nothing was found any more was
// only cleared away.
func (e *Engine) evicted(p packInfo, gone parting) {
	if gone.fragments == 0 {
		return
	}
	v := Eviction{
		Pack: p.number, Class: p.class, Oldest: time.UnixMilli(gone.oldest).UTC(), Newest: time.UnixMilli(gone.newest).UTC(),
		Fragments: gone.fragments, Bytes: gone.bytes, PackBytes: p.taken(),
	}
	e.room.countEvicted(&v)
	e.cfg.Logger.Warn("the oldest media went to make room", "pack", packName(p.number),
		"oldest", v.Oldest, "newest", v.Newest, "fragments", v.Fragments, "bytes", v.Bytes)
	e.cfg.Events.Evicted(v)
}

// listed is entries, or nothing if they are fewer than can be found in the pack:
// what is damaged there has to leave the index too.
func (e *Engine) listed(ctx context.Context, p *packInfo) ([]pack.Entry, error) {
	list, err := e.entries(ctx, *p)
	if err == nil && len(list) < p.live {
		err = fmt.Errorf("%d fragments of %d are listed: %w", len(list), p.live, millrace.ErrCorrupt)
	}
	if err != nil {
		return nil, err
	}
	return list, nil
}

// entries lists what is in a pack that is not written any more.
func (e *Engine) entries(ctx context.Context, p packInfo) ([]pack.Entry, error) {
	f, err := e.cfg.FS.Open(packName(p.number))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	footer, _, err := pack.ReadFooter(f, size)
	if err == nil || !errors.Is(err, millrace.ErrCorrupt) {
		return footerEntries(footer), err
	}
	found := &foundPack{e: e, number: p.number, file: f, size: size}
	err = found.scan(ctx)
	return found.footer.Entries, err
}

func footerEntries(f *pack.Footer) []pack.Entry {
	if f == nil {
		return nil
	}
	return f.Entries
}

// rollOldest has the open pack sealed whose media are oldest, and reports
// whether a pack is open at all.
func (e *Engine) rollOldest() bool {
	number, ok := e.packs.oldestOpen()
	if ok {
		e.askToRoll(number)
	}
	return ok
}

// askToRoll has an open pack sealed. One that waits for its footer already is
// left alone.
func (e *Engine) askToRoll(number uint64) {
	for _, l := range e.lanes.all() {
		if l.open.Load() == number {
			l.asked.Store(true)
			e.press(l)
		}
	}
}
