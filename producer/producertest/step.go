package producertest

import (
	"time"

	"github.com/millrace/millrace"
)

// A Step says how one connection to the data endpoint goes. The zero Step is a
// good call.
type Step struct {
	// Refuse answers the call with an error instead of taking media.
	Refuse Refusal
	// Faults happen when their places are reached, each once.
	Faults []Fault
	// Acks says how acknowledgements go.
	Acks Acks
	// ReadRate bounds what is read of the body, in bytes per second; 0 does not.
	ReadRate int
}

// A Refusal is an HTTP error. Its zero value refuses nothing.
type Refusal struct {
	Status     int
	Exception  string        // the x-amzn-ErrorType; may be empty
	Message    string        // of the body; may be empty
	RetryAfter time.Duration // whole seconds; 0 sends no such header
}

// An Answer says how one control call goes. Its zero value is as it should be.
type Answer struct {
	Refusal
	// Delay is before the first byte of the answer.
	Delay time.Duration
	// Do is done after Delay instead of answering, if it is Reset, Close or Stall.
	Do Action
	// Late does it in the middle of the answer's head, and not before it. The call
	// has its effect then.
	Late bool
}

// A Fault is what happens when a call gets to a place.
type Fault struct {
	At       Place
	Fragment int // which of the call's fragments, from 0; for places in and behind fragments
	Block    int // which block of the fragment, from 0; for AtBlock
	// Delay comes before the action. The server neither reads nor writes
	// meanwhile.
	Delay time.Duration
	Do    Action
	// Code is that of Fail.
	Code millrace.Code
	// Bare leaves timecode and number out of Fail's ERROR.
	Bare bool
}

// A Place is a moment in the life of a call.
type Place uint8

// The places, in the order in which a call gets to them.
const (
	AtConnect       Place = iota + 1 // accepted, nothing read; with TLS before the handshake
	AtRequestHead                    // in the middle of the request's head
	AtResponseHead                   // in the middle of the response's head
	AtHeader                         // in the middle of the EBML header
	AtCluster                        // in the middle of a Cluster's head
	AtTimecode                       // behind a Cluster's Timecode and its BUFFERING
	AtBlock                          // in the middle of a block
	AtFragmentEnd                    // behind a Cluster, before its RECEIVED: nothing of it is kept
	AtPersisted                      // the fragment is durable, its PERSISTED is not sent
	AtAcknowledged                   // its PERSISTED is sent
	AtTerminalChunk                  // in the middle of the chunk that ends the body
)

// String returns a word for the place.
func (p Place) String() string {
	names := [...]string{
		"nowhere", "connect", "request head", "response head", "header", "cluster", "timecode",
		"block", "fragment end", "persisted", "acknowledged", "terminal chunk",
	}
	if int(p) < len(names) {
		return names[p]
	}
	return "unknown place"
}

// An Action is what a fault does.
type Action uint8

// The actions.
const (
	Proceed Action = iota // nothing, after the delay
	Reset                 // the connection is reset; what is under way is lost
	Close                 // the connection is closed without an end of the response
	Finish                // the response is ended in good order, wherever the request is
	Fail                  // an ERROR is sent, and the response ended in good order
	Stall                 // nothing is read or written any more, until the server closes
	Deafen                // nothing is read any more; acknowledgements still go out
)

// String returns a word for the action.
func (a Action) String() string {
	names := [...]string{"proceed", "reset", "close", "finish", "fail", "stall", "deafen"}
	if int(a) < len(names) {
		return names[a]
	}
	return "unknown action"
}

// Acks says how a call is acknowledged. The zero value does it as it should be.
type Acks struct {
	// Never sends no acknowledgement at all but ERROR. Nothing becomes durable.
	Never bool
	// Omit leaves these types out.
	Omit []millrace.AckType
	// OmitEvery leaves out the PERSISTED of every so many-th fragment of the
	// call; 0 of none. The fragment is durable.
	OmitEvery int
	// Delay is from a fragment's end until it is durable.
	Delay time.Duration
	// Repeat sends each so many times more.
	Repeat int
	// Strangers sends, before each, the same for a timecode that nobody sent.
	Strangers bool
	// Group collects so many and sends them in one write; less than 2 does not. A
	// group that does not fill up within a second is sent as it is.
	Group int
	// OneChunk puts a group into one transfer chunk.
	OneChunk bool
	// Reverse sends a group in reverse.
	Reverse bool
	// Split sends so many bytes at a time; 0 sends all at once.
	Split int
}

// early finds the fault of a place that comes before media.
func (s Step) early(at Place) (Fault, bool) {
	for _, f := range s.Faults {
		if f.At == at {
			return f, true
		}
	}
	return Fault{}, false
}

// inside reports whether something happens in the middle of an element.
func (s Step) inside() bool {
	for _, f := range s.Faults {
		if f.At == AtHeader || f.At == AtCluster || f.At == AtBlock {
			return true
		}
	}
	return false
}

// slow reports whether the server is not to take in what it does not read.
func (s Step) slow() bool {
	for _, f := range s.Faults {
		if f.Do == Stall || f.Do == Deafen {
			return true
		}
	}
	return s.ReadRate > 0
}
