package hls

import (
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
)

// seam is how far a fragment may begin from the end of the one before without
// a discontinuity.
const seam = 50 * time.Millisecond

// A Window is the entries of one session: those that a playlist shows, those
// that have left it and can still be fetched, and those whose time has not
// come. It belongs to one goroutine at a time.
type Window struct {
	settings Settings
	anchor   time.Time // zero until there is a fragment

	entries    []Entry // that have left, then those that are listed, then those that wait
	first, end int     // entries[first:end] are listed

	newest   Entry    // the last that was taken, whether or not it is still there
	taken    uint64   // how many were
	passed   Facts    // the last that was looked at, taken or passed over
	inits    []*setup // by generation
	schedule schedule
	length   time.Duration // of what is listed
	target   int64         // EXT-X-TARGETDURATION, seconds
	closed   bool          // nothing will be taken any more
}

// A setup is the tracks that one generation of entries is decoded with.
type setup [MaxTracks]*timeline.Track

// NewWindow returns an empty window.
func NewWindow(s Settings) *Window {
	s.Limit = max(s.Limit, 1)
	return &Window{settings: s, anchor: s.Anchor, target: 1}
}

// Extend takes up the fragments that follow Newest, in the order in which the
// session plays them, moves the window to now, and returns how many more of
// them it has use for. whole says that there are no more of them at present; the
// answer is then 0. To refresh a playlist, ask with no fragments first and go on
// until the answer is 0:
//
//	for want := w.Extend(now, nil, false); want > 0; {
//		facts, whole := next(w.Newest(), want)
//		want = w.Extend(now, facts, whole)
//	}
//
// The first call is the session's first rendering: the schedule of LIVE_REPLAY
// begins, and a list on demand is complete once it is full or whole. Fragments
// that the window has seen, or that come late, are passed over, so that two who
// refresh at once do no harm.
func (w *Window) Extend(now time.Time, facts []Facts, whole bool) (want int) {
	w.entries = slices.Grow(w.entries, len(facts))
	for i := range facts {
		w.take(&facts[i], now)
	}
	w.close(now, whole)
	w.advance(now, whole)
	if whole {
		return 0
	}
	return w.want()
}

// Newest is the last fragment that the window was told of, the zero Facts if
// there is none.
func (w *Window) Newest() Facts { return w.passed }

// Find returns the entry of a fragment that is listed, or was until a short
// while ago.
func (w *Window) Find(n millrace.FragmentNumber) (Entry, bool) {
	if i := w.index(n); i >= 0 {
		return w.entries[i], true
	}
	return Entry{}, false
}

// MarkGap says that a fragment turned out not to be readable: from now on
// playlists tell players to pass over it.
func (w *Window) MarkGap(n millrace.FragmentNumber) {
	if i := w.index(n); i >= 0 {
		w.entries[i].Gap = true
	}
}

// Init returns the track that the entries of a generation are decoded with, for
// its initialization segment; nil if there is none.
func (w *Window) Init(generation, track int) *timeline.Track {
	if generation < 0 || generation >= len(w.inits) || track < 0 || track >= MaxTracks {
		return nil
	}
	return w.inits[generation][track]
}

// Listed returns the entries of the playlist, which the caller must not change
// and which the next call of Extend ends.
func (w *Window) Listed() []Entry { return w.entries[w.first:w.end] }

// Anchor is the moment of media time 0; zero while the window is empty.
func (w *Window) Anchor() time.Time { return w.anchor }

// Ended reports whether the playlist will never change again.
func (w *Window) Ended() bool {
	return w.closed && w.settings.Mode != Live && w.end == len(w.entries) && w.taken > 0
}

// TargetDuration is the number in EXT-X-TARGETDURATION.
func (w *Window) TargetDuration() time.Duration { return time.Duration(w.target) * time.Second }

func (w *Window) index(n millrace.FragmentNumber) int {
	for i := range w.entries[:w.end] {
		if w.entries[i].Number == n {
			return i
		}
	}
	return -1
}

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
	e := Entry{Facts: *f, anchor: w.anchor, Sequence: w.taken + 1, Generation: len(w.inits) - 1}
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
	w.entries = append(w.entries, e)
	w.newest = e
	w.taken++
	w.closed = w.settings.Mode == OnDemand && len(w.entries) == w.settings.Limit
}

func (w *Window) isDiscontinuity(f *Facts, changed, formed bool) bool {
	switch {
	case w.settings.Discontinuities == AlwaysDiscontinuous, formed && w.settings.MarkForms:
		return true
	case w.settings.Discontinuities == NeverDiscontinuous || w.taken == 0:
		return false
	}
	return changed || f.begin().Sub(w.newest.end()).Abs() > seam
}

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
		return max(ahead, w.settings.Limit+1-len(w.entries))
	default:
		return w.settings.Limit
	}
}
