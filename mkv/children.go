package mkv

import (
	"errors"
	"io"
	"iter"
)

// Children walks the direct children in the payload of a master element that
// is whole in memory. Offsets count from the start of data, Raw aliases data,
// every Kind is Whole and every Level 0. A fault is yielded once, as a
// *SyntaxError with an empty Element, and ends the walk. Empty data has no
// children.
func Children(data []byte) iter.Seq2[Element, error] {
	return func(yield func(Element, error) bool) {
		for pos := 0; pos < len(data); {
			e, err := child(data, pos)
			if !yield(e, err) || err != nil {
				return
			}
			pos += len(e.Raw)
		}
	}
}

// child cuts out the element that begins at pos.
func child(data []byte, pos int) (Element, error) {
	h, err := decodeHead(data[pos:])
	if err != nil {
		return Element{}, childFault(pos, h.id, err)
	}
	rest := int64(len(data) - pos - h.len)
	switch {
	case h.size == UnknownSize:
		return Element{}, childFault(pos, h.id, ErrUnknownSizeNotAllowed)
	case h.size > rest:
		return Element{}, childFault(pos, h.id, ErrOverrun)
	}
	end := pos + h.len + int(h.size)
	return Element{Kind: Whole, ID: h.id, Offset: int64(pos), Size: h.size, Raw: data[pos:end:end]}, nil
}

func childFault(pos int, id ElementID, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = ErrOverrun
	}
	se := &SyntaxError{Offset: int64(pos), Err: err}
	if id != 0 {
		se.Path = id.String()
	}
	return se
}

// parseChildren calls parse for each child of parent's payload, and puts the
// fault that ends it, if any, below parent.
func parseChildren(parent ElementID, data []byte, parse func(e Element) error) error {
	for e, err := range Children(data) {
		if err != nil {
			return within(parent, 0, err)
		}
		if err := parse(e); err != nil {
			return within(parent, 0, locate(e, err))
		}
	}
	return nil
}

// locate puts a fault in the payload of e below e; it turns one of the bare
// kinds into a SyntaxError.
func locate(e Element, err error) error {
	var se *SyntaxError
	if errors.As(err, &se) {
		head := int64(len(e.Raw)) - e.Size
		return &SyntaxError{Offset: e.Offset + head + se.Offset, Path: se.Path, Err: se.Err}
	}
	return &SyntaxError{Offset: e.Offset, Path: e.ID.String(), Err: err}
}
