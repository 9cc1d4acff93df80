package store

import (
	"context"
	"time"
)

const (
	// feedTick is how often the feeder looks what is due.
	feedTick = 5 * time.Second

	// remakeTick is how long it waits after the index could not be made again.
	remakeTick = time.Minute
)

// feedAll keeps the index up to date until ctx ends. What cannot be written
// stays in memory and is tried again, in which nobody hurries it.
func (e *Engine) feedAll(ctx context.Context) {
	tick := time.NewTicker(feedTick)
	defer tick.Stop()
	for failing := false; ; {
		wake := e.index.wake
		if failing {
			wake = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-wake:
		}
		err := e.feed(ctx, false)
		if ctx.Err() != nil {
			return
		}
		if failed := err != nil; failed != failing {
			failing = failed
			e.logFeeding(err)
		}
		if failing && e.index.broken.Load() {
			tick.Reset(remakeTick)
		} else {
			tick.Reset(feedTick)
		}
	}
}

func (e *Engine) logFeeding(err error) {
	if err != nil {
		e.cfg.Logger.Error("index not written, and will be tried again", "err", err)
	} else {
		e.cfg.Logger.Info("index is written again")
	}
}

// feed writes what is due, or all.
func (e *Engine) feed(ctx context.Context, all bool) error {
	return e.mending(ctx, e.remakeBetweenPasses, func() error { return e.index.feed(ctx, all) })
}

// mending does work that relies on the pages. If they are damaged, or turn out
// to be, it has them made again first.
func (e *Engine) mending(ctx context.Context, remake func(context.Context) error, work func() error) error {
	if !e.index.broken.Load() {
		if err := work(); err == nil || !e.index.broken.Load() {
			return err
		}
	}
	if err := remake(ctx); err != nil {
		return err
	}
	return work()
}

// finishIndex writes all that is recent. Where that fails, the next start finds
// it in the packs.
func (e *Engine) finishIndex() {
	if e.cfg.Pages == nil {
		return
	}
	ctx := context.Background()
	err := e.feed(ctx, true)
	if err == nil {
		err = e.index.sync(ctx)
	}
	if err != nil {
		e.cfg.Logger.Warn("index not finished", "err", err)
	}
}
