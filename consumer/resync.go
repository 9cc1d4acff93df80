package consumer

import (
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/mkv"
)

// What cannot be read is passed over, unless somebody wants to know it for an
// error. There are two kinds. A block that makes no sense is left out alone: the
// elements around it are whole. Bytes that cannot be cut into elements, and a
// document's head that makes no sense, cost everything up to the next document:
// its beginning can be known, as nothing else can. Either is told as a Damage, with
// the place in the response or file, so that nothing goes missing silently. Memory
// is that of the mkv.Reader alone.

// errPassedOver ends a fragment whose document was left in the middle.
var errPassedOver = errors.New("rest of the document was passed over")

// errNoDocument is found where a document should begin.
var errNoDocument = fmt.Errorf("%w: no document begins here", mkv.ErrMisplaced)

// damaged returns the place of what cannot be read, if err is about such.
func damaged(err error) (*mkv.SyntaxError, bool) { return errors.AsType[*mkv.SyntaxError](err) }

// faultIn places what is wrong with a header that begins at an offset.
func faultIn(offset int64, err error) error {
	if inner, ok := damaged(err); ok {
		return &mkv.SyntaxError{Offset: offset + inner.Offset, Path: inner.Path, Err: inner.Err}
	}
	return &mkv.SyntaxError{Offset: offset, Err: err}
}

// faultOf places what is wrong with an element in the input. A parser counts from
// the beginning of the payload.
func faultOf(e mkv.Element, err error) error {
	at := &mkv.SyntaxError{Offset: e.Offset, Path: e.ID.String(), Err: err}
	if inner, ok := damaged(err); ok {
		at.Offset += int64(len(e.Raw)-len(e.Data())) + inner.Offset
		at.Err = inner.Err
		if inner.Path != "" {
			at.Path += "/" + inner.Path
		}
	}
	return at
}

// checkBoundary looks at what follows a document that was seen to its end, before
// anything is read of it: the size that garbage seems to have might be that of
// everything to come.
func (a *assembler) checkBoundary() error {
	if a.held != nil || a.latest == nil || a.latest.state != complete || a.latest.service.token == "" {
		return nil
	}
	b, err := a.elements.Peek(4)
	if errors.Is(err, io.EOF) {
		return nil // Next says what that means
	}
	if err != nil {
		return err
	}
	if b[0] == byte(mkv.IDVoid) || mkv.ElementID(b[0])<<24|mkv.ElementID(b[1])<<16|mkv.ElementID(b[2])<<8|mkv.ElementID(b[3]) == mkv.IDEBML {
		return nil
	}
	return &mkv.SyntaxError{Offset: a.elements.Offset(), Err: errNoDocument}
}

// passOver goes on at the next document behind what could not be read, tells that,
// and returns nil. If there is none it returns err when the input was cut, which
// nothing is wrong with otherwise, and io.EOF when it was not. An error of the
// input ends it as well.
func (a *assembler) passOver(r *Reader, err error) error {
	at, ok := damaged(err)
	if !ok {
		return err
	}
	a.held, a.latest = nil, nil
	_, failed := a.elements.Resync()
	ended := errors.Is(failed, io.EOF)
	if failed != nil && !ended {
		return failed
	}
	if ended && errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	a.begin()
	r.damaged(Damage{Offset: at.Offset, Skipped: max(a.elements.Offset()-at.Offset, 0), Err: err})
	return failed
}

// damaged counts and tells what was passed over.
func (r *Reader) damaged(d Damage) {
	r.count(func(s *Stats) { s.Damaged += d.Skipped })
	if r.set.events.Damaged != nil {
		r.set.events.Damaged(d)
	}
}

// spoilt is told of a block that cannot be read. What it returns ends the fragment.
func (f *Fragment) spoilt(b block, err error) error {
	err = &mkv.SyntaxError{Offset: b.offset, Path: b.id.String(), Err: err}
	if f.reader.set.strict {
		f.state, f.err = failed, err
		return err
	}
	f.reader.damaged(Damage{Offset: b.offset, Skipped: b.size, Err: err})
	return nil
}
