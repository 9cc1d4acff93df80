package spool

import (
	"encoding/binary"
	"math/bits"
)

// What of EBML makes a spool file playable. The elements of a stream stand as
// they are; everything of the spool's own is in Void elements, or in the head of
// the file.
const (
	idEBML    = "\x1a\x45\xdf\xa3"
	idCluster = "\x1f\x43\xb6\x75"
	idVoid    = 0xec

	unknownSize = "\x01\xff\xff\xff\xff\xff\xff\xff"
	timecode8   = "\xe7\x88" // Timecode of eight bytes

	longVoidHead = 9 // bytes of a Void's id and of a size in eight bytes
)

// fileHead is the EBML element that a spool file begins with, up to the payload
// of the Void in it that holds the file's own header.
const fileHead = idEBML + "\x40\x65" +
	"\x42\x86\x81\x01" + "\x42\xf7\x81\x01" + "\x42\xf2\x81\x04" + "\x42\xf3\x81\x08" +
	"\x42\x82\x88matroska" + "\x42\x87\x81\x04" + "\x42\x85\x81\x02" +
	"\xec\xc0"

// appendLongVoid appends the head of a Void with n bytes of payload.
func appendLongVoid(b []byte, n int) []byte {
	b = append(b, idVoid)
	return binary.BigEndian.AppendUint64(b, 1<<56|uint64(n))
}

// appendCluster appends the start of a Cluster of unknown size.
func appendCluster(b []byte, timecode uint64) []byte {
	b = append(b, idCluster+unknownSize+timecode8...)
	return binary.BigEndian.AppendUint64(b, timecode)
}

// playable is what of a stream's header stands behind its EBML head, for which a
// spool file has its own. It is nil if header does not begin with one.
func playable(header []byte) []byte {
	if len(header) < 5 || string(header[:4]) != idEBML {
		return nil
	}
	width := bits.LeadingZeros8(header[4]) + 1
	if width > 8 || len(header) < 4+width {
		return nil
	}
	size := uint64(header[4]) & (1<<(8-width) - 1)
	for _, c := range header[5 : 4+width] {
		size = size<<8 | uint64(c)
	}
	rest := header[4+width:]
	if size > uint64(len(rest)) {
		return nil
	}
	return rest[size:]
}
