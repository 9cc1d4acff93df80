package producer

import (
	"fmt"
	"time"

	"github.com/millrace/millrace"
)

// Events is a set of functions that are told what happens to a stream. Any may
// be nil. They are called one at a time, in order, by a goroutine of the
// stream's own, behind a queue of 256: one that is slow does not hold the
// stream up, but is not told everything then; Stats.EventsLost counts that. They
// may call the stream's methods. Its end waits for what is to be told, and for a
// second at most for a function that does not return.
type Events struct {
	// Created is called when there was no stream and it was made, as
	// StreamConfig.Create says.
	Created func(millrace.Stream)
	// State is called when the stream's state changes. err says why, if it is not
	// well.
	State func(s State, err error)
	// Ack is called for every acknowledgement.
	Ack func(Ack)
	// Connected is called when a call was accepted; again is the number of
	// fragments that go over it although an earlier one carried them.
	Connected func(endpoint string, again int)
	// Disconnected is called when a call broke or could not be made, with the
	// least wait until the next attempt: while a host is away all streams of a
	// client wait longer than that, and share the attempts.
	Disconnected func(err error, wait time.Duration)
	// Dropped is called for media that were given up, with exactly what they were.
	Dropped func(Dropped)
	// Pressure is called when a backlog passes a bound, and when it is gone.
	Pressure func(Pressure)
	// Notice is called for what is worth knowing and loses nothing: a codec that
	// changed, a clock that stepped, a stream that nothing could play.
	Notice func(err error)
}

// A State is where a stream stands.
type State uint8

// The states.
const (
	Preparing State = iota // the stream, or where to send to, is not known yet
	Idle                   // nothing to send
	Sending                // a call is open
	Waiting                // for the network, or for the server to change its mind
	Over                   // closed
)

// String names the state, in lower case.
func (s State) String() string {
	return name(s, []string{"preparing", "idle", "sending", "waiting", "over"})
}

// An Ack is an acknowledgement and how long it took.
type Ack struct {
	millrace.Ack
	// Name is the server's word for the fault of an AckError.
	Name string
	// AfterEnd is the time since the fragment's last byte was appended; zero if
	// the fragment has not ended or is not known.
	AfterEnd time.Duration
	// Size is the fragment's size in bytes, as far as it is known.
	Size int64
}

// Dropped is what was given up: whole fragments that nobody had confirmed.
type Dropped struct {
	Reason    DropReason
	Code      millrace.Code // of DropRejected
	Fragments int
	Frames    int
	Bytes     int64
	From, To  time.Time // of the media, by the producer's clock
}

// A DropReason is why media were given up.
type DropReason uint8

// The reasons.
const (
	DropFull     DropReason = iota + 1 // there was no room
	DropAge                            // they were older than MaxAge
	DropSlow                           // SlowThin or SlowJump
	DropRejected                       // the server will never take them
	DropDamaged                        // the spool's bytes are not what was written
)

// Pressure says how far a stream is behind.
type Pressure struct {
	Backlog time.Duration // media time that is not confirmed
	Bytes   int64
	Rate    float64 // bytes a second that the network took lately; 0 is not known
	Over    bool    // the bound was passed; else it is well again
}

// String names the reason, in lower case.
func (r DropReason) String() string {
	return name(r, []string{"unknown", "full", "age", "slow", "rejected", "damaged"})
}

// name is the one of names that belongs to a value that counts from 0.
func name[T ~uint8](value T, names []string) string {
	if int(value) < len(names) {
		return names[value]
	}
	return fmt.Sprintf("unknown (%d)", value)
}
