package pack

import (
	"bytes"
	"fmt"
	"io"

	"github.com/millrace/millrace"
)

// A Flaw is a part of a pack that is not as it was written. Err is
// millrace.ErrCorrupt or what the reader said.
type Flaw struct {
	Offset, Length int64
	Err            error
}

// CheckFileHeader checks all that stands before the first record of the pack
// with that number: both copies of the file header, the bytes that say whether
// there are marks, and that all others are zero. known is false if neither
// copy is intact.
func CheckFileHeader(r io.ReaderAt, number uint64) (h FileHeader, known bool, flaws []Flaw) {
	for _, at := range [...]int64{headerCopyAt, 0} {
		got, err := readHeaderCopy(r, at)
		switch {
		case err == nil && got.Pack != number:
			err = corrupt("file header of another pack")
		case err == nil && known && got != h:
			err = corrupt("copies of the file header differ")
		}
		if err != nil {
			flaws = append(flaws, Flaw{at, headerCopySize, err})
		} else {
			h, known = got, true
		}
		flaws = append(flaws, checkBehindCopy(r, at)...)
	}
	return h, known, flaws
}

func checkBehindCopy(r io.ReaderAt, at int64) (flaws []Flaw) {
	var marks [1]byte
	if err := ReadFull(r, marks[:], at+marksOffset); err != nil {
		return []Flaw{{at + marksOffset, 1, err}}
	}
	if m := Mark(marks[0]); m != MarkLive && m != MarkDeleted {
		flaws = append(flaws, Flaw{at + marksOffset, 1, corrupt("whether there are marks")})
	}
	rest := at + marksOffset + 1
	if err := checkZero(r, rest, at+headerCopyAt-rest); err != nil {
		flaws = append(flaws, Flaw{rest, at + headerCopyAt - rest, err})
	}
	return flaws
}

// checkZero says what is wrong if n bytes from off are not all there and zero.
func checkZero(r io.ReaderAt, off, n int64) error {
	b := make([]byte, n)
	if err := ReadFull(r, b, off); err != nil {
		return err
	}
	if bytes.Count(b, []byte{0}) < len(b) {
		return corrupt("bytes that must be zero")
	}
	return nil
}

// Check reads the whole record at off through buf, which must not be empty,
// and returns all that is wrong with it: the mark, the sample table, the body,
// the padding. Of a record that is marked the body is not looked at: it may be
// a hole, and nobody reads it.
func (r *Record) Check(in io.ReaderAt, off int64, buf []byte) (flaws []Flaw) {
	add := func(at, n int64, err error) {
		if err != nil {
			flaws = append(flaws, Flaw{off + at, n, err})
		}
	}
	add(markOffset, 1, r.checkMark())
	add(RecordHeaderSize, int64(r.Table), r.checkTable(in, off))
	if r.Mark != MarkDeleted {
		add(r.BodyOffset(), int64(r.Stored), r.checkStored(in, off, buf))
	}
	end := r.BodyOffset() + int64(r.Stored)
	add(end, r.Size()-end, checkZero(in, off+end, r.Size()-end))
	return flaws
}

func (r *Record) checkMark() error {
	if r.Mark == MarkLive || r.Mark == MarkDeleted && r.Kind == KindFragment {
		return nil
	}
	return corrupt("mark")
}

func (r *Record) checkTable(in io.ReaderAt, off int64) error {
	table := make([]byte, r.Table)
	if err := ReadFull(in, table, off+RecordHeaderSize); err != nil {
		return err
	}
	_, err := r.samples(table)
	return err
}

// checkStored verifies the body and, of header elements and limits, what it
// means.
func (r *Record) checkStored(in io.ReaderAt, off int64, buf []byte) error {
	crc, err := sectionChecksum(in, off+r.BodyOffset(), int64(r.Stored), buf)
	if err == nil && crc != r.BodyCRC {
		err = corrupt("record body")
	}
	if err != nil {
		return err
	}
	switch r.Kind {
	case KindHeader:
		_, err = ReadHeader(in, off, r.Salt, r.Header)
	case KindLimits:
		_, err = ReadLimits(in, off, r)
	case KindFragment, KindFooter:
	default:
		err = fmt.Errorf("record of kind %d: %w", r.Kind, millrace.ErrCorrupt)
	}
	return err
}
