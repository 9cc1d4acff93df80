package ingest

import (
	"time"

	"github.com/millrace/millrace"
)

// Events are called when something happens in one session; Params has them. Any
// of them may be nil. They are called by the goroutine in which it happened,
// must not block and must not call the session.
type Events struct {
	Received func(Received)
	Repeated func() // a fragment has arrived whole that is kept already
	Stored   func(Stored)
	Acked    func(Acked)
	Read     func(bytes int64) // of the body, told at each fragment's end and at the session's
}

// A Received is a fragment that has arrived whole, which does not mean that it
// will be kept.
type Received struct {
	Frames int
	Took   time.Duration // from the Cluster's first byte to its last
}

// A Stored is what became of a fragment that was handed to the store.
type Stored struct {
	Took time.Duration // since the Cluster's last byte
	Err  error         // nil if it is durable
}

// An Acked is an acknowledgement that was written to the client.
type Acked struct {
	Type millrace.AckType
	Code millrace.Code // of an AckError
	Took time.Duration // since the Cluster's first byte if it is an AckBuffering, its last byte if an AckReceived or AckPersisted; else 0
}

func (v Events) withDefaults() Events {
	if v.Received == nil {
		v.Received = func(Received) {}
	}
	if v.Repeated == nil {
		v.Repeated = func() {}
	}
	if v.Stored == nil {
		v.Stored = func(Stored) {}
	}
	if v.Acked == nil {
		v.Acked = func(Acked) {}
	}
	if v.Read == nil {
		v.Read = func(int64) {}
	}
	return v
}
