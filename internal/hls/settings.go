package hls

import "time"

// A Mode says how a session moves.
type Mode uint8

// The modes.
const (
	Live       Mode = iota // the newest fragments, as they come
	LiveReplay             // the past at the speed at which it happened, then the present
	OnDemand               // a list that never changes
)

// A Container is what segments are made of.
type Container uint8

// The containers.
const (
	FragmentedMP4 Container = iota // a rendition for each track
	MPEGTS                         // one rendition of all tracks
)

// A DiscontinuityMode says which entries have EXT-X-DISCONTINUITY before them.
type DiscontinuityMode uint8

// The modes of discontinuities.
const (
	AlwaysDiscontinuous DiscontinuityMode = iota // every one
	NeverDiscontinuous                           // none
	OnDiscontinuity                              // those that do not begin where the one before ended, and those with new codec private data
)

// Settings are what a session is asked for. They do not change.
type Settings struct {
	Mode            Mode
	Discontinuities DiscontinuityMode
	Limit           int // most entries of a playlist; at least 1

	// ProducerClock: fragments are ordered and told apart by the producer's
	// clock. The server's numbers do it otherwise.
	ProducerClock bool

	// Changes is how often codec private data may change; the playlist ends
	// before the fragment that would exceed it. 0 is no bound.
	Changes int

	// MarkForms has EXT-X-DISCONTINUITY wherever the codec, the size of the
	// picture or the layout of the sound changes, in every mode.
	MarkForms bool

	// FromNow has players of LIVE begin three target durations behind the
	// present, and not behind the end of the list.
	FromNow bool

	// Anchor is what Anchor returned for the first fragment of the session,
	// for one that is taken up again. Zero: the first fragment decides.
	Anchor time.Time

	// End is the last start that LIVE_REPLAY selects; zero if there is none.
	End time.Time
}
