package mkv

import (
	"errors"
	"fmt"
)

// What can be wrong with bytes. They arrive inside a *SyntaxError; test for
// them with errors.Is. An input cut inside an element is io.ErrUnexpectedEOF.
var (
	// ErrBadID: an id of more than four bytes, or the reserved id of all ones.
	ErrBadID = errors.New("invalid element id")
	// ErrBadSize: a size of more than eight bytes.
	ErrBadSize = errors.New("invalid element size")
	// ErrUnknownSizeNotAllowed: an unknown size on neither Segment nor Cluster.
	ErrUnknownSizeNotAllowed = errors.New("unknown size not allowed here")
	// ErrTooLarge: a declared size above the reader's limit.
	ErrTooLarge = errors.New("element too large")
	// ErrOverrun: an element that ends behind the end of its parent.
	ErrOverrun = errors.New("element overruns its parent")
	// ErrMisplaced: an element that cannot be where it is, such as Tracks
	// inside a Cluster of known size.
	ErrMisplaced = errors.New("element in the wrong place")
	// ErrBadValue: a payload that is no value of its element's type.
	ErrBadValue = errors.New("invalid value")
	// ErrTooMany: more children of one kind than a parser takes.
	ErrTooMany = errors.New("too many elements")
	// ErrBadLacing: a laced block whose frame sizes do not add up.
	ErrBadLacing = errors.New("invalid lacing")
)

// ErrOrder is returned by the writers for a call out of order, such as a block
// before the first cluster.
var ErrOrder = errors.New("mkv: call out of order")

// SyntaxError is the place and the kind of a fault in the bytes.
type SyntaxError struct {
	// Offset is where the faulty element begins: in the input for a Reader,
	// in the given payload for a parser.
	Offset int64
	// Path names the element and its parents, such as
	// "Segment/Cluster/SimpleBlock"; unknown ids are hexadecimal. It is empty
	// when not even an id could be read at the top level.
	Path string
	// Err is one of the errors above or io.ErrUnexpectedEOF.
	Err error
}

// Error says place and kind.
func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("mkv: offset %d: %v", e.Offset, e.Err)
	}
	return fmt.Sprintf("mkv: %s at offset %d: %v", e.Path, e.Offset, e.Err)
}

// Unwrap returns the kind.
func (e *SyntaxError) Unwrap() error { return e.Err }

// within puts a parser's error below a parent element that begins, with its
// payload, base bytes into the parser's input.
func within(parent ElementID, base int64, err error) error {
	var se *SyntaxError
	if !errors.As(err, &se) {
		return err
	}
	path := parent.String()
	if se.Path != "" {
		path += "/" + se.Path
	}
	return &SyntaxError{Offset: base + se.Offset, Path: path, Err: se.Err}
}
