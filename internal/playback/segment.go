package playback

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/ts"
)

// A Segment is what a player loads, to be read once or in parts. It refers to
// memory that others may be reading too, and must be closed. One goroutine reads
// it.
type Segment struct {
	Sound  bool   // it has sound alone
	Cached bool   // it was there, and not packaged for this reader
	ETag   string // changes whenever the bytes do, with its quotes

	cache  *segmentCache
	media  *cachedMedia
	parts  [][]byte
	size   int64
	offset int64
	part   int    // of parts, in which reading went on last
	before int64  // bytes of the parts before that one
	clock  int64  // of a transport stream, what is added to its times
	packet []byte // of a transport stream, the part that is being read, with that added
	closed bool

	progress atomic.Int64 // when something was taken last, in nanoseconds of Unix time

	mu     sync.Mutex // guards what follows
	broken bool
	stop   func()
}

var _ io.ReadSeekCloser = (*Segment)(nil)

// errBroken says that a reader was too slow while memory was short.
var errBroken = errors.New("the reader was broken off")

func (s *Segment) finish(key mediaKey, track int, e *hls.Entry, parts ...[]byte) {
	s.parts = parts
	for _, p := range parts {
		s.size += int64(len(p))
	}
	at := s.clock
	if !key.ts {
		at = e.MediaTime(track)
	}
	s.ETag = fmt.Sprintf(`"%s-%d-%d-%d-%d-%d"`, e.Number, track, e.Sequence, at, e.Duration(track), s.size)
}

// Size is the length in bytes.
func (s *Segment) Size() int64 { return s.size }

// Read implements io.Reader.
func (s *Segment) Read(b []byte) (int, error) {
	s.note()
	if s.isBroken() {
		return 0, errBroken
	}
	if s.offset >= s.size {
		return 0, io.EOF
	}
	n := 0
	if s.media.key.ts {
		n = s.readPackets(b)
	} else {
		n = s.readParts(b)
	}
	s.offset += int64(n)
	return n, nil
}

// readParts copies what lies at the offset. It goes on where it ended before: there
// may be hundreds of thousands of parts.
func (s *Segment) readParts(b []byte) (n int) {
	if s.offset < s.before {
		s.part, s.before = 0, 0
	}
	for at := s.offset; s.part < len(s.parts); s.part++ {
		p := s.parts[s.part]
		if from := at - s.before; from < int64(len(p)) {
			m := copy(b[n:], p[from:])
			n, at = n+m, at+int64(m)
			if n == len(b) {
				break
			}
		}
		s.before += int64(len(p))
	}
	return n
}

// packetsAtOnce is how much of a transport stream is read at once, in bytes.
const packetsAtOnce = 188 * 174 // a little less than what is copied at once

// readPackets copies packets from the offset, with their times set.
func (s *Segment) readPackets(b []byte) int {
	all := s.parts[0]
	from := s.offset - s.offset%188
	to := min(from+packetsAtOnce, int64(len(all)))
	s.packet = ts.Rebase(s.packet[:0], all[from:to], s.clock)
	return copy(b, s.packet[s.offset-from:])
}

// Seek implements io.Seeker.
func (s *Segment) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.offset
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	s.offset = offset
	return offset, nil
}

// OnBreak says what ends a write that waits for the reader's client, for when
// memory is short and the client takes nothing. It may be called by any goroutine
// and must return at once.
func (s *Segment) OnBreak(stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = stop
}

// Close lets go of the memory.
func (s *Segment) Close() error {
	if !s.closed {
		s.closed = true
		s.OnBreak(nil)
		s.cache.leave(s)
	}
	return nil
}

func (s *Segment) note() { s.progress.Store(time.Now().UnixNano()) }

// idle is for how long nothing was taken.
func (s *Segment) idle() time.Duration { return time.Since(time.Unix(0, s.progress.Load())) }

func (s *Segment) isBroken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

func (s *Segment) breakOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = true
	if s.stop != nil {
		s.stop()
	}
}
