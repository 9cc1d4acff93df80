package spool

import "errors"

// maxRescues is how often what a failed file holds is tried to be written
// elsewhere.
const maxRescues = 3

// rescue writes the fragments of a failed file that were not synced to a new
// file, verifying them, and syncs that. The open one is left to the writer. What
// cannot be written elsewhere stays where it is, at risk.
func (s *Spool) rescue(j *job) error {
	f := j.dataFile
	refs := s.unsynced(f)
	var err error
	if f.rescues == 0 {
		s.logFailed(f)
	}
	if len(refs) > 0 && f.rescues < maxRescues {
		f.rescues++
		err = s.rescueTo(f, refs)
	}
	s.mu.Lock()
	over := j.finished && f.handle != nil && (err == nil || f.rescues >= maxRescues)
	s.mu.Unlock()
	if over {
		s.finish(f, false, 0)
	}
	return err
}

// logFailed notes in the journal of f up to where it can be trusted: for a
// process that opens the spool while the system still has in memory what it could
// not write, and would say that there is nothing to sync. After a power cut the
// checksums tell.
func (s *Spool) logFailed(f *dataFile) {
	s.mu.Lock()
	at := f.acks
	slot := f.appendSlot(nil, Ref(f.synced), outcomeFailed)
	f.acks += slotSize
	s.mu.Unlock()
	if err := s.log(f, slot, at); err != nil {
		s.o.Report(Problem{Err: err, File: acksName(f.number)})
	}
}

// logMoved notes in the journal of f that fragments were written to another file:
// else they would be pending again once that one is gone, and this one is not.
func (s *Spool) logMoved(f *dataFile, refs ...Ref) {
	s.mu.Lock()
	var slots []byte
	for _, ref := range refs {
		slots = f.appendSlot(slots, ref, outcomeMoved)
	}
	at := f.acks
	f.acks += int64(len(slots))
	s.mu.Unlock()
	if err := s.log(f, slots, at); err != nil {
		s.o.Report(Problem{Err: err, File: acksName(f.number)})
	}
}

// logAgain notes in the journal of f what became of fragments before they were
// in it: the journal that has it goes with the file they were in.
func (s *Spool) logAgain(f *dataFile, refs ...Ref) {
	s.mu.Lock()
	var slots []byte
	for _, ref := range refs {
		if e, ok := f.find(ref); ok && e.outcome != Pending {
			slots = f.appendSlot(slots, ref, e.outcome)
		}
	}
	at := f.acks
	f.acks += int64(len(slots))
	s.mu.Unlock()
	if err := s.log(f, slots, at); err != nil {
		s.o.Report(Problem{Err: err, File: acksName(f.number)})
	}
}

// unsynced is the fragments of f that a power cut would take.
func (s *Spool) unsynced(f *dataFile) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []entry
	for _, e := range f.entries {
		if !e.outcome.Final() && !e.is(stateOpen|stateDamaged) && e.end > f.synced {
			list = append(list, e)
		}
	}
	return list
}

func (s *Spool) unsyncedRange(f *dataFile) Range {
	list := s.unsynced(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	var r Range
	for i := range list {
		r.add(f.fragment(&list[i]))
	}
	return r
}

// rescueTo makes the new file. A crash before its end leaves two copies of a
// fragment, of which Open takes one.
func (s *Spool) rescueTo(f *dataFile, list []entry) error {
	_, header, err := s.headerOf(f)
	if err != nil {
		return s.atRisk(f, list, err)
	}
	to, h, err := s.newFile(header)
	if err != nil {
		return s.atRisk(f, list, err)
	}
	var moved []entry
	for _, e := range list {
		n, err := s.copyFragment(h, to, to.size, f, e.offset, e.end)
		if errors.Is(err, errSource) {
			s.damage(f, e.ref, err)
			continue
		}
		if err != nil {
			s.discard(to, h)
			return s.atRisk(f, list, err)
		}
		e.offset, e.end = to.size, to.size+n
		to.size += n
		moved = append(moved, e)
	}
	if len(moved) == 0 {
		s.discard(to, h)
		return nil
	}
	err = h.Sync()
	if err == nil {
		err = s.fs.Sync()
	}
	if err != nil {
		s.discard(to, h)
		return s.atRisk(f, list, err)
	}
	refs := make([]Ref, len(moved))
	for i, e := range moved {
		refs[i] = e.ref
	}
	s.logMoved(f, refs...)
	s.settleIn(f, to, moved)
	s.logAgain(to, refs...)
	s.seal(to)
	s.release(to)
	return nil
}

// settleIn puts the entries where their copies stand.
func (s *Spool) settleIn(f, to *dataFile, moved []entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to.synced, to.named = to.size, true
	to.uses++ // until it has its index
	to.first = moved[0].ref
	s.insert(to)
	for _, e := range moved {
		s.move(e.ref, f, to, e.offset)
		last := &to.entries[len(to.entries)-1]
		if last.is(stateAtRisk) {
			f.atRisk--
		}
		last.state &^= stateAtRisk
	}
	f.first = s.next // if nothing is left in it
	s.doom(f)        // then its user removes it, unless it is written to
	s.order()
}

// atRisk marks fragments, tells of them and returns what was told.
func (s *Spool) atRisk(f *dataFile, list []entry, err error) error {
	err = errors.Join(ErrSync, err)
	p := Problem{Err: err, File: dataName(f.number)}
	s.mu.Lock()
	for _, old := range list {
		if e, ok := f.find(old.ref); ok && !e.outcome.Final() {
			if !e.is(stateAtRisk) {
				f.atRisk++
			}
			e.state |= stateAtRisk
			p.Range.add(f.fragment(e))
		}
	}
	s.mu.Unlock()
	s.o.Report(p)
	return err
}

// damage marks a fragment and tells of it, once.
func (s *Spool) damage(f *dataFile, ref Ref, err error) {
	p := Problem{Err: err, File: dataName(f.number)}
	s.mu.Lock()
	e, ok := f.find(ref)
	if ok && !e.is(stateDamaged) {
		e.state |= stateDamaged
		s.damaged++
		p.Range.add(f.fragment(e))
	}
	s.mu.Unlock()
	if p.Range.Fragments > 0 {
		s.o.Report(p)
	}
}
