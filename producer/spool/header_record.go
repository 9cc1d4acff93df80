package spool

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// MaxHeader bounds Head.Header, in bytes.
const MaxHeader = 1 << 20

// headerCopies is how often a file holds the stream's header, so that no flipped
// bit costs all fragments of the file.
const headerCopies = 2

// appendHeaderRecord appends one copy of the stream's header.
func appendHeaderRecord(b []byte, salt uint64, hash HeaderHash, header []byte) []byte {
	at := len(b)
	r := record{kind: kindHeader, salt: salt, payload: int64(longVoidHead + len(header))}
	b = r.begin(b, headerSize)
	b = seal(append(b, hash[:]...), at)
	b = append(appendLongVoid(b, len(header)), header...)
	invert(b[len(b)-len(header):])
	return b
}

// invert turns all bits over: a header as it is would be found by players that
// look into Voids for where a stream begins, such as ffmpeg, and its tracks shown
// once more.
func invert(b []byte) {
	for i := range b {
		b[i] ^= 0xff
	}
}

// appendStart appends all that stands in a file before its first fragment, and
// sets h.first.
func (h *fileHeader) appendStart(b []byte, hash HeaderHash, header []byte) []byte {
	h.first = startSize(header)
	b = h.append(b)
	for range headerCopies {
		b = appendHeaderRecord(b, h.salt, hash, header)
	}
	return append(b, playable(header)...)
}

// startSize is how much stands in a file before its first fragment.
func startSize(header []byte) int64 {
	return preambleSize + headerCopies*int64(headerSize+longVoidHead+len(header)) + int64(len(playable(header)))
}

// readHeader reads the stream's header from the copy that is intact.
func readHeader(r io.ReaderAt, salt uint64) (HeaderHash, []byte, error) {
	off := preambleSize
	for range headerCopies {
		rec, hash, err := readHeaderRecord(r, salt, off)
		if err != nil {
			// The other copy is as long as this one, and stands where the
			// lengths of this one say if they can be believed. Else it is found
			// by its salt.
			off, err = searchRecord(r, salt, off+1, preambleSize+2*(MaxHeader+headerSize+longVoidHead))
			if err != nil {
				return HeaderHash{}, nil, err
			}
			continue
		}
		header := make([]byte, rec.payload-longVoidHead)
		if _, err := r.ReadAt(header, off+headerSize+longVoidHead); err != nil && !errors.Is(err, io.EOF) {
			return HeaderHash{}, nil, fmt.Errorf("read header: %w", err)
		}
		invert(header)
		if sha256.Sum256(header) == hash {
			return hash, header, nil
		}
		off += headerSize + rec.payload
	}
	return HeaderHash{}, nil, damaged("header")
}

// readHeaderHash reads what the header's hash is, from the copy whose record is
// intact.
func readHeaderHash(r io.ReaderAt, salt uint64) (HeaderHash, error) {
	_, hash, err := readHeaderRecord(r, salt, preambleSize)
	if !errors.Is(err, ErrDamaged) {
		return hash, err
	}
	hash, _, err = readHeader(r, salt)
	return hash, err
}

func readHeaderRecord(r io.ReaderAt, salt uint64, off int64) (record, HeaderHash, error) {
	var b [headerSize]byte
	if _, err := r.ReadAt(b[:], off); err != nil {
		if errors.Is(err, io.EOF) {
			err = damaged("header")
		}
		return record{}, HeaderHash{}, err
	}
	rec, body, err := parseRecord(b[:], salt)
	if err != nil {
		return record{}, HeaderHash{}, err
	}
	if rec.kind != kindHeader {
		return record{}, HeaderHash{}, damaged("header")
	}
	return rec, HeaderHash(body), nil
}
