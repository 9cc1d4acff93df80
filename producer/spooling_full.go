package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace"
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
		if s.noteReceived() || s.giveUpSpooled(full) {
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
	s.spooling.fault, s.spooling.mended = err, 0
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

// noteReceived has the spool know what the server has received, so that it offers
// that first. It returns false if the spool knew. It is not done before there is no
// room: what is received becomes durable soon, as a rule, and a note of each
// fragment would make the journal twice as long.
func (s *Stream) noteReceived() bool {
	news := false
	for f := s.queue.first; f != nil; f = f.next {
		if f.ref != 0 && !f.noted && f.heard == millrace.AckReceived {
			f.noted, news = true, true
			s.journal(f, spool.Received)
		}
	}
	if news {
		s.journalNow()
	}
	return news
}

// giveUpSpooled gives up fragments of the disk: those that the server has received,
// if that makes room, else the oldest. It returns false if none could go. What does
// not follow each other is reported apart, so that each report is of one span.
func (s *Stream) giveUpSpooled(full *spool.FullError) bool {
	gave := false
	d := Dropped{Reason: DropFull}
	now := time.Now()
	for f := s.queue.first; f != nil; {
		next := f.next
		if f.ref != 0 && goes(full, f.ref) && f != s.open && !s.inHand(f, now) {
			s.giveUp(f, &d)
			gave = true
		} else {
			s.dropped(d)
			d = Dropped{Reason: DropFull}
		}
		f = next
	}
	s.dropped(d)
	s.journalNow()
	return gave
}

// goes reports whether the error asks for a fragment.
func goes(full *spool.FullError, ref spool.Ref) bool {
	if len(full.Received) == 0 {
		return ref <= full.Go.Last
	}
	_, found := slices.BinarySearch(full.Received, ref)
	return found
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
