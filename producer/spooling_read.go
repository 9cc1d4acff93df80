package producer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/producer/spool"
)

// maxReadFaults is how often a fragment that the disk does not give back is
// tried before it is given up.
const maxReadFaults = 3

// readSpooled reads what lies behind the cursor of a fragment that is on the disk
// alone, and moves the cursor behind it. Once it has returned, f.headEnd and
// f.clusterEnd are right as far as the cursor has come. It returns io.EOF at the
// end. A fragment whose bytes are not what was written is given up, and the error
// is errGone: what was sent of it must not be ended in good order. The caller does
// not hold the mutex, and calls c.close when it is done with the cursor.
func (s *Stream) readSpooled(ctx context.Context, f *fragment, c *cursor, buf []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.readBack(f, c, buf)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.back != nil {
		c.back.note(f)
	}
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case f.settled:
		return 0, errGone
	}
	f.faults++
	if errors.Is(err, spool.ErrDamaged) || f.faults >= maxReadFaults {
		d := Dropped{Reason: DropDamaged}
		s.giveUp(f, &d)
		s.dropped(d)
		return 0, fmt.Errorf("%w: %w", errGone, err)
	}
	return 0, err
}

func (s *Stream) readBack(f *fragment, c *cursor, buf []byte) (int, error) {
	if c.back == nil {
		r, err := s.spooling.disk.Reader(f.ref)
		if err != nil {
			return 0, fmt.Errorf("read spool: %w", err)
		}
		c.back = &readBack{from: r, timecode: f.timecode}
	}
	for c.back.at < c.at { // some of it was sent from memory
		if _, err := c.back.read(buf[:min(int64(len(buf)), c.at-c.back.at)]); err != nil {
			c.close()
			return 0, fmt.Errorf("read spool: %w", err)
		}
	}
	n, err := c.back.read(buf)
	if err != nil && !errors.Is(err, io.EOF) {
		c.close()
		return 0, fmt.Errorf("read spool: %w", err)
	}
	c.at += int64(n)
	return n, err
}

// close lets go what reading back took.
func (c *cursor) close() {
	if c.back != nil {
		_ = c.back.from.Close() // it never fails
		c.back = nil
	}
}

// A readBack makes a fragment's bytes of what the spool has: leading Tags, the
// Cluster's head, its blocks, and Tags behind it.
type readBack struct {
	from     *spool.Reader
	timecode uint64
	at       int64  // bytes that were read
	head     []byte // what comes before the rest of the piece
	left     int64  // of the piece that from is at

	headEnd int64 // where the head ends; 0 before that is known
	tail    int64 // where the Cluster ends; 0 before that is known
}

// read fills buf as far as there is something, and returns io.EOF behind the end.
func (r *readBack) read(buf []byte) (int, error) {
	n := 0
	for n < len(buf) {
		switch {
		case len(r.head) > 0:
			k := copy(buf[n:], r.head)
			r.head = r.head[k:]
			n += k
			r.at += int64(k)
		case r.left > 0:
			k, err := r.from.Read(buf[n:min(int64(len(buf)), int64(n)+r.left)])
			n += k
			r.at += int64(k)
			r.left -= int64(k)
			if err != nil {
				return n, noEOF(err)
			}
		default:
			if err := r.next(); err != nil {
				if errors.Is(err, io.EOF) && n > 0 {
					err = nil
				}
				return n, err
			}
		}
	}
	return n, nil
}

// next goes on to the next piece.
func (r *readBack) next() error {
	piece, size, err := r.from.Next()
	if err != nil {
		if errors.Is(err, io.EOF) && r.tail == 0 {
			r.tail = r.at
		}
		return err
	}
	r.left = size
	if r.headEnd == 0 && (!piece.Element || piece.Trailing) {
		r.head = spoolHead(r.timecode)
		r.headEnd = r.at + spoolHeadSize
	}
	if piece.Trailing && r.tail == 0 {
		r.tail = r.at + int64(len(r.head))
	}
	return nil
}

// note sets the offsets of f that are known by now.
func (r *readBack) note(f *fragment) {
	if r.headEnd > 0 {
		f.headEnd, f.clusterStart = r.headEnd, r.headEnd-spoolHeadSize
	}
	if r.tail > 0 {
		f.clusterEnd = r.tail
	}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
