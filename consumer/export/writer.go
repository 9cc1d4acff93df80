package export

import (
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/consumer"
)

// A Writer writes fragments in the order in which it gets them.
type Writer interface {
	// WriteFragment reads f to its end, or as far as it comes, and writes it. An
	// error in reading f is returned after what came before it was written.
	WriteFragment(f *consumer.Fragment) error
}

// ErrTracksChanged means that a fragment's tracks are not those of the document
// that is being written. Nothing of the fragment was read or written; another
// Writer can take it.
var ErrTracksChanged = errors.New("the tracks have changed")

// Raw writes each fragment's document as the server sent it, one document after
// the other.
type Raw struct {
	w io.Writer
}

// NewRaw returns a Raw on w.
func NewRaw(w io.Writer) *Raw { return &Raw{w} }

// WriteFragment implements Writer.
func (r *Raw) WriteFragment(f *consumer.Fragment) error {
	if _, err := f.WriteTo(r.w); err != nil {
		return fmt.Errorf("write fragment %s: %w", f.Number, err)
	}
	return nil
}
