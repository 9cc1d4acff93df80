package producertest

import (
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// A Fragment is a Cluster that was begun, as far as it came.
type Fragment struct {
	Stream   millrace.StreamName
	Call     int // the call that carried it
	Number   millrace.FragmentNumber
	Timecode uint64    // raw
	Time     time.Time // the producer's, of its timecode
	State    State

	// Of a fragment that a producer has identified, heeded or not.
	Identified bool
	Producer   millrace.ProducerID
	Session    millrace.SessionID
	Sequence   uint64

	Header []byte // what stood before the call's first Cluster, verbatim
	Bytes  []byte // the Cluster, verbatim
	Frames []Frame
	Tags   []mkv.SimpleTag // those behind the Cluster, and in front of a call's first
}

// A Frame is one block. A laced block counts as one.
type Frame struct {
	Track uint64
	Time  int64 // in timecode units, the Cluster's timecode added
	Key   bool
	Data  []byte
	Came  time.Time // when all of it was there
}

// A State is how far a fragment came.
type State uint8

// The states of a fragment.
const (
	Open     State = iota // begun
	Received              // complete
	Durable               // kept
	Repeated              // complete, and kept before under the same identity
	Refused               // ended with an ERROR
	Lost                  // cut off with its call
)

// String returns a word for the state.
func (s State) String() string {
	names := [...]string{"open", "received", "durable", "repeated", "refused", "lost"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown state"
}

// A Call is one PutMedia call.
type Call struct {
	Number     int // from 1
	Attempt    int // the connection that it came over
	Stream     millrace.StreamName
	Producer   millrace.ProducerID // if it has announced one
	Header     map[string][]string // of the request
	Faults     []HeadFault         // of the request's head
	Began      time.Time
	Ended      time.Time // zero while it goes on
	BodyBytes  int64     // of media, without the framing of the transfer
	Terminated bool      // the body came to its end in good order
}

// An Attempt is one connection that somebody tried to make.
type Attempt struct {
	Number int // from 1, over all hosts
	Host   Host
	At     time.Time
	// Refused says that the server was down.
	Refused bool
}

// A Host is one of the two addresses of a Server.
type Host uint8

// The hosts.
const (
	Control Host = iota // describeStream and its like
	Data                // putMedia
)

// An Event is one thing that happened, in the order in which it did.
type Event struct {
	At       time.Time
	Call     int // 0 if it belongs to none
	Kind     EventKind
	Timecode uint64       // of the fragment, if there is one
	Ack      millrace.Ack // of AckSent
	Fault    Fault        // of FaultHappened
	Op       Operation    // of Controlled
	Status   int          // of Controlled and of CallRefused
}

// An EventKind says what an Event is.
type EventKind uint8

// The kinds of events.
const (
	Controlled    EventKind = iota // a control call was answered
	CallBegun                      // a PutMedia call was accepted
	CallRefused                    // or was not
	FragmentBegun                  // a Cluster's timecode was read
	FragmentEnded                  // a Cluster is complete
	FragmentKept                   // it is durable
	AckSent                        // an acknowledgement was written
	FaultHappened                  // a fault of the call's Step
	CallEnded
)

// Fragments returns all fragments that were begun, in the order in which they
// were. What it returns does not change; a fragment that goes on is as it is now.
func (s *Server) Fragments() []Fragment {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Fragment, len(s.fragments))
	for i, f := range s.fragments {
		all[i] = f.snapshot()
	}
	return all
}

// Persisted returns the fragments of a stream that are durable, in the order in
// which they came to be.
func (s *Server) Persisted(stream millrace.StreamName) []Fragment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []Fragment
	for _, f := range s.durable {
		if f.Stream == stream {
			kept = append(kept, f.snapshot())
		}
	}
	return kept
}

// Attempts returns every connection that was tried.
func (s *Server) Attempts() []Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.attempts)
}

// Calls returns every PutMedia call whose head was read, refused ones included.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make([]Call, len(s.calls))
	for i, c := range s.calls {
		calls[i] = *c
	}
	return calls
}

// Events returns what happened so far.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// snapshot shares the bytes that have come, to which nothing is done but
// appending.
func (f *Fragment) snapshot() Fragment {
	c := *f
	c.Frames = slices.Clip(c.Frames)
	c.Bytes = slices.Clip(c.Bytes)
	c.Tags = slices.Clip(c.Tags)
	return c
}
