package store

// sealBacklog is how many packs may wait to be sealed before a lane waits.
const sealBacklog = 8

// sealAll finishes packs behind the lanes' backs, until no more can come.
func (e *Engine) sealAll() {
	for w := range e.seals {
		e.seal(w)
	}
}

func (e *Engine) seal(w *packWriter) {
	defer e.askForRelief()
	defer e.room.ended(w.ending)
	if err := w.seal(); err != nil {
		e.cfg.Logger.Warn("pack not sealed", "pack", packName(w.header.Pack), "err", err)
		e.packs.giveUp(w)
		return
	}
	e.packs.finish(w)
	e.cfg.Events.Sealed(w.header.Pack)
}

// sayLimits writes limits that no pack says yet into one of their own, so that
// what failed last stays away after the next start. The lanes have ended.
func (e *Engine) sayLimits() {
	if len(e.limits.all()) == 0 {
		return
	}
	l := newLane(e, ClassDay)
	_ = l.write(nil) // it has been logged, and nobody waits for it
	l.roll()
}
