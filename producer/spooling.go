package producer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer/spool"
)

// A spooling is the disk's part in a stream's buffer. A frame is in the spool
// before it is in memory, so that a process that is killed loses nothing that
// Write took; at a power cut the fragments that were not synced yet are lost,
// which are those of about the last second. What is settled is journaled in the
// background: a crash before that has a fragment sent again, which the server
// knows by its identity.
type spooling struct {
	disk    *spool.Spool  // nil if the stream has none
	turn    chan struct{} // of one; in it while somebody writes
	writing *fragment     // open on the disk; whoever has the turn may touch it
	closed  bool          // likewise
	pieces  [][]byte      // memory for spoolAdd, which the goroutine that writes has for itself

	// The stream's mutex guards these.
	fault   error         // why the disk takes nothing; nil while it does
	mended  int           // fragments in a row that it took since
	settled []settlement  // not journaled yet
	journal chan struct{} // of one; tells the journal's goroutine that there are some
}

// How far a fragment is on the disk.
type spoolState uint8

const (
	unspooled spoolState = iota // nothing of it
	spoolOpen                   // as far as it has come
	spooled                     // all of it
	spoolCut                    // some of it, and no more will be
)

// A mark is a piece of a fragment that the disk has not got yet.
type mark struct {
	size int64
	as   spool.Frame
	head bool // the Cluster's head, which the spool writes itself
}

// spoolHead is the Cluster's head as the spool has it: the size is unknown, and
// the Timecode has eight bytes.
func spoolHead(timecode uint64) []byte {
	b := mkv.AppendUnknownSize(mkv.AppendID(make([]byte, 0, spoolHeadSize), mkv.IDCluster), 8)
	return mkv.AppendBytes(b, mkv.IDTimecode, []byte{
		byte(timecode >> 56), byte(timecode >> 48), byte(timecode >> 40), byte(timecode >> 32),
		byte(timecode >> 24), byte(timecode >> 16), byte(timecode >> 8), byte(timecode),
	})
}

const spoolHeadSize = 4 + 8 + 10

// spoolWell is how many fragments in a row a disk has to take before it counts as
// well again: into the last of its room small ones fit, and large ones do not.
const spoolWell = 8

// openSpool opens the stream's spool and queues what it has.
func (s *Stream) openSpool(dir string) error {
	if dir == "" {
		return errNoSpool
	}
	d, err := spool.Open(spool.Options{
		Dir:      filepath.Join(dir, spoolName(s.name)),
		MaxBytes: s.config.Buffer.SpoolBytes,
		Report:   s.spoolProblem,
	})
	if err != nil {
		return fmt.Errorf("open spool of stream %s: %w", s.name, err)
	}
	p := &s.spooling
	p.disk, p.turn, p.journal = d, make(chan struct{}, 1), make(chan struct{}, 1)
	if err := s.recover(d); err != nil {
		return errors.Join(fmt.Errorf("read spool of stream %s: %w", s.name, err), d.Close())
	}
	return nil
}

// spoolProblem is told of what goes wrong in the background.
func (s *Stream) spoolProblem(p spool.Problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice(fmt.Errorf("spool of stream %s: %s: %w", s.name, p.File, p.Err))
}

// spoolFrame writes a piece of the open fragment to the disk, and before it what
// the disk has not got yet. It waits, drops and fails as the stream's policy
// says where the spool's bound is met, and returns errOmit for what is to be
// left out. If the disk fails, media are kept in memory, and it is tried again
// with the next fragment. The mutex is held, but let go meanwhile.
func (s *Stream) spoolFrame(ctx context.Context, f *fragment, as spool.Frame, pieces ...[]byte) error {
	if f.held || f.spool == spoolCut || f.spool == unspooled && (f.tried || !s.spills(time.Now())) {
		return nil
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	s.spooling.turn <- struct{}{}
	defer func() { <-s.spooling.turn }()
	if s.spooling.closed {
		return ErrClosed
	}
	for {
		err := s.spoolUpTo(f)
		if err == nil {
			err = s.spooling.append(as, pieces...)
		}
		if again, err := s.spoolFailed(ctx, f, err); !again {
			return err
		}
	}
}

// spoolAdd writes a frame of the open fragment to the disk, and returns the
// fragment if the frame is to be kept: whoever adds it to memory notes it there.
func (s *Stream) spoolAdd(ctx context.Context, f *fragment, frame frameInfo, n int64, head, data []byte) (*fragment, error) {
	as := frame.spooled(f)
	pieces := append(s.spooling.pieces[:0], head, data)
	err := s.spoolFrame(ctx, f, as, pieces...)
	clear(pieces)
	s.spooling.pieces = pieces
	switch {
	case errors.Is(err, errOmit):
		s.cut(f)
		s.omit(DropFull, frame, n)
		return nil, nil
	case err != nil:
		return nil, err
	case s.open != f:
		return nil, cmp.Or(s.state(ctx), ErrClosed)
	case f.settled: // the server refused it meanwhile
		s.omit(DropFull, frame, n)
		return nil, nil
	}
	return f, nil
}

// spoolTags is spoolAdd for what stands behind the Cluster.
func (s *Stream) spoolTags(ctx context.Context, f *fragment, raw ...[]byte) error {
	if s.spooling.disk == nil {
		return nil
	}
	if err := s.spoolFrame(ctx, f, spool.Frame{Trailing: true}, raw...); err != nil && !errors.Is(err, errOmit) {
		return err
	}
	return nil
}

// note marks a piece that was added to memory and may not be on the disk. There
// are marks for what is in memory, and for nothing else.
func (s *Stream) note(f *fragment, as spool.Frame, n int64) {
	if s.spooling.disk != nil && f.spool == unspooled {
		f.marks = append(f.marks, mark{size: n, as: as})
	}
}

// spills reports whether a fragment that the disk has nothing of is to be written
// to it.
func (s *Stream) spills(now time.Time) bool {
	after := s.config.Buffer.SpillAfter
	return after <= 0 || s.queue.bytes > s.config.Buffer.MaxBytes/2 || s.behind(now) > after
}

func (p *spooling) append(as spool.Frame, pieces ...[]byte) error {
	if len(pieces) == 0 {
		return nil
	}
	return p.disk.Append(as, pieces...)
}

// spoolUpTo brings the disk up to date with memory: fragments that waited behind
// a gate, or that came while the disk failed, up to f as far as it has come. The
// caller has the turn.
func (s *Stream) spoolUpTo(f *fragment) error {
	if s.spooling.writing == f {
		return nil
	}
	for {
		if err := s.spoolEnd(); err != nil {
			return err
		}
		s.mu.Lock()
		next := s.firstUnspooled(f)
		s.mu.Unlock()
		if next == nil {
			return nil
		}
		if err := s.spoolWhole(next); err != nil || next == f {
			return err
		}
	}
}

// firstUnspooled returns the first of the fragments up to f of which nothing is
// on the disk and nothing younger is.
func (s *Stream) firstUnspooled(f *fragment) *fragment {
	var first *fragment
	for ; f != nil && f.spool == unspooled; f = f.prev {
		first = f
	}
	return first
}

// spoolWhole writes what there is of a fragment.
func (s *Stream) spoolWhole(f *fragment) error {
	s.mu.Lock()
	if f.settled || f.body == nil {
		f.spool = spoolCut
		s.mu.Unlock()
		return nil
	}
	s.pin(f)
	pieces, _ := f.take(&cursor{}, nil, int(f.size))
	marks := f.marks
	head := s.spoolHeadOf(f)
	s.mu.Unlock()

	ref, err := s.spooling.disk.Begin(head)
	if err == nil {
		s.spooling.writing = f
		err = s.spoolMarks(pieces, marks)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		f.ref, f.spool, f.marks = ref, spoolOpen, nil
		if f.settled {
			s.journal(f, spool.Dropped)
		}
	} else if ref != 0 {
		s.spooling.disk.Cut() // what was begun is begun again, or kept in memory
		s.spooling.writing = nil
		s.spooling.settled = append(s.spooling.settled, settlement{ref, spool.Dropped})
	}
	if errors.Is(err, spool.ErrTooLarge) || errors.Is(err, millrace.ErrInvalid) {
		f.spool = spoolCut // the disk will never have it
	}
	s.unpin(f)
	return err
}

func (s *Stream) spoolHeadOf(f *fragment) spool.Head {
	h := spool.Head{
		Identity: f.identity, Header: f.header.bytes, Timecode: f.timecode, Scale: f.scale,
		Start: s.mediaTime(f.first),
	}
	if f.header.relative {
		h.Origin = f.header.start
	}
	return h
}

// spoolMarks appends marked pieces one by one.
func (s *Stream) spoolMarks(pieces [][]byte, marks []mark) error {
	for _, m := range marks {
		var batch [][]byte
		for left := m.size; left > 0; {
			n := min(left, int64(len(pieces[0])))
			batch = append(batch, pieces[0][:n])
			if pieces[0] = pieces[0][n:]; len(pieces[0]) == 0 {
				pieces = pieces[1:]
			}
			left -= n
		}
		if m.head {
			continue
		}
		if err := s.spooling.append(m.as, batch...); err != nil {
			return err
		}
	}
	return nil
}

// spoolEnd ends the fragment that is open on the disk. The caller has the turn.
func (s *Stream) spoolEnd() error {
	f := s.spooling.writing
	if f == nil {
		return nil
	}
	err := s.spooling.disk.End()
	if err != nil {
		s.spooling.disk.Cut()
	}
	s.spooling.writing = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	f.spool = spooled
	if err != nil {
		f.spool = spoolCut
	} else if s.spooling.mended++; s.spooling.mended >= spoolWell {
		s.spooling.fault = nil
	}
	s.evict(f)
	return err
}

// spoolSealed ends on the disk what is no longer the open fragment. The mutex is
// held, but let go meanwhile.
func (s *Stream) spoolSealed() {
	if s.spooling.disk == nil {
		return
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	s.spooling.turn <- struct{}{}
	defer func() { <-s.spooling.turn }()
	if s.spooling.closed {
		return
	}
	if err := s.spoolEnd(); err != nil {
		s.mu.Lock()
		s.spoolFault(err)
		s.mu.Unlock()
	}
}

// evict lets the memory of a fragment go that the disk has all of, unless a
// connection is in the midst of it.
func (s *Stream) evict(f *fragment) {
	if f.spool != spooled || f.body == nil || f.pins > 0 || f.settled || f.sent > 0 && f.unsent() {
		return
	}
	s.queue.bytes -= f.size
	s.buffer.free(f)
}

// evictAll is evict for all fragments.
func (s *Stream) evictAll() {
	for f := s.queue.first; f != nil && s.queue.bytes > 0; f = f.next {
		s.evict(f)
	}
}
