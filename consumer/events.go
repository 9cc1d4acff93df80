package consumer

import (
	"time"

	"github.com/millrace/millrace"
)

// Events is a set of functions that are told what happens to a Reader, besides
// the media. Any may be nil. They are called by the goroutine that runs the
// loop, between its steps, in order with the media: what Gap says is true of the
// fragment that comes next. A function that is slow slows the loop down.
type Events struct {
	// Connected is called when a response has begun.
	Connected func(Connection)
	// Disconnected is called when a response ended or could not be had, with the
	// wait until the next attempt. io.EOF is an end in good order.
	Disconnected func(err error, wait time.Duration)
	// Gap is called before a fragment that does not begin where the one before it
	// ended.
	Gap func(Gap)
	// Replay is called for the first frame of a fragment that came before under
	// another number: its producer sent it again.
	Replay func(Replay)
	// Failed is called for a fragment that the server cannot give.
	Failed func(*FragmentError)
	// TracksChanged is called before the first fragment whose tracks are not
	// those of the fragment before.
	TracksChanged func(from, to *Header)
	// Lag is called when the loop falls behind by more than LagPolicy.Max, and when
	// it has caught up.
	Lag func(Lag)
	// Expired is called when what follows a position is not kept any more.
	Expired func(Expired)
	// Damaged is called for bytes that were passed over because nothing could be
	// made of them.
	Damaged func(Damage)
	// Unsaved is called when a position could not be saved. Reading goes on, with a
	// lease for as long as that lasts, and saving is tried again.
	Unsaved func(error)
}

// A Connection is a response that has begun.
type Connection struct {
	Start millrace.StartSelector
	// Planned says that it takes over from one that still stands.
	Planned bool
}

// A Gap is a time for which there are no media.
type Gap struct {
	From, To time.Time // on the producer's clock
	Cause    GapCause
	// Before is the fragment behind the gap.
	Before millrace.FragmentNumber
}

// A GapCause is why media are missing.
type GapCause uint8

// The causes.
const (
	GapLoss  GapCause = iota // the producer was cut off, or had none
	GapPause                 // the producer said that it would pause
	GapLeap                  // the reader left them out, as its LagPolicy says
)

// String names the cause, in lower case.
func (c GapCause) String() string {
	switch c {
	case GapPause:
		return "pause"
	case GapLeap:
		return "leap"
	}
	return "loss"
}

// A Replay is a fragment, or the part of one, that came before.
type Replay struct {
	Number       millrace.FragmentNumber
	First        millrace.FragmentNumber // under which it came before
	ProducerTime time.Time
}

// Lag is how far a loop is behind.
type Lag struct {
	Behind time.Duration // from the server's receipt of the fragment to now
	Over   bool          // the bound was passed; else it is well again
}

// Expired is what a reader came too late for.
type Expired struct {
	// From is the server's time of the position, To that of the fragment with which
	// reading goes on; zero if there is none yet.
	From, To time.Time
	Position Position
}

// Damage is input that could not be read.
type Damage struct {
	Offset  int64 // in the response or file
	Skipped int64 // bytes
	Err     error
}
