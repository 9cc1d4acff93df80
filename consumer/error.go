package consumer

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// ErrCut means that the response ended inside a fragment. The frames that came
// before it are good.
var ErrCut = errors.New("response ended inside a fragment")

// A MediaError is what the server says inside a response when it can no longer
// say it with a status: a document without media.
type MediaError struct {
	Number millrace.FragmentNumber // the fragment it is about, or the last one delivered
	ID     int                     // such as 4000, fragment not found
	Name   string                  // the server's word for ID
}

// Error names the fragment and the fault.
func (e *MediaError) Error() string {
	return fmt.Sprintf("fragment %s: server error %d %s", e.Number, e.ID, e.Name)
}

// Code classifies the fault.
func (e *MediaError) Code() millrace.Code { return wire.CodeOfTag(e.ID) }
