package mkv

import "iter"

// maxLaced is how many frames a block's one-byte count can announce.
const maxLaced = 256

// Frames yields the frames of the block: the payload if it is not laced, else
// what the lacing cuts it into, none of it copied. Lacing that does not add up
// is yielded once as ErrBadLacing, before any frame.
func (b Block) Frames() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if b.Lacing() == LacingNone {
			yield(b.Payload, nil)
			return
		}
		var sizes [maxLaced]int
		count, rest, ok := b.laceSizes(&sizes)
		if !ok {
			yield(nil, ErrBadLacing)
			return
		}
		for _, n := range sizes[:count] {
			if !yield(rest[:n:n], nil) {
				return
			}
			rest = rest[n:]
		}
	}
}

// Count returns how many frames the block says it has, without looking at them: 1
// if it is not laced, else 1 to 256, and 0 for lacing without a count.
func (b Block) Count() int {
	switch {
	case b.Lacing() == LacingNone:
		return 1
	case len(b.Payload) == 0:
		return 0
	}
	return int(b.Payload[0]) + 1
}

// laceSizes reads the head of a laced payload. rest is what follows it, and
// the sizes add up to its length.
func (b Block) laceSizes(sizes *[maxLaced]int) (count int, rest []byte, ok bool) {
	if len(b.Payload) == 0 {
		return 0, nil, false
	}
	count, rest = int(b.Payload[0])+1, b.Payload[1:]
	switch b.Lacing() {
	case LacingXiph:
		rest, ok = xiphSizes(sizes[:count-1], rest)
	case LacingEBML:
		rest, ok = ebmlSizes(sizes[:count-1], rest)
	default:
		return count, rest, fixedSizes(sizes[:count], rest)
	}
	if !ok {
		return 0, nil, false
	}
	last := len(rest)
	for _, n := range sizes[:count-1] {
		if n > last {
			return 0, nil, false
		}
		last -= n
	}
	sizes[count-1] = last
	return count, rest, true
}

func fixedSizes(sizes []int, rest []byte) bool {
	if len(rest)%len(sizes) != 0 {
		return false
	}
	for i := range sizes {
		sizes[i] = len(rest) / len(sizes)
	}
	return true
}

// xiphSizes reads each size as a sum of bytes of which all but the last are 255.
func xiphSizes(sizes []int, rest []byte) ([]byte, bool) {
	for i := range sizes {
		for {
			if len(rest) == 0 {
				return nil, false
			}
			c := rest[0]
			rest = rest[1:]
			sizes[i] += int(c)
			if c != 0xFF {
				break
			}
		}
	}
	return rest, true
}

// ebmlSizes reads the first size as it is and the others as differences.
func ebmlSizes(sizes []int, rest []byte) ([]byte, bool) {
	size := int64(0)
	for i := range sizes {
		v, n := decodeVint(rest)
		if n == 0 {
			return nil, false
		}
		rest = rest[n:]
		if i == 0 {
			size = int64(v)
		} else {
			size += int64(v) - (1<<(7*n-1) - 1)
		}
		if size < 0 || size > int64(len(rest)) {
			return nil, false
		}
		sizes[i] = int(size)
	}
	return rest, true
}
