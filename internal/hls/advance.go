package hls

import "time"

// close notes that nothing more will come: of a list on demand when it has been
// read to its end, of LIVE_REPLAY when that end has passed.
func (w *Window) close(now time.Time, whole bool) {
	switch w.settings.Mode {
	case OnDemand:
		w.closed = w.closed || whole
	case LiveReplay:
		w.closed = w.closed || whole && !w.settings.End.IsZero() && now.After(w.settings.End.Add(settled))
	}
}

// advance lists what is due, lets fall out what is too much for it, and forgets
// what fell out long ago.
func (w *Window) advance(now time.Time, whole bool) {
	for w.end < len(w.entries) && w.isDue(now, whole) {
		w.list()
		if w.end-w.first > w.settings.Limit {
			w.drop(now)
		}
	}
	gone := 0
	for gone < w.first && !w.entries[gone].until.After(now) {
		gone++
	}
	clear(w.entries[:gone])
	w.entries = w.entries[gone:]
	w.first -= gone
	w.end -= gone
	w.forget()
}

// isDue settles how long the next entry lasts and reports whether its time has
// come. A live session times every fragment by itself, so that the next one need
// not be known and all sessions share one segment. The others wait until it is
// known whether there is one.
func (w *Window) isDue(now time.Time, whole bool) bool {
	e := &w.entries[w.end]
	known := w.end+1 < len(w.entries)
	switch {
	case w.settings.Mode == Live:
		return true
	case known:
		e.join(&w.entries[w.end+1])
	case !whole && !w.closed:
		return false
	}
	if w.settings.Mode == OnDemand {
		return w.closed
	}
	return w.schedule.isDue(now, e, e.Sequence > uint64(w.settings.Limit))
}

// list appends the next entry to the playlist. The target duration is what the
// leads last, rounded up; the sound beside a picture, whose frames end now before
// and now behind the picture's, raises it only where it must.
func (w *Window) list() {
	e := &w.entries[w.end]
	w.length += e.length()
	w.target = max(w.target, (toMillis(e.length())+999)/1000)
	for t := range e.Tracks {
		w.target = max(w.target, (e.millis(t)+500)/1000)
	}
	w.end++
}

// drop lets the first entry leave the playlist. It is known for as long as a
// player may still ask for it that has read the playlist just before.
func (w *Window) drop(now time.Time) {
	e := &w.entries[w.first]
	w.length -= e.length()
	e.until = now.Add(w.length + w.TargetDuration())
	w.first++
}

// want is how many fragments the window has use for: to fill a list on demand,
// and as many ahead in LIVE_REPLAY that the successor of the next one is known.
func (w *Window) want() int {
	waiting := len(w.entries) - w.end
	switch {
	case w.closed:
		return 0
	case w.settings.Mode == OnDemand:
		return w.settings.Limit - len(w.entries)
	case w.settings.Mode == LiveReplay && waiting > 1:
		return 0
	case w.settings.Mode == LiveReplay:
		return max(ahead, w.settings.Limit-len(w.entries))
	default:
		return w.settings.Limit
	}
}
