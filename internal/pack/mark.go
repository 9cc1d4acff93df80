package pack

import (
	"fmt"
	"io"
	"slices"
)

// A Mark is the one byte of a record that changes after it was written.
type Mark uint8

// The marks. They differ in every bit, so that no single flip turns one into
// the other. Any other value is damage; such a record counts as live.
const (
	MarkLive    Mark = 0x00
	MarkDeleted Mark = 0xff
)

const (
	markOffset = 6 // of the mark in a record

	// marksOffset is where the byte that says that a pack has marks stands
	// behind each copy of the file header.
	marksOffset = headerCopySize
)

// WriteHasMarks says in both places that records of the pack may be marked. It
// must be durable before the first mark is.
func WriteHasMarks(w io.WriterAt) error {
	for _, at := range [...]int64{marksOffset, headerCopyAt + marksOffset} {
		if _, err := w.WriteAt([]byte{byte(MarkDeleted)}, at); err != nil {
			return fmt.Errorf("write that there are marks: %w", err)
		}
	}
	return nil
}

// HasMarks reports whether records of a pack may be marked. Where one of the
// two bytes is damaged or cannot be read it says yes, which costs a look at the
// marks.
func HasMarks(r io.ReaderAt) bool {
	for _, at := range [...]int64{marksOffset, headerCopyAt + marksOffset} {
		var b [1]byte
		if err := ReadFull(r, b[:], at); err != nil || b[0] != 0 {
			return true
		}
	}
	return false
}

// WriteMark marks the record at off as deleted, without touching anything that
// a checksum covers.
func WriteMark(w io.WriterAt, off int64) error {
	if _, err := w.WriteAt([]byte{byte(MarkDeleted)}, off+markOffset); err != nil {
		return fmt.Errorf("write mark: %w", err)
	}
	return nil
}

// ReadMark reads the mark of the record at off, and nothing else of it. A file
// that ends before is millrace.ErrCorrupt.
func ReadMark(r io.ReaderAt, off int64) (Mark, error) {
	var b [1]byte
	if err := ReadFull(r, b[:], off+markOffset); err != nil {
		return MarkLive, fmt.Errorf("read mark: %w", err)
	}
	return Mark(b[0]), nil
}

// DropMarked takes the entries of marked records out of the footer of a pack.
// A mark that cannot be read counts as none: what is wrong there comes out when
// the fragment is read.
func (f *Footer) DropMarked(r io.ReaderAt) {
	if !HasMarks(r) {
		return
	}
	f.Entries = slices.DeleteFunc(f.Entries, func(e Entry) bool {
		mark, err := ReadMark(r, e.Offset)
		return err == nil && mark == MarkDeleted
	})
}
