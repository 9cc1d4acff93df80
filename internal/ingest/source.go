package ingest

import (
	"time"

	"github.com/millrace/millrace/mkv"
)

// largeElement is how much of an element may have come before it counts as
// memory of its fragment, in bytes.
const largeElement = 64 << 10

// A source is the body as its reader reads it.
type source struct {
	*sink
	reader  *mkv.Reader
	reading bool // something was waited for before
}

func newReader(to *sink, o mkv.ReaderOptions) *mkv.Reader {
	s := &source{sink: to}
	s.reader = mkv.NewReader(s, o)
	return s.reader
}

// Read reads the body and notes since when it waits. Nothing is read while
// there is no memory for what has come of a large element.
func (s *source) Read(p []byte) (int, error) {
	if n := s.reader.Buffered(); n > largeElement && s.open != nil {
		if err := s.open.Reserve(s.ctx, n); err != nil {
			return 0, err
		}
	}
	if s.reading { // the first wait began with the session
		s.lastRead.Store(int64(time.Since(s.began)))
		s.waiting.Store(true)
	}
	s.reading = true
	defer s.waiting.Store(false)
	return s.conn.Body().Read(p)
}
