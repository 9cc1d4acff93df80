package hls

import (
	"time"

	"github.com/millrace/millrace/internal/timeline"
)

// take appends a fragment, unless it is late or there is nothing in it to play.
func (w *Window) take(f *Facts, now time.Time) {
	if w.closed || w.isLate(f) {
		return
	}
	w.passed = *f
	if !f.playable() {
		return
	}
	changed, formed := w.change(f)
	if changed && w.settings.Changes > 0 && len(w.inits) > w.settings.Changes {
		w.closed = true
		return
	}
	w.adopt(f, changed)
	w.append(f, now, changed, formed)
}

// isLate: a fragment comes late that does not follow all that were seen, by its
// number and, if the producer's clock counts, by its start. Lists of the past
// are in the order of the producer's clock alone.
func (w *Window) isLate(f *Facts) bool {
	if w.passed.Number.IsZero() {
		return false
	}
	older := f.Number.Compare(w.passed.Number) <= 0
	earlier := !f.Start.After(w.passed.Start)
	switch {
	case !w.settings.ProducerClock:
		return older
	case w.settings.Mode == Live:
		return older || earlier
	default:
		return earlier
	}
}

func (w *Window) append(f *Facts, now time.Time, changed, formed bool) {
	if w.anchor.IsZero() {
		w.anchor = Anchor(f)
	}
	e := Entry{Facts: *f, anchor: w.anchor, moved: w.overlap(f), Sequence: w.taken + 1, Generation: len(w.inits) - 1}
	if e.Whole.After(now) {
		e.Whole = now
	}
	e.Discontinuity = w.isDiscontinuity(f, changed, formed)
	if w.taken > 0 {
		e.before = w.newest.before
		if w.newest.Discontinuity {
			e.before++
		}
	}
	for i := range e.Tracks {
		e.duration[i] = e.Tracks[i].Span.Duration
	}
	w.unordered = w.unordered || e.Number.Compare(w.newest.Number) <= 0
	w.entries = append(w.entries, e)
	w.newest = e
	w.taken++
	w.closed = w.settings.Mode == OnDemand && len(w.entries) == w.settings.Limit
}

// overlap is how much later than on the clock a fragment has to be so that it does
// not begin before the one before it has ended. By the server's clock fragments
// do that which were sent faster than they were filmed, of a file or after an
// outage, and players that take no notice of discontinuities drop their frames,
// or stop for good. Up to a Seam is what is left to jitter.
func (w *Window) overlap(f *Facts) time.Duration {
	if w.taken == 0 {
		return 0
	}
	over := w.newest.end().Add(w.newest.moved).Sub(f.begin())
	if over <= timeline.Seam {
		return 0
	}
	return over
}

func (w *Window) isDiscontinuity(f *Facts, changed, formed bool) bool {
	switch {
	case w.settings.Discontinuities == AlwaysDiscontinuous, formed && w.settings.MarkForms:
		return true
	case w.settings.Discontinuities == NeverDiscontinuous || w.taken == 0:
		return false
	}
	return changed || f.begin().Sub(w.newest.end()).Abs() > timeline.Seam
}
