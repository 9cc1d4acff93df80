package playback

import (
	"context"
	"io"

	"golang.org/x/sync/errgroup"
)

// Media is made ahead of who takes it: by so many at once, in parts of up to so
// many bytes. Larger ones are made one after the other, for memory's sake.
const (
	aheadWork  = 2
	aheadBytes = 4 << 20
)

// writeAhead writes several parts of media from an offset on, while the next ones
// are made. It does nothing, and done is false, where that is not worth it.
func (c *Cursor) writeAhead(ctx context.Context, w io.Writer, from, size int64) (n int64, done bool, err error) {
	s, err := c.layout.find(from)
	if err != nil || !s.media {
		return 0, false, err
	}
	first := s.part(from - s.start)
	end := min(from-s.start+size, s.size) // in the section
	last := first
	for last < s.parts && s.at(last) < end && s.at(last+1)-s.at(last) <= aheadBytes {
		last++
	}
	if last-first < aheadWork {
		return 0, false, nil
	}
	if c.ahead == nil {
		c.ahead = make([]aheadRoom, aheadWork)
	}
	p := &ahead{section: s, from: from - s.start, end: end, rooms: c.ahead}
	if n, err = p.run(ctx, w, first, last); n == min(end, s.at(last))-p.from {
		err = nil // that nobody waits any more for what was written is no failure
	}
	return n, true, err
}

// An aheadRoom is the memory of one that makes parts.
type aheadRoom struct {
	part []byte
	scratch
}

// An ahead is several parts that are written one behind the other.
type ahead struct {
	section   *section
	from, end int64 // of what is written, in the section
	rooms     []aheadRoom
	ready     [aheadWork]chan []byte   // a part that was made
	taken     [aheadWork]chan struct{} // it was written: its memory may be used again
}

// run writes the parts from first until last. Each maker makes every second one,
// hands it over and goes on when it was written. All of them have ended when run
// returns.
func (p *ahead) run(ctx context.Context, w io.Writer, first, last int) (n int64, err error) {
	work, ctx := errgroup.WithContext(ctx)
	for i := range aheadWork {
		p.ready[i], p.taken[i] = make(chan []byte), make(chan struct{})
		work.Go(guarded(func() error { return p.make(ctx, i, first+i, last) }))
	}
	work.Go(guarded(func() (err error) {
		n, err = p.write(ctx, w, first, last)
		return err
	}))
	err = work.Wait()
	return n, err
}

// make makes every second part.
func (p *ahead) make(ctx context.Context, maker, part, last int) error {
	for ; part < last; part += aheadWork {
		b, err := p.fill(ctx, part, &p.rooms[maker])
		if err != nil {
			return err
		}
		if err := hand(ctx, p.ready[maker], b); err != nil {
			return err
		}
		if _, err := take(ctx, p.taken[maker]); err != nil {
			return err
		}
	}
	return nil
}

// write writes the parts in their order.
func (p *ahead) write(ctx context.Context, w io.Writer, first, last int) (n int64, err error) {
	for part := first; part < last; part++ {
		maker := (part - first) % aheadWork
		b, err := take(ctx, p.ready[maker])
		if err != nil {
			return n, err
		}
		m, err := w.Write(p.cut(part, b))
		n += int64(m)
		if err != nil {
			return n, err
		}
		if err := hand(ctx, p.taken[maker], struct{}{}); err != nil {
			return n, err
		}
	}
	return n, nil
}

func hand[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func take[T any](ctx context.Context, from <-chan T) (v T, err error) {
	select {
	case v = <-from:
		return v, nil
	case <-ctx.Done():
		return v, ctx.Err()
	}
}

// fill makes a part.
func (p *ahead) fill(ctx context.Context, part int, room *aheadRoom) ([]byte, error) {
	size := int(p.section.at(part+1) - p.section.at(part))
	if cap(room.part) < size {
		room.part = make([]byte, size)
	}
	b := room.part[:size]
	if size == 0 {
		return b, nil
	}
	return b, p.section.fill(ctx, part, b, &room.scratch)
}

// cut is as much of a part as is wanted.
func (p *ahead) cut(part int, b []byte) []byte {
	at := p.section.at(part)
	return b[max(p.from-at, 0):min(p.end-at, int64(len(b)))]
}
