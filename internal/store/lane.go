package store

import (
	"time"

	"github.com/millrace/millrace/internal/pack"
)

// sealBacklog is how many packs may wait to be sealed before the lane waits.
const sealBacklog = 4

// A lane owns one open pack and the one loop that writes and syncs it.
//
// Crash safety: nothing is confirmed before its bytes and, for the first batch
// of a pack, the pack's name are synced (I1). When a write or a sync fails, the
// pack is given up at the length that was synced, and the whole batch is
// written to a new pack from memory; the old file is never synced again. The
// new pack carries a limits record, which says that what lies behind that
// length does not count, so that a fragment whose commit failed cannot turn up
// after a restart (I8). Only a crash between a failure that the second pack
// shared and the next write that succeeds can undo that: then nothing durable
// could be said.
type lane struct {
	e      *Engine
	pack   *packWriter  // nil before the first batch and after a failure
	limits []pack.Limit // not yet in a pack that is durable
	batch  []*submission
	seals  chan *packWriter
}

func newLane(e *Engine) *lane {
	return &lane{e: e, limits: e.limits, seals: make(chan *packWriter, sealBacklog)}
}

// run commits until the queue is closed and empty.
func (l *lane) run() {
	defer close(l.seals)
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		worked, open := l.step()
		if !open {
			l.finish()
			return
		}
		if !worked {
			l.wait(due)
		}
	}
}

// finish seals the open pack. Limits that no pack has yet get one of their own,
// so that what failed stays away after the next start.
func (l *lane) finish() {
	if len(l.limits) > 0 {
		_ = l.write(nil) // it has been logged, and nobody waits for it
	}
	l.roll()
}

// step commits what is queued, up to what the open pack takes. open is false
// when nothing will come again.
func (l *lane) step() (worked, open bool) {
	batch, open := l.e.queue.take(l.batch[:0], l.room())
	if len(batch) > 0 {
		l.commit(batch)
	}
	clear(batch)
	l.batch = batch
	return len(batch) > 0, open
}

// wait returns when something was submitted or the pack is due.
func (l *lane) wait(due *time.Timer) {
	if l.pack == nil {
		due.Stop()
	} else {
		due.Reset(l.e.cfg.PackAge - time.Since(l.pack.opened))
	}
	select {
	case <-l.e.queue.wake:
	case <-due.C:
	}
}

// room is how many bytes the next batch may have. A pack that is full or due
// is sealed first.
func (l *lane) room() int64 {
	if l.pack != nil && (l.pack.end >= l.e.cfg.PackSize || time.Since(l.pack.opened) >= l.e.cfg.PackAge) {
		l.roll()
	}
	if l.pack == nil {
		return l.e.cfg.PackSize
	}
	return l.e.cfg.PackSize - l.pack.end
}

func (l *lane) roll() {
	if l.pack == nil {
		return
	}
	l.seals <- l.pack
	l.pack = nil
}

// sealAll finishes packs behind the lane's back.
func (l *lane) sealAll() {
	for w := range l.seals {
		l.seal(w)
	}
}

func (l *lane) seal(w *packWriter) {
	if err := w.seal(); err != nil {
		l.e.cfg.Logger.Warn("pack not sealed", "pack", packName(w.header.Pack), "err", err)
		l.e.packs.setState(w.header.Pack, packGivenUp)
		return
	}
	l.e.packs.finish(w)
	l.e.cfg.Events.Sealed(w.header.Pack)
}

// commit settles a batch: on the open pack, else on a new one, else not.
func (l *lane) commit(batch []*submission) {
	batch = l.refuse(batch)
	if len(batch) == 0 {
		return
	}
	err := l.write(batch)
	if err != nil {
		err = l.write(batch)
	}
	if err != nil {
		l.e.cfg.Logger.Error("fragments not kept", "fragments", len(batch), "err", err)
		l.e.cfg.Events.Failed(len(batch), err)
	}
	l.settle(batch, err)
}

// refuse settles what has become impossible, and returns the rest.
func (l *lane) refuse(batch []*submission) []*submission {
	kept := batch[:0]
	for _, s := range batch {
		if err := l.e.index.admits(s.fragment); err != nil {
			l.e.settle(s, err)
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

func (l *lane) write(batch []*submission) error {
	if l.pack == nil {
		w, err := createPack(l.e.cfg.FS, l.e.nextPack())
		if err != nil {
			return err
		}
		l.pack = w
		l.e.packs.add(packInfo{number: w.header.Pack, salt: w.header.Salt})
	}
	c, err := l.pack.write(batch, l.limits)
	if err != nil {
		l.poison(err)
		return err
	}
	l.limits = l.limits[:0]
	l.e.packs.change(c.Pack, func(p *packInfo) { p.size = l.pack.end })
	if len(batch) > 0 {
		l.e.cfg.Events.Committed(c)
	}
	return nil
}

// poison gives the open pack up at the length that was synced.
func (l *lane) poison(err error) {
	w := l.pack
	l.pack = nil
	l.e.cfg.Logger.Error("pack given up", "pack", packName(w.header.Pack), "err", err)
	l.e.cfg.Events.Poisoned(w.header.Pack, err)
	l.limit(w.header.Pack, w.synced)
	if w.synced > 0 {
		_ = w.file.Truncate(w.synced) // the limit holds where this fails
		_ = w.file.Close()
		l.e.packs.setState(w.header.Pack, packGivenUp)
		return
	}
	_ = w.file.Close()
	_ = l.e.cfg.FS.Remove(w.name) // likewise
	l.e.packs.remove(w.header.Pack)
}

// limit remembers that a pack counts only up to off. Packs of which nothing
// counts share a limit, so that a long failure does not fill memory.
func (l *lane) limit(number uint64, off int64) {
	if n := len(l.limits); n > 0 && off == 0 {
		if last := &l.limits[n-1]; last.Offset == 0 && last.Last+1 == number {
			last.Last = number
			return
		}
	}
	l.limits = append(l.limits, pack.Limit{First: number, Last: number, Offset: off})
}

// settle makes a batch findable before it tells anybody.
func (l *lane) settle(batch []*submission, err error) {
	for _, s := range batch {
		s.result = err
		if err == nil {
			l.e.sawServerTime(s.fragment.Number)
			s.result = l.e.index.insert(l.pack.header.Pack, &s.entry)
		}
	}
	for _, s := range batch {
		l.e.settle(s, s.result)
	}
}
