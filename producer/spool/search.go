package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// searchRecord returns the offset, from off up to limit, of the next intact
// record of the file with this salt, wherever it begins. If there is none, the
// error is ErrDamaged. Because nobody else knows the salt, what a stream holds is
// never taken for a record.
func searchRecord(r io.ReaderAt, salt uint64, off, limit int64) (int64, error) {
	var mark [12]byte // what stands at 4 in a record
	copy(mark[:], recordMagic)
	binary.LittleEndian.PutUint64(mark[4:], salt)

	const overlap = 4 + len(mark)
	window := make([]byte, chunkSize)
	for off < limit {
		n, err := r.ReadAt(window, off)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		for at := 4; at < n; {
			i := bytes.Index(window[at:n], mark[:])
			if i < 0 {
				break
			}
			at += i
			if _, _, err := readRecord(r, salt, off+int64(at-4), nil); err == nil {
				return off + int64(at-4), nil
			}
			at++
		}
		if err != nil || n <= overlap {
			break
		}
		off += int64(n - overlap)
	}
	return 0, damaged("no record")
}

// readRecord reads the record at off, into b if that has the room. What is short
// or not intact is ErrDamaged.
func readRecord(r io.ReaderAt, salt uint64, off int64, b []byte) (record, []byte, error) {
	if cap(b) < recordRoom {
		b = make([]byte, recordRoom)
	}
	if err := readFull(r, b[:commonSize], off); err != nil {
		return record{}, nil, err
	}
	size, ok := recordLength(b[:commonSize], salt)
	if !ok {
		return record{}, nil, damaged("record")
	}
	if cap(b) < size {
		b = make([]byte, size)
	}
	if err := readFull(r, b[:size], off); err != nil {
		return record{}, nil, err
	}
	return parseRecord(b[:size], salt)
}

// readFull reads all of b. A file that ends before is ErrDamaged.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return damaged("end of file")
	}
	return err
}
