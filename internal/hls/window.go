package hls

import (
	"slices"
	"sort"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
)

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
	inits    []*setup // by generation; nil for those that were forgotten
	schedule schedule
	length   time.Duration // of what is listed
	target   int64         // EXT-X-TARGETDURATION, seconds
	closed   bool          // nothing will be taken any more
	now      time.Time     // of the last Extend

	unordered bool  // numbers do not ascend
	forgotten int   // generations that no entry needs any more
	private   int64 // bytes of codec private data in inits
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
	w.shownAt(now)
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
// its initialization segment; nil if there is none, or none is listed any more.
func (w *Window) Init(generation, track int) *timeline.Track {
	if generation < w.forgotten || generation >= len(w.inits) || track < 0 || track >= MaxTracks {
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

// index is where the entry of a fragment is, -1 if it is not known. Numbers ascend
// but for lists by the clock of a producer that sent what is older later.
func (w *Window) index(n millrace.FragmentNumber) int {
	known := w.entries[:w.end]
	if !w.unordered {
		i := sort.Search(len(known), func(i int) bool { return known[i].Number.Compare(n) >= 0 })
		if i < len(known) && known[i].Number == n {
			return i
		}
		return -1
	}
	for i := range known {
		if known[i].Number == n {
			return i
		}
	}
	return -1
}
