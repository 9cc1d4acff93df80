package mkv

import (
	"errors"
	"io"
	"iter"
)

// maxDepth is how many levels Walk goes down. Matroska has fewer; only tags in
// tags have no end.
const maxDepth = 16

// Walk yields every element of the input down to its values, for dumps, tests
// and tools; a program that wants media reads with a Reader, which is faster.
// Masters that this package knows have a Start and an End with their children
// between; all else comes Whole, and so does what lies deeper than 16 levels.
//
// Offsets count from the start of the input, Levels from 0 for EBML and
// Segment, and the Raw bytes of all elements, joined, are the input: writing
// them copies it. Raw is valid until the next step. What a Reader refuses ends
// the walk with the Reader's error, and so does a fault in a master's children,
// as a *SyntaxError; the end of the input ends it without one.
func Walk(src io.Reader, o ReaderOptions) iter.Seq2[Element, error] {
	return func(yield func(Element, error) bool) {
		r := NewReader(src, o)
		for {
			e, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Element{}, err)
				return
			}
			more, err := descend(e, yield)
			if err != nil {
				yield(Element{}, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// Count returns how many elements of each id the input has, at any depth; a
// master counts once. With an error come the counts up to the fault.
func Count(src io.Reader, o ReaderOptions) (map[ElementID]int, error) {
	counts := map[ElementID]int{}
	for e, err := range Walk(src, o) {
		if err != nil {
			return counts, err
		}
		if e.Kind != End {
			counts[e.ID]++
		}
	}
	return counts, nil
}

// descend yields an element and what is in it, and reports whether the walk
// goes on.
func descend(e Element, yield func(Element, error) bool) (more bool, err error) {
	if e.Kind != Whole || !isMaster(e.ID) || e.Level >= maxDepth {
		return yield(e, nil), nil
	}
	data := e.Data()
	begin, end := e, Element{Kind: End, ID: e.ID, Level: e.Level, Offset: e.Offset, Size: e.Size}
	begin.Kind, begin.Raw = Start, e.Raw[:len(e.Raw)-len(data)]
	if !yield(begin, nil) {
		return false, nil
	}
	base := e.Offset + int64(len(begin.Raw))
	for c, err := range Children(data) {
		if err != nil {
			return false, within(e.ID, base, err)
		}
		c.Offset, c.Level = base+c.Offset, e.Level+1
		if more, err := descend(c, yield); err != nil || !more {
			return false, within(e.ID, 0, err)
		}
	}
	return yield(end, nil), nil
}

// isMaster reports whether an element that a Reader hands over whole has
// children whose ids this package knows.
func isMaster(id ElementID) bool {
	switch id {
	case IDEBML, IDSeekHead, IDSeek, IDInfo, IDTracks, IDTrackEntry, IDVideo, IDColour, IDAudio,
		IDBlockGroup, IDTags, IDTag, IDTargets, IDSimpleTag, IDCues, IDCuePoint, IDCueTrackPositions:
		return true
	}
	return false
}
