package mkv

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"
)

// MaxSize is the largest size that eight bytes can say.
const MaxSize int64 = 1<<56 - 2

// AppendID appends an element id.
func AppendID(b []byte, id ElementID) []byte {
	return appendBigEndian(b, uint64(id), idWidth(id))
}

// AppendSize appends the size of a payload in width bytes (1 to 8), or in as
// few as possible if width is 0 or too small for it. UnknownSize, and what is
// beyond MaxSize, is written as unknown.
func AppendSize(b []byte, size int64, width int) []byte {
	if size < 0 || size > MaxSize {
		return AppendUnknownSize(b, width)
	}
	n := sizeWidth(size, width)
	return appendBigEndian(b, 1<<(7*n)|uint64(size), n)
}

// AppendUnknownSize appends the size that says "unknown" in width bytes (1 to
// 8); any other width is 8, as most live writers have it.
func AppendUnknownSize(b []byte, width int) []byte {
	if width < 1 || width > maxSizeLength {
		width = maxSizeLength
	}
	return appendBigEndian(b, 1<<(7*width+1)-1, width)
}

// AppendUint appends an unsigned integer element in as few bytes as possible,
// at least one.
func AppendUint(b []byte, id ElementID, v uint64) []byte {
	return appendUint(b, id, v, max(1, (bits.Len64(v)+7)/8))
}

// AppendInt appends a signed integer element of eight bytes.
func AppendInt(b []byte, id ElementID, v int64) []byte {
	return appendUint(b, id, uint64(v), 8)
}

// AppendFloat appends a float element of eight bytes.
func AppendFloat(b []byte, id ElementID, v float64) []byte {
	return appendUint(b, id, math.Float64bits(v), 8)
}

// AppendDate appends a date element. Dates more than 292 years from 2001 are
// clamped.
func AppendDate(b []byte, id ElementID, t time.Time) []byte {
	return appendUint(b, id, uint64(t.Sub(dateEpoch())), 8)
}

// AppendString appends a string element.
func AppendString(b []byte, id ElementID, s string) []byte {
	return append(appendHead(b, id, len(s), 0), s...)
}

// AppendBytes appends an element with the given payload: binary data, the
// children of a master element, or the filling of a Void.
func AppendBytes(b []byte, id ElementID, data []byte) []byte {
	return append(appendHead(b, id, len(data), 0), data...)
}

// appendHead appends id and size.
func appendHead(b []byte, id ElementID, size, width int) []byte {
	return AppendSize(AppendID(b, id), int64(size), width)
}

// appendUint appends an integer element with a payload of n bytes.
func appendUint(b []byte, id ElementID, v uint64, n int) []byte {
	return appendBigEndian(appendHead(b, id, n, 0), v, n)
}

// appendBigEndian appends the last n bytes of v.
func appendBigEndian(b []byte, v uint64, n int) []byte {
	return binary.BigEndian.AppendUint64(b, v<<(64-8*n))[:len(b)+n]
}

// idWidth returns how many bytes id takes.
func idWidth(id ElementID) int {
	return max(1, (bits.Len32(uint32(id))+7)/8)
}

// sizeWidth returns how many bytes a size takes that shall take width.
func sizeWidth(size int64, width int) int {
	n := 1
	for n < maxSizeLength && size >= 1<<(7*n)-1 {
		n++
	}
	return max(n, min(width, maxSizeLength))
}

// elementLen returns the length of an element with a payload of size bytes.
func elementLen(id ElementID, size, width int) int {
	return idWidth(id) + sizeWidth(int64(size), width) + size
}
