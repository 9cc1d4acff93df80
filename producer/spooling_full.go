package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/producer/spool"
)

// spoolFailed says what to do about an error of the disk: try again, because
// there is room now; or go on, without an error or with it.
func (s *Stream) spoolFailed(ctx context.Context, f *fragment, err error) (again bool, _ error) {
	if err == nil {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var full *spool.FullError
	if !errors.As(err, &full) || full.Bound == spool.BoundDisk {
		s.spoolFault(err)
		s.leaveSpool(f)
		return false, nil
	}
	if len(s.spooling.settled) > 0 { // there may be room once the disk knows
		s.journalNow()
		return true, nil
	}
	if s.alone() {
		s.leaveSpool(f)
		return false, nil
	}
	switch s.onFull() {
	case FullDropOldest:
		if s.giveUpSpooled(full.Go.Last) {
			return true, nil
		}
		s.leaveSpool(f)
		return false, nil
	case FullWait:
		if err := s.waitForDisk(ctx); err != nil {
			return false, err
		}
		return true, nil
	case FullDropNewest:
		return false, errOmit
	}
	return false, ErrBufferFull
}

// spoolFault notes that the disk fails, and reports it unless it was known.
func (s *Stream) spoolFault(err error) {
	if s.spooling.fault == nil {
		s.notice(fmt.Errorf("%w: %w", ErrSpool, err))
	}
	s.spooling.fault = err
}

// leaveSpool keeps the rest of a fragment in memory alone. What the disk has of
// it stays there until the fragment is settled.
func (s *Stream) leaveSpool(f *fragment) {
	f.tried = true
	if s.spooling.writing == f {
		s.spooling.disk.Cut()
		s.spooling.writing = nil
		f.spool = spoolCut
	}
}

// giveUpSpooled gives up the oldest fragments of the disk, and returns false if
// that makes no room.
func (s *Stream) giveUpSpooled(last spool.Ref) bool {
	d := Dropped{Reason: DropFull}
	now := time.Now()
	for f := s.queue.first; f != nil; {
		next := f.next
		if f.ref != 0 && f.ref <= last && f != s.open && !s.inHand(f, now) {
			s.giveUp(f, &d)
		}
		f = next
	}
	s.dropped(d)
	s.journalNow()
	return d.Fragments > 0
}

// waitForDisk waits until something was settled, or ctx ends.
func (s *Stream) waitForDisk(ctx context.Context) error {
	defer s.blocks()()
	pending := s.queue.count
	for s.queue.count >= pending {
		s.mu.Unlock()
		select {
		case <-s.buffer.room:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if err := s.state(ctx); err != nil {
			return err
		}
	}
	s.journalNow()
	return nil
}
