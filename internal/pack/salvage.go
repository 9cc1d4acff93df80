package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/millrace/millrace"
)

// Salvage finds the salt of a pack, both copies of whose file header are lost,
// from its first record. If that is lost too, it is millrace.ErrCorrupt.
func Salvage(r io.ReaderAt) (salt uint64, err error) {
	var b [RecordHeaderSize]byte
	if err := ReadFull(r, b[:], FileHeaderSize); err != nil {
		return 0, err
	}
	salt = binary.LittleEndian.Uint64(b[8:])
	_, err = ParseRecord(b[:], salt)
	return salt, err
}

// NeverSynced reports whether a file without a readable header looks like one
// whose first write never became durable: what there is of the header is a
// beginning of it, and no record says that anything was durable before it.
func NeverSynced(r io.ReaderAt, size int64) (bool, error) {
	for _, at := range []int64{0, headerCopyAt} {
		if torn, err := tornHeader(r, at); err != nil || !torn {
			return false, err
		}
	}
	buf := make([]byte, searchStep+RecordHeaderSize)
	for at := int64(FileHeaderSize); at+RecordHeaderSize <= size; at += searchStep {
		n, err := r.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if anySynced(buf[:n]) {
			return false, nil
		}
	}
	return true, nil
}

// anySynced looks for a record that was not in the first batch of its pack.
func anySynced(b []byte) bool {
	for ; len(b) >= RecordHeaderSize; b = b[Align:] {
		if string(b[:4]) != recordMagic {
			continue
		}
		rec, err := ParseRecord(b, binary.LittleEndian.Uint64(b[8:]))
		if err == nil && rec.Synced > 0 {
			return true
		}
	}
	return false
}

// tornHeader reports whether a copy of the file header is cut off or has lost
// its end.
func tornHeader(r io.ReaderAt, at int64) (bool, error) {
	var b [headerCopySize]byte
	err := ReadFull(r, b[:], at)
	if errors.Is(err, millrace.ErrCorrupt) {
		return true, nil // the file ends before
	}
	written := bytes.TrimRight(b[:], "\x00")
	known := min(len(written), len(fileMagic))
	return string(written[:known]) == fileMagic[:known], err
}
