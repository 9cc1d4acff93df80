package spool

import (
	"time"

	"github.com/millrace/millrace"
)

// A Ref names a fragment within its spool: 1, 2, 3 and so on, in the order of
// Begin. It is not used twice while the fragment or a later one exists. Zero
// names none.
type Ref uint64

// A HeaderHash is the SHA-256 of a Head's Header. Fragments with the same one
// can share an upload.
type HeaderHash [32]byte

// A Head is what is known of a fragment at its start.
type Head struct {
	Identity millrace.Identity

	// Header is the elements from the EBML header up to the first Cluster, at
	// most MaxHeader bytes. It is stored once per file; another one begins a new
	// file. The spool's files can be played if the Segment in it is of unknown
	// size, and best without a SeekHead, which would point elsewhere.
	Header []byte

	Timecode uint64 // of the Cluster, in units of Scale
	Scale    uint64 // nanoseconds per unit, above 0

	Start  time.Time // producer time of the first frame
	Origin time.Time // producer time that Timecode 0 stands for, where timecodes are relative; zero where they are absolute
}

// A Frame says what one Append is about.
type Frame struct {
	Track    uint32
	Offset   time.Duration // presentation time less Head.Start; may be negative
	Duration time.Duration // 0 if it is not known
	Key      bool          // decodable on its own
	Element  bool          // not a frame, but an element between frames; Track, Offset and Duration do not count
	Trailing bool          // an element behind the Cluster, such as Tags: no frame, and none follows
}

// An Outcome is what became of a fragment.
type Outcome uint8

// The outcomes. Those after Received are final: the fragment is no longer
// pending.
const (
	Pending   Outcome = iota // none yet
	Received                 // confirmed as received: noted, still pending
	Persisted                // confirmed as persisted
	Accepted                 // confirmed as far as its owner asks, without being persisted
	Rejected                 // refused by the server for good
	Dropped                  // given up by its owner
)

// Final reports whether a fragment with this outcome is settled.
func (o Outcome) Final() bool { return o > Received && o <= Dropped }

// String returns the outcome in lower case.
func (o Outcome) String() string {
	names := [...]string{"pending", "received", "persisted", "accepted", "rejected", "dropped"}
	if int(o) < len(names) {
		return names[o]
	}
	return "unknown"
}

// A Fragment is what a spool knows of a fragment without reading its media.
type Fragment struct {
	Ref      Ref
	Identity millrace.Identity
	Header   HeaderHash // Spool.Header has its bytes
	Timecode uint64     // as in Head
	Scale    uint64     // as in Head
	Start    time.Time  // as in Head, in UTC
	Origin   time.Time  // as in Head, in UTC
	Begun    time.Time  // when Begin was called, by the spool's clock
	Duration time.Duration
	Frames   int     // whole frames, elements not counted
	Bytes    int64   // of all that was appended
	Outcome  Outcome // Pending or Received while it is pending

	Open    bool // End was not called yet
	Torn    bool // cut by a crash or by a failed disk, at its last whole frame
	Damaged bool // known to be damaged: it cannot be read whole
	Synced  bool // it outlives a power cut
	AtRisk  bool // not synced, and syncing it has failed
}

// End is when the last frame of the fragment ends, by its own times.
func (f Fragment) End() time.Time { return f.Start.Add(f.Duration) }

// A Range is what a run of fragments comes to. Fragments that were settled
// before do not count.
type Range struct {
	First, Last Ref       // zero if there are none
	Start, End  time.Time // from the earliest start to the latest end, producer time
	Fragments   int
	Frames      int
	Bytes       int64 // of media
}

func (r *Range) add(f Fragment) {
	if r.Fragments == 0 {
		r.First, r.Start, r.End = f.Ref, f.Start, f.End()
	}
	r.First, r.Last = min(r.First, f.Ref), max(r.Last, f.Ref)
	if f.Start.Before(r.Start) {
		r.Start = f.Start
	}
	if f.End().After(r.End) {
		r.End = f.End()
	}
	r.Fragments++
	r.Frames += f.Frames
	r.Bytes += f.Bytes
}
