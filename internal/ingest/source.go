package ingest

import (
	"time"

	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/mkv"
)

// largeElement is the size of an element, in bytes, for which all the memory
// that it will take is waited for before it is collected: sessions that each
// have a part of theirs would wait for one another.
const largeElement = 64 << 10

// heldStep is in what steps the memory of headers and tables is counted, in
// bytes. What is below one step is part of what every session costs.
const heldStep = 16 << 10

// A source is the body as its reader reads it, and the session's memory as the
// reader takes it. What is not there is waited for, and the body is not read
// meanwhile.
type source struct {
	*sink
	reading bool // something was waited for before
	large   bool // memory is reserved for a large element
	held    int  // bytes that count for the assembler
}

var _ mkv.Memory = (*source)(nil)

// Read reads the body and notes since when it waits. What comes faster than it
// may waits in the socket; a session that is to end does not wait.
func (s *source) Read(p []byte) (n int, err error) {
	_ = s.bytes.Wait(s.ctx) // then the read says so
	defer func() { s.bytes.Pass(n) }()
	if s.reading { // the first wait began with the session
		s.lastRead.Store(int64(time.Since(s.began)))
		s.waiting.Store(true)
	}
	s.reading = true
	defer s.waiting.Store(false)
	n, err = s.conn.Body().Read(p)
	s.read += int64(n)
	return n, err
}

// Take implements mkv.Memory.
func (s *source) Take(n, size int) error {
	if size > largeElement && !s.large {
		// The buffer, the smaller one before it, and the fragment.
		if err := s.memory.Reserve(s.ctx, 2*size+size/2); err != nil {
			return err
		}
		s.large = true
	}
	return s.memory.Take(s.ctx, n)
}

// Give implements mkv.Memory.
func (s *source) Give(n int) {
	s.memory.Free(n)
	if !s.large {
		s.memory.Trim()
	}
}

// Short implements mkv.Memory.
func (s *source) Short() bool { return s.memory.Short() }

// count counts what the assembler holds, behind each element.
func (s *source) count(a *fragment.Assembler) error {
	held := a.Held() / heldStep * heldStep
	if held == s.held && !s.large {
		return nil
	}
	s.large = false
	if more := held - s.held; more > 0 {
		if err := s.memory.Take(s.ctx, more); err != nil {
			return err
		}
	} else {
		s.memory.Free(-more)
	}
	s.held = held
	s.memory.Trim()
	return nil
}
