package pack

import (
	"errors"
	"io"

	"github.com/millrace/millrace"
)

// searchStep is how many bytes a Scanner reads at once while it looks for the
// next record behind damage.
const searchStep = 1 << 16

// A Scanner walks over the records of a pack by their fixed headers, without
// reading bodies. Behind a damaged header it goes on with the next record that
// it finds.
type Scanner struct {
	r      io.ReaderAt
	salt   uint64
	size   int64
	next   int64
	offset int64
	record Record
	gap    int64
	err    error
}

// NewScanner scans the records of a pack that is size bytes long.
func NewScanner(r io.ReaderAt, salt uint64, size int64) *Scanner {
	return &Scanner{r: r, salt: salt, size: size, next: FileHeaderSize}
}

// Next goes to the next record. It returns false at the end of the file, and
// when the file cannot be read, which Err tells.
func (s *Scanner) Next() bool {
	if s.err != nil {
		return false
	}
	start := s.next
	s.offset = start
	for s.offset+RecordHeaderSize <= s.size {
		rec, err := ReadRecord(s.r, s.offset, s.salt)
		if err == nil && s.offset+rec.BodyOffset()+int64(rec.Stored) <= s.size {
			s.record, s.gap = rec, s.offset-start
			s.next = s.offset + rec.Size()
			return true
		}
		if err != nil && !errors.Is(err, millrace.ErrCorrupt) {
			s.err = err
			return false
		}
		if !s.search(s.offset + Align) {
			break
		}
	}
	s.gap = max(0, s.size-start)
	return false
}

// search moves offset to the next place from at on where a record seems to
// start.
func (s *Scanner) search(at int64) bool {
	buf := make([]byte, searchStep+RecordHeaderSize)
	for at+RecordHeaderSize <= s.size {
		n, err := s.r.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) {
			s.err = err
			return false
		}
		for i := 0; i+RecordHeaderSize <= n; i += Align {
			if maybeRecord(buf[i:n], s.salt) {
				s.offset = at + int64(i)
				return true
			}
		}
		at += searchStep
	}
	s.offset = s.size
	return false
}

// Record is the record that Next went to.
func (s *Scanner) Record() *Record { return &s.record }

// Offset is where that record starts.
func (s *Scanner) Offset() int64 { return s.offset }

// Gap is how many unreadable bytes lie right before that record, and after
// Next has returned false, at the end of the file.
func (s *Scanner) Gap() int64 { return s.gap }

// Err is the error that ended the scan, nil at the end of the file.
func (s *Scanner) Err() error { return s.err }
