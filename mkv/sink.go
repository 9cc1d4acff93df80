package mkv

import (
	"fmt"
	"io"
)

// scratchSize is enough for the head of any block and the start of any Cluster.
const scratchSize = 64

// sink counts what a writer has written and keeps its first error.
type sink struct {
	w   io.Writer
	n   int64
	err error
}

// Offset returns how many bytes have been written.
func (s *sink) Offset() int64 { return s.n }

// check returns the kept error, or ErrOrder for a call out of order.
func (s *sink) check(action string, inOrder bool) error {
	if s.err != nil {
		return s.err
	}
	if !inOrder {
		return fmt.Errorf("%s: %w", action, ErrOrder)
	}
	return nil
}

func (s *sink) write(action string, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	n, err := s.w.Write(b)
	s.n += int64(n)
	return s.keep(action, err)
}

// keep wraps and remembers an error of the underlying writer.
func (s *sink) keep(action string, err error) error {
	if err != nil {
		s.err = fmt.Errorf("%s: %w", action, err)
	}
	return s.err
}
