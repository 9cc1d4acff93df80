package producer

import (
	"context"
	"time"
)

// stallTime is how long ago the last write to a connection may be for the
// fragment in hand to count as one that makes progress.
const stallTime = 15 * time.Second

// onFull is the policy for a full buffer.
func (s *Stream) onFull() FullPolicy {
	switch {
	case s.config.Buffer.OnFull != FullByMode:
		return s.config.Buffer.OnFull
	case s.config.Mode == Offline:
		return FullWait
	}
	return FullDropOldest
}

// sheds reports whether the stream can give memory back that it holds.
func (s *Stream) sheds() bool { return s.onFull() == FullDropOldest || s.config.Buffer.Spool }

// admit makes room for n more bytes, copied of which take memory of the pool,
// as the stream's policy says. It returns false for bytes that are to be left
// out, with an error or without. The mutex is held, but let go while admit waits.
func (s *Stream) admit(ctx context.Context, n, copied int64) (bool, error) {
	if err := s.state(ctx); err != nil {
		return false, err
	}
	if s.config.Buffer.MaxAge > 0 {
		s.expire(time.Now())
	}
	if s.fits(n, copied) || s.makeRoom(n, copied) {
		return true, nil
	}
	switch s.onFull() {
	case FullWait:
		err := s.waitForRoom(ctx, n, copied)
		return err == nil, err
	case FullDropNewest:
		return false, nil
	case FullFail:
		return false, ErrBufferFull
	}
	return true, nil // what is left is in hand of connections, and bounded by one fragment for each
}

// waits reports whether a fragment that begins with n bytes would have to wait
// for room, or behind a gate. The server has to be told then that the one before
// has ended: it learns that from the next one otherwise, and would never make room.
func (s *Stream) waits(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buffer.gate.closed && s.open != nil && !s.open.held {
		return true
	}
	if s.onFull() != FullWait || s.queue.idle() {
		return false
	}
	open := s.open
	s.open = nil // as it will be then
	defer func() { s.open = open }()
	return !s.fits(n, n)
}

// fits reports whether n more bytes may be kept.
func (s *Stream) fits(n, copied int64) bool {
	if s.alone() {
		return true
	}
	if s.queue.bytes+n > s.config.Buffer.MaxBytes {
		return false
	}
	slabs := s.buffer.need(copied)
	return slabs == 0 || s.buffer.pool.allows(&s.buffer.share, slabs)
}

// alone reports whether the open fragment may grow whatever the bounds are. If
// it is the only one it may, or it could never end; and it may begin behind one
// that was sent, because that is how the server learns that the other has ended.
func (s *Stream) alone() bool {
	first, last := s.queue.first, s.queue.last
	switch s.queue.count {
	case 0:
		return true
	case 1:
		return s.open == first
	case 2:
		return s.open == last && last.frames == 0 && !first.unsent()
	}
	return false
}

// makeRoom gives up what may be given up: what a closed gate keeps, memory that
// others hold above their share, and the oldest fragments if that is the policy.
func (s *Stream) makeRoom(n, copied int64) bool {
	for s.discardOldest() {
		if s.fits(n, copied) {
			return true
		}
	}
	s.evictAll()
	if s.queue.bytes+n <= s.config.Buffer.MaxBytes && s.pressOthers() && s.fits(n, copied) {
		return true
	}
	if s.onFull() != FullDropOldest {
		return false
	}
	d := Dropped{Reason: DropFull}
	for now := time.Now(); !s.fits(n, copied) && s.giveUpOldest(now, &d); {
	}
	s.dropped(d)
	return s.fits(n, copied)
}

// pressOthers has streams give memory back that is above their share. The mutex
// is let go meanwhile, so that no two are ever held.
func (s *Stream) pressOthers() bool {
	hog, keep := s.buffer.pool.hog(&s.buffer.share)
	if hog == nil {
		return false
	}
	s.mu.Unlock()
	hog.shed(keep)
	s.mu.Lock()
	return true
}

// shed lets memory go until the stream holds no more than keep: first what the
// disk has, then the oldest fragments, if that is the policy.
func (s *Stream) shed(keep int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evictAll()
	d := Dropped{Reason: DropFull}
	drops := s.onFull() == FullDropOldest
	for now := time.Now(); s.buffer.pool.holds(&s.buffer.share) > keep; {
		if !s.discardOldest() && !(drops && s.giveUpOldest(now, &d)) {
			break
		}
	}
	s.dropped(d)
}

// giveUpOldest gives up the oldest fragment that is neither being written nor
// being sent, and adds it to d. It returns false if there is none.
func (s *Stream) giveUpOldest(now time.Time, d *Dropped) bool {
	for f := s.queue.first; f != nil; f = f.next {
		if f != s.open && !s.inHand(f, now) {
			s.giveUp(f, d)
			return true
		}
	}
	return false
}

// inHand reports whether a connection that makes progress has taken some of a
// fragment but not all.
func (s *Stream) inHand(f *fragment, now time.Time) bool {
	begun := f.pins > 0 || f.sent > 0 && f.unsent()
	return begun && now.Sub(s.buffer.rate.latest) < stallTime
}

// blocks notes that a writer waits for room, until the result is called.
func (s *Stream) blocks() (end func()) {
	s.waiting++
	s.changed.Broadcast()
	return func() { s.waiting-- }
}

// waitForRoom waits until n more bytes may be kept.
func (s *Stream) waitForRoom(ctx context.Context, n, copied int64) error {
	b := &s.buffer
	b.pool.await(&b.share, true)
	defer b.pool.await(&b.share, false)
	defer s.blocks()()
	for !s.fits(n, copied) {
		s.mu.Unlock()
		select {
		case <-b.room:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if err := s.state(ctx); err != nil {
			return err
		}
		s.expire(time.Now())
	}
	return nil
}
