package producer

import (
	"time"

	"github.com/millrace/millrace"
)

// Options says how an upload works. The zero value sends absolute timecodes to
// a stream that exists.
type Options struct {
	// Create makes the stream if there is none. Nil has a missing stream be an error.
	Create *Spec
	// Relative says that timecodes count from Start and not from the epoch.
	Relative bool
	Start    time.Time
	// Buffer bounds the bytes that are kept until they are durable. 0 is
	// DefaultBuffer. One fragment may always be as large as MaxFragmentSize.
	Buffer int64
	// Events are told what happens.
	Events Events
}

// Bounds of what an upload keeps, in bytes.
const (
	DefaultBuffer   = 64 << 20
	MaxFragmentSize = 50_000_000 // what servers accept
)

// Events is a set of functions that are told what happens to an upload. Any may
// be nil. They are called one at a time and hold the upload up while they run.
type Events struct {
	// Created is called by Open when there was no stream and it was made, as
	// Options.Create says.
	Created func(millrace.Stream)
	// Ack is called for every acknowledgement.
	Ack func(Ack)
	// Connected is called when a connection was accepted; again is the number
	// of fragments that go over it although an earlier one carried them.
	Connected func(endpoint string, again int)
	// Disconnected is called when a connection broke or could not be made, with
	// the wait until the next attempt.
	Disconnected func(err error, wait time.Duration)
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

// Stats counts what happened to an upload since it was opened.
type Stats struct {
	Begun       int   // fragments begun
	Persisted   int   // fragments that are durable; for a stream without retention, received
	Rejected    int   // fragments that the server refused for good
	Resent      int   // times that a fragment was sent again
	Connections int   // connections that were accepted
	Sent        int64 // bytes of media written to connections, repeats included
	Buffered    int64 // bytes that are kept now
	Pending     int   // fragments that are kept now
}
