package playback

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace"
)

// A section is a run of a file's bytes: fixed ones, or parts that are made one by
// one, of which it is known beforehand how long they are.
type section struct {
	start int64  // in the file
	size  int64  // bytes
	fixed []byte // all of it; nil if it is made of parts

	parts int
	at    func(part int) int64 // where a part begins in the section; that of parts is size

	// fill makes a part. dst has the length that the part is known to have. Small
	// parts are made several at a time, media one by one.
	fill  func(ctx context.Context, part int, dst []byte, s *scratch) error
	media bool
}

// scratch is memory that one reader uses again and again.
type scratch struct{ fragment []byte }

// A layout is all of a file, section behind section.
type layout struct {
	sections []section
	size     int64
}

func (l *layout) add(s section) {
	if s.size == 0 {
		return
	}
	s.start = l.size
	l.sections = append(l.sections, s)
	l.size += s.size
}

func (l *layout) addFixed(b []byte) { l.add(section{fixed: b, size: int64(len(b))}) }

// Bounds of what is made ahead of a slow reader, in bytes, and of how many parts
// are made at once.
const (
	batchBytes = 64 << 10
	batchWork  = 4
)

// A Cursor reads a File. It keeps what was made last, so that reading on costs
// little. One goroutine uses it; it need not be closed.
type Cursor struct {
	layout *layout
	start  int64 // of made in the file
	made   []byte
	ahead  []aheadRoom
	room   []byte // what made lies in, if it is not fixed
	scratch
}

// WriteTo writes size bytes of the file from an offset on. What is written was
// verified. An error of w comes as it is; a fragment that has gone meanwhile is
// millrace.ErrNotFound, one that is damaged millrace.ErrCorrupt: what was written
// before is right, and the rest cannot be had.
func (c *Cursor) WriteTo(ctx context.Context, w io.Writer, from, size int64) (n int64, err error) {
	for n < size {
		if m, done, err := c.writeAhead(ctx, w, from+n, size-n); done || err != nil {
			n += m
			if err != nil {
				return n, err
			}
			continue
		}
		b, err := c.load(ctx, from+n)
		if err != nil {
			return n, err
		}
		m, err := w.Write(b[:min(int64(len(b)), size-n)])
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// ReadAt fills p with what is in the file from an offset on. Fewer bytes come with
// io.EOF; other errors are those of WriteTo.
func (c *Cursor) ReadAt(ctx context.Context, p []byte, from int64) (n int, err error) {
	for n < len(p) {
		if from+int64(n) >= c.layout.size {
			return n, io.EOF
		}
		b, err := c.load(ctx, from+int64(n))
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b)
	}
	return n, nil
}

// load returns bytes of the file from an offset on, at least one. They are good
// until the next call.
func (c *Cursor) load(ctx context.Context, from int64) ([]byte, error) {
	if from < c.start || from >= c.start+int64(len(c.made)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := c.make(ctx, from); err != nil {
			c.made = nil
			return nil, err
		}
	}
	return c.made[from-c.start:], nil
}

// find returns the section that has an offset.
func (l *layout) find(from int64) (*section, error) {
	i, found := slices.BinarySearchFunc(l.sections, from, func(s section, at int64) int { return cmp.Compare(s.start, at) })
	if !found {
		i--
	}
	if i < 0 || from >= l.size {
		return nil, fmt.Errorf("read byte %d of %d: %w", from, l.size, millrace.ErrInvalid)
	}
	return &l.sections[i], nil
}

// make makes the part that has an offset, and those behind it while they are small.
func (c *Cursor) make(ctx context.Context, from int64) error {
	s, err := c.layout.find(from)
	if err != nil {
		return err
	}
	if s.fixed != nil {
		c.start, c.made = s.start, s.fixed
		return nil
	}
	first := s.part(from - s.start)
	last := first + 1
	for !s.media && last < s.parts && s.at(last+1)-s.at(first) <= batchBytes {
		last++
	}
	size := int(s.at(last) - s.at(first))
	if cap(c.room) < size {
		c.room = make([]byte, size)
	}
	c.start, c.made = s.start+s.at(first), c.room[:size]
	return s.fillAll(ctx, first, last, c.made, &c.scratch)
}

// part is the last part that begins at or before an offset in the section, and so
// has bytes.
func (s *section) part(offset int64) int {
	low, high := 0, s.parts // at(low) <= offset < at(high)
	for high-low > 1 {
		if mid := low + (high-low)/2; s.at(mid) <= offset {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// fillAll makes the parts from first until last.
func (s *section) fillAll(ctx context.Context, first, last int, dst []byte, room *scratch) error {
	base := s.at(first)
	if last-first == 1 {
		return s.fill(ctx, first, dst, room)
	}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(batchWork)
	for part := first; part < last; part++ {
		piece := dst[s.at(part)-base : s.at(part+1)-base]
		if len(piece) > 0 {
			work.Go(guarded(func() error { return s.fill(ctx, part, piece, nil) }))
		}
	}
	return work.Wait()
}

// whole brings what was made to where it belongs, if appending has put it elsewhere.
// If it is not as long as it was known to be, the fragment is not what it was when
// the file was laid out.
func whole(made, dst []byte) error {
	if len(made) != len(dst) {
		return fmt.Errorf("a part of %d bytes has %d: %w", len(dst), len(made), millrace.ErrCorrupt)
	}
	if len(made) > 0 && &made[0] != &dst[0] {
		copy(dst, made)
	}
	return nil
}
