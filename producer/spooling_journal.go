package producer

import (
	"errors"

	"github.com/millrace/millrace/producer/spool"
)

// A settlement is an outcome that the spool has to know.
type settlement struct {
	ref spool.Ref
	as  spool.Outcome
}

// journalNow journals what is settled. The mutex is held, but let go meanwhile.
func (s *Stream) journalNow() {
	s.mu.Unlock()
	defer s.mu.Lock()
	s.spooling.settle(s.takeSettled())
}

// journal notes that the spool has to know what became of a fragment.
func (s *Stream) journal(f *fragment, as spool.Outcome) {
	if f.ref == 0 {
		return
	}
	s.spooling.settled = append(s.spooling.settled, settlement{f.ref, as})
	select {
	case s.spooling.journal <- struct{}{}:
	default: // it was told already
	}
}

// keepJournal tells the spool what is settled, until done is closed.
func (s *Stream) keepJournal(done <-chan struct{}) {
	for open := true; open; {
		select {
		case <-s.spooling.journal:
		case <-done:
			open = false
		}
		s.spooling.settle(s.takeSettled())
	}
}

// settle journals outcomes. That it fails means no more than that fragments are
// sent again after a restart.
func (p *spooling) settle(list []settlement) {
	for len(list) > 0 {
		as := list[0].as
		var refs []spool.Ref
		for len(list) > 0 && list[0].as == as {
			refs = append(refs, list[0].ref)
			list = list[1:]
		}
		_ = p.disk.Settle(as, refs...)
	}
}

// closeSpool writes what is not on the disk yet, lets memory go, and closes the
// spool. Nobody writes any more but a late writer, who finds it closed.
func (s *Stream) closeSpool() error {
	p := &s.spooling
	if p.disk == nil {
		return nil
	}
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.closed = true
	s.mu.Lock()
	s.endLocked()
	last := s.newest()
	s.mu.Unlock()
	err := s.spoolUpTo(last)
	err = errors.Join(err, s.spoolEnd())
	p.settle(s.takeSettled())
	return errors.Join(err, p.disk.Close())
}

// takeSettled returns what is not journaled yet, for the caller to do.
func (s *Stream) takeSettled() []settlement {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.spooling.settled
	s.spooling.settled = nil
	return list
}
