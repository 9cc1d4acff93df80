package fragment

import (
	"errors"
	"time"

	"github.com/millrace/millrace"
)

// ErrKept is returned by a Sink's Begin of a fragment that has an Identity, and
// that need not come once more. Its bytes are then passed on without a look at
// what is in them, for they may be fewer than were kept.
var ErrKept = errors.New("the fragment is kept already")

// Begin is what is known of a fragment when its timecode has been read, and where
// it may say which one it is, what is behind that too.
type Begin struct {
	Header       *millrace.Header
	Leading      []byte // Tags elements for this fragment that came before its Cluster; nil if none
	Prefix       []byte // the Cluster from its id to its Timecode, or to its identity; valid during the call only
	KnownSize    bool   // the producer declared the Cluster's size
	Timecode     uint64 // raw
	Scale        uint64 // nanoseconds per unit
	ProducerTime time.Time
	Sequence     uint64 // position in the session, from 0
	Identified   bool   // it says which fragment it is
	Identity     millrace.Identity
}

// Finish is what is known of a fragment when nothing more can belong to it.
type Finish struct {
	Trailing []byte // elements after its Cluster; nil if none
	Duration time.Duration
	Samples  []millrace.Sample // handed over
	Flags    millrace.FragmentFlags
}

// A Sink receives one session's fragments, one after the other, from the
// goroutine that feeds the Assembler. For each fragment the calls are
//
//	Begin Append* Received Finish      a whole fragment, or one that is kept already
//	Begin Append* Finish               one that is kept as far as it came
//	Begin Append* [Received] Abort     one that failed, or whose connection broke, or that was damaged on its way
//	Condemned                          one that was faulty from its timecode on
//	Begin Append* Abort Condemned      one that was found faulty later
//
// Condemned comes at the end of the faulty fragment, where clients can be told
// best.
//
// An error from any method ends the session: the Assembler returns it as it is.
type Sink interface {
	Begin(b Begin) error
	Append(p []byte) error // p is valid during the call only
	Received() error
	Finish(f Finish) error
	Abort() error
	Condemned(b Begin) error
}
