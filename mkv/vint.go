package mkv

import (
	"io"
	"math/bits"
)

// UnknownSize is the size of a Segment or Cluster that ends when something
// follows that cannot be inside it.
const UnknownSize int64 = -1

const (
	maxIDLength   = 4
	maxSizeLength = 8
	maxHeadLength = maxIDLength + maxSizeLength
)

// head is the id and size that begin every element.
type head struct {
	id   ElementID
	size int64 // of the payload; UnknownSize if all bits are ones
	len  int   // bytes of id and size together
}

// idLength returns the length of the id that begins with b, 0 if none does.
func idLength(b byte) int {
	n := bits.LeadingZeros8(b) + 1
	if n > maxIDLength {
		return 0
	}
	return n
}

// sizeLength returns the length of the size that begins with b, 0 if none does.
func sizeLength(b byte) int {
	if b == 0 {
		return 0
	}
	return bits.LeadingZeros8(b) + 1
}

// decodeID reads an id of n bytes, where n is idLength(b[0]) and not 0.
func decodeID(b []byte, n int) (ElementID, error) {
	id := ElementID(bigEndian(b[:n]))
	if id == 1<<(7*n+1)-1 {
		return 0, ErrBadID
	}
	return id, nil
}

// decodeSize reads a size of n bytes, where n is sizeLength(b[0]) and not 0.
func decodeSize(b []byte, n int) int64 {
	mask := uint64(1)<<(7*n) - 1
	v := bigEndian(b[:n]) & mask
	if v == mask {
		return UnknownSize
	}
	return int64(v)
}

// decodeHead reads id and size from the start of b. A b that is too short is
// io.ErrUnexpectedEOF; h.id is set as soon as the id itself is good.
func decodeHead(b []byte) (h head, err error) {
	if len(b) == 0 {
		return h, io.ErrUnexpectedEOF
	}
	n := idLength(b[0])
	if n == 0 {
		return h, ErrBadID
	}
	if len(b) < n {
		return h, io.ErrUnexpectedEOF
	}
	if h.id, err = decodeID(b, n); err != nil {
		return h, err
	}
	if len(b) == n {
		return h, io.ErrUnexpectedEOF
	}
	m := sizeLength(b[n])
	if m == 0 {
		return h, ErrBadSize
	}
	if len(b) < n+m {
		return h, io.ErrUnexpectedEOF
	}
	h.size = decodeSize(b[n:], m)
	h.len = n + m
	return h, nil
}

// decodeVint reads a number in the form of a size, such as a track number in a
// block, and returns its length: 0 if b does not begin with one.
func decodeVint(b []byte) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	n = sizeLength(b[0])
	if n == 0 || len(b) < n {
		return 0, 0
	}
	return bigEndian(b[:n]) & (1<<(7*n) - 1), n
}

// bigEndian reads up to eight bytes.
func bigEndian(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}
