package consumer

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// What ends a Reader's loop, besides the context's error, what the server
// refuses for good (*millrace.Error), and input that cannot be read
// (*mkv.SyntaxError, with the offset in the response or file).
var (
	// ErrCut means that the input ended inside a fragment. The frames that came
	// before it are good.
	ErrCut = errors.New("input ended inside a fragment")
	// ErrExpired means that what follows the position is not kept any more, and
	// LiveOptions.Expired says to fail then.
	ErrExpired = errors.New("position has expired")
	// ErrLeaseHeld means that another owner reads the stream under this name.
	ErrLeaseHeld = errors.New("stream is leased to another owner")
	// ErrLeaseLost means that another owner has taken the stream over. Positions
	// are not saved any more.
	ErrLeaseLost = errors.New("lease was lost to another owner")
	// ErrHandedOver means that Client.Run wants the stream back: another worker has
	// too few, or it is not listed any more. What was handled is saved.
	ErrHandedOver = errors.New("stream is handed over to another worker")
	// ErrWalked means that a file or a response was to be walked a second time.
	ErrWalked = errors.New("input can be read once")
)

// A FragmentError is what the server says inside a response when it can no longer
// say it with a status: a document without media.
type FragmentError struct {
	Number millrace.FragmentNumber // the fragment it is about, or the last one delivered
	ID     int                     // such as 4000, fragment not found
	Name   string                  // the server's word for ID
}

// Error names the fragment and the fault.
func (e *FragmentError) Error() string {
	return fmt.Sprintf("fragment %s: server error %d %s", e.Number, e.ID, e.Name)
}

// Code classifies the fault.
func (e *FragmentError) Code() millrace.Code { return wire.CodeOfTag(e.ID) }
