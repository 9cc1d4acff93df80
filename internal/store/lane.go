package store

import (
	"errors"
	"sync/atomic"
	"time"
)

// A lane owns one open pack of one class and the one loop that writes and
// syncs it.
//
// Crash safety: nothing is confirmed before its bytes and, for the first batch
// of a pack, the pack's name are synced (I1). When a write or a sync fails, the
// pack is given up at the length that was synced, and the whole batch is
// written to a new pack from memory; the old file is never synced again. The
// next pack that is written to, in whichever lane, carries a limits record,
// which says that what lies behind that length does not count, so that a
// fragment whose commit failed cannot turn up after a restart (I8). Only a
// crash between a failure that the second pack shared and the next write that
// succeeds can undo that: then nothing durable could be said.
type lane struct {
	e     *Engine
	class Class
	queue *queue
	open  atomic.Uint64 // number of the open pack, 0 if there is none, for others to look at
	asked atomic.Bool   // whether others want it sealed

	pack  *packWriter   // nil before the first batch and after a failure
	batch []*submission // memory of step
	kept  []*submission // memory of commit
}

func newLane(e *Engine, c Class) *lane { return &lane{e: e, class: c, queue: newQueue()} }

// run commits until the queue is closed and empty.
func (l *lane) run() {
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		worked, open := l.step()
		if !open {
			l.roll()
			return
		}
		if !worked {
			l.wait(due)
		}
	}
}

// step commits what is queued, up to what the open pack takes. open is false
// when nothing will come again.
func (l *lane) step() (worked, open bool) {
	batch, open := l.queue.take(l.batch[:0], l.room())
	if len(batch) > 0 {
		l.commit(batch)
	}
	clear(batch)
	clear(l.kept)
	l.batch = batch
	return len(batch) > 0, open
}

// wait returns when something was submitted or the pack is due.
func (l *lane) wait(due *time.Timer) {
	if l.pack == nil {
		due.Stop()
	} else {
		due.Reset(l.due())
	}
	select {
	case <-l.queue.wake:
	case <-due.C:
	}
}

// due is how long the open pack may stay open.
func (l *lane) due() time.Duration {
	return l.pack.opened + min(l.class.Roll(), l.e.cfg.PackAge) - l.e.cfg.Elapsed()
}

// room is how many bytes the next batch may have. A pack that is full or due,
// or that others want sealed, is sealed first.
func (l *lane) room() int64 {
	most := l.e.room.packSize()
	asked := l.asked.Swap(false)
	if l.pack != nil && (asked || l.pack.end >= most || l.due() <= 0) {
		l.roll()
	}
	if l.pack == nil {
		return most
	}
	return most - l.pack.end
}

// roll has the open pack sealed.
func (l *lane) roll() {
	if l.pack == nil {
		return
	}
	l.e.seals <- l.pack
	l.hold(nil)
}

func (l *lane) hold(w *packWriter) {
	l.pack = w
	if w == nil {
		l.open.Store(0)
		return
	}
	l.open.Store(w.header.Pack)
}

// commit settles a batch: on the open pack, else on a new one, else not.
func (l *lane) commit(batch []*submission) {
	kept := l.admitted(batch)
	if len(kept) > 0 {
		l.keep(kept)
	}
	for _, s := range batch {
		l.e.settle(s, s.result)
	}
}

// admitted lists what has not become impossible since it was submitted. The
// rest gets its result.
func (l *lane) admitted(batch []*submission) []*submission {
	kept := l.kept[:0]
	for _, s := range batch {
		if s.result = l.e.index.admits(s.fragment); s.result == nil {
			kept = append(kept, s)
		}
	}
	l.kept = kept
	return kept
}

// keep writes a batch, makes it findable and notes the results, before anybody
// is told.
func (l *lane) keep(batch []*submission) {
	err := l.persist(batch)
	l.report(batch, err)
	var bytes int64
	for _, s := range batch {
		s.result = err
		if err == nil {
			s.result = l.e.index.insert(l.pack.header.Pack, &s.entry)
			bytes += s.entry.Size
		}
	}
	if err == nil {
		l.e.packs.change(l.pack.header.Pack, func(p *packInfo) { p.media += bytes })
	}
}

func (l *lane) report(batch []*submission, err error) {
	cfg := &l.e.cfg
	switch {
	case err == nil:
		if l.e.room.accepted() {
			cfg.Logger.Info("there is room for media again")
			cfg.Events.Full(false)
		}
		return
	case !errors.Is(err, ErrFull):
		cfg.Logger.Error("fragments not kept", "fragments", len(batch), "err", err)
	case l.e.room.countRefused(batch):
		cfg.Logger.Error("fragments are refused because the disk is full", "err", err)
		cfg.Events.Full(true)
	}
	cfg.Events.Failed(len(batch), err)
}

// persist writes a batch: to the open pack, else to a new one. A disk that has
// less room than it says gets a third try, when something was evicted for it.
func (l *lane) persist(batch []*submission) error {
	for try := 1; ; try++ {
		n := l.need(batch)
		if err := l.claim(n); err != nil {
			return err
		}
		err := l.write(batch)
		l.e.room.give(n, err == nil)
		switch {
		case err == nil:
			l.pack.ending += n.footer
			return nil
		case try > 1 && !(isFull(err) && l.e.room.owe(n)):
			return withFull(err)
		}
		l.e.room.look()
	}
}

// write makes a batch durable in the open pack, or in a new one.
func (l *lane) write(batch []*submission) error {
	if l.pack == nil {
		w, err := createPack(l.e.cfg.FS, l.e.nextPack(l.class), l.e.cfg.Elapsed())
		if err != nil {
			return err
		}
		l.hold(w)
		l.e.packs.add(packInfo{number: w.header.Pack, salt: w.header.Salt, class: l.class})
	}
	limits := l.e.limits.all()
	c, err := l.pack.write(batch, limits)
	if err != nil {
		l.poison(err)
		return err
	}
	l.e.limits.said(limits)
	c.Class = l.class
	l.e.packs.change(c.Pack, func(p *packInfo) {
		p.size = l.pack.end
		for _, s := range batch {
			p.saw(s.fragment.Number)
		}
	})
	if len(batch) > 0 {
		l.e.cfg.Events.Committed(c)
	}
	return nil
}

// poison gives the open pack up at the length that was synced.
func (l *lane) poison(err error) {
	w := l.pack
	l.hold(nil)
	l.e.cfg.Logger.Error("pack given up", "pack", packName(w.header.Pack), "err", err)
	l.e.cfg.Events.Poisoned(w.header.Pack, err)
	l.e.limits.add(w.header.Pack, w.synced)
	l.e.room.ended(w.ending)
	if w.synced > 0 {
		_ = w.file.Truncate(w.synced) // the limit holds where this fails
		_ = w.file.Close()
		l.e.packs.giveUp(w)
		return
	}
	_ = w.file.Close()
	if err := l.e.cfg.FS.Remove(w.name); err != nil { // likewise, and what says so must not go before it
		l.e.packs.change(w.header.Pack, func(p *packInfo) { p.size = w.end })
		l.e.packs.giveUp(w)
		return
	}
	l.e.packs.remove(w.header.Pack)
}
