package mkv

// Kind says which part of an element the Reader returns.
type Kind uint8

// Elements arrive Whole, except Segment and Cluster, which Start and End.
const (
	Whole Kind = iota + 1
	Start
	End
)

// String returns the kind in lower case.
func (k Kind) String() string {
	switch k {
	case Whole:
		return "whole"
	case Start:
		return "start"
	case End:
		return "end"
	}
	return "invalid kind"
}

// Element is one step of a Reader's walk, or one child found by Children.
type Element struct {
	// Kind is Start or End for Segment and Cluster, Whole for all else.
	Kind Kind
	// ID is the element's id, known to this package or not.
	ID ElementID
	// Level is the element's depth: 0 for EBML and Segment, 1 for the children
	// of Segment, 2 for those of Cluster. Children sets it to 0.
	Level int
	// Offset is where the id begins in the input. An End has the Offset of its
	// Start; the Reader's Offset method then tells where the element ended.
	Offset int64
	// Size is the declared size of the payload in bytes, or UnknownSize.
	Size int64
	// Raw is the element as it came: id, size and payload of a Whole, id and
	// size of a Start, nil for an End. It aliases the Reader's buffer and is
	// valid until the next call of Next.
	Raw []byte
}

// Data returns the payload part of Raw: empty for a Start, nil for an End.
func (e Element) Data() []byte {
	if len(e.Raw) == 0 {
		return nil
	}
	n := idLength(e.Raw[0])
	if n == 0 || n >= len(e.Raw) {
		return nil
	}
	n += sizeLength(e.Raw[n])
	if n > len(e.Raw) {
		return nil
	}
	return e.Raw[n:]
}
