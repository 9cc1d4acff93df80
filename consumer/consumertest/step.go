package consumertest

import (
	"time"

	"github.com/millrace/millrace"
)

// A Step says how one call for media goes. The zero Step is a good call.
type Step struct {
	// Refuse answers with an error instead of media.
	Refuse Refusal
	// Delay is before the first byte of the answer.
	Delay time.Duration
	// Faults happen when their places are reached, each once, in the order in which
	// they stand where several have the same place.
	Faults []Fault
	// Piece is how many bytes are sent at a time; 0 sends whole elements.
	Piece int
	// Pause is behind each piece, or each element.
	Pause time.Duration
	// Documents ends the response in good order behind so many; 0 does not.
	Documents int
}

// A Refusal is an HTTP error. Its zero value refuses nothing.
type Refusal struct {
	Status     int
	Exception  string        // the x-amzn-ErrorType; may be empty
	Message    string        // of the body; may be empty
	RetryAfter time.Duration // whole seconds; 0 sends no such header
	// Body is sent as it is, instead of an error document, as Type: the page of a
	// proxy, for one.
	Body string
	Type string // text/html if empty
}

// An Answer says how one call without media goes. Its zero value is as it should be.
type Answer struct {
	Refusal
	// Delay is before the first byte of the answer.
	Delay time.Duration
	// Do is done after Delay instead of answering, if it is Reset, Close or Stall.
	Do Action
	// Endpoint is answered by getDataEndpoint instead of the true one.
	Endpoint string
	// Twice has a page of a list end with the token that led to it.
	Twice bool
}

// A Fault is what happens when a response gets to a place.
type Fault struct {
	At       Place
	Offset   int64 // of the response's body, in bytes; for AtByte
	Document int   // which of the response's documents, from 0; for the other places
	Block    int   // which block of the document, from 0; for AtBlock
	// Delay comes before the action.
	Delay time.Duration
	Do    Action
	// Code is that of Fail.
	Code millrace.Code
	// Bytes are those of Insert.
	Bytes []byte
}

// A Place is a moment in the life of a response.
type Place uint8

// The places.
const (
	AtByte     Place = iota // Offset bytes of the body are sent
	AtDocument              // in front of a document
	AtBlock                 // in front of a block
	AtTail                  // behind the last block of a document
	AtEnd                   // behind a document
)

// String returns a word for the place.
func (p Place) String() string {
	names := [...]string{"byte", "document", "block", "tail", "end"}
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
	Finish                // the response is ended in good order, wherever it is
	Fail                  // an error document is sent, and the response ended in good order
	Stall                 // nothing is sent any more, until the client or the server closes
	Insert                // Bytes are sent, and the response goes on
	Repeat                // the document is sent once more; at AtEnd
	Skip                  // the document is left out; at AtDocument
)

// String returns a word for the action.
func (a Action) String() string {
	names := [...]string{"proceed", "reset", "close", "finish", "fail", "stall", "insert", "repeat", "skip"}
	if int(a) < len(names) {
		return names[a]
	}
	return "unknown action"
}

// Cut is the Step of a response that ends as do says when n bytes of its body are
// sent.
func Cut(n int64, do Action) Step {
	return Step{Faults: []Fault{{At: AtByte, Offset: n, Do: do}}}
}
