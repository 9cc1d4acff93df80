package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

const (
	slotMagic = "MSPA"
	slotSize  = 32

	// outcomeFailed, in the journal, says that a sync of the file failed. In the
	// place of the fragment is how many bytes can be trusted.
	outcomeFailed Outcome = 0xff

	// outcomeMoved says that a fragment was written to another file, and that the
	// copy in this one does not count.
	outcomeMoved Outcome = 0xfe
)

// Settle notes what became of fragments, in memory and in the journal of their
// file, which is synced in the background. A fragment keeps its first final
// outcome; those that are not pending are left as they are. Once all of a file
// are settled it is removed, and its space comes back when the last Reader of it
// is closed. An error means that the outcome holds in this process, but that
// after a restart the fragment may be pending again. It may be called for the
// open fragment, which can still be appended to.
func (s *Spool) Settle(o Outcome, refs ...Ref) error {
	if o == Pending || o > Dropped {
		return fmt.Errorf("settle: no outcome %d: %w", o, ErrOrder)
	}
	var errs []error
	for len(refs) > 0 {
		n, err := s.settleFile(o, refs)
		errs = append(errs, err)
		refs = refs[n:]
	}
	return errors.Join(errs...)
}

// Drop settles as Dropped all pending fragments up to last, but for the open
// one, and returns exactly which they were.
func (s *Spool) Drop(last Ref) (Range, error) {
	var dropped Range
	var refs []Ref
	s.mu.Lock()
	for _, f := range s.files {
		for i := range f.entries {
			if e := &f.entries[i]; e.ref <= last && !e.outcome.Final() && !e.is(stateOpen) {
				dropped.add(f.fragment(e))
				refs = append(refs, e.ref)
			}
		}
	}
	s.mu.Unlock()
	return dropped, s.Settle(Dropped, refs...)
}

// settleFile settles the first of refs, and those behind it that are in the same
// file, and returns how many they were.
func (s *Spool) settleFile(o Outcome, refs []Ref) (int, error) {
	s.mu.Lock()
	f, _ := s.find(refs[0])
	if s.closed || f == nil || !s.enter() {
		s.mu.Unlock()
		return 1, s.open()
	}
	n := 0
	var slots []byte
	for ; n < len(refs); n++ {
		e, ok := f.find(refs[n])
		if !ok {
			break
		}
		if s.settle(f, e, o) {
			slots = f.appendSlot(slots, e.ref, o)
		}
	}
	at := f.acks
	f.acks += int64(len(slots))
	f.uses++
	s.mu.Unlock()
	defer s.busy.Done()
	err := s.log(f, slots, at)
	s.release(f)
	return n, err
}

// settle changes an entry's outcome, unless it has a final one. The caller holds
// mu.
func (s *Spool) settle(f *dataFile, e *entry, o Outcome) bool {
	if e.outcome >= o && !o.Final() || e.outcome.Final() {
		return false
	}
	e.outcome = o
	s.settled[o]++
	if o.Final() {
		f.pending--
		s.pending--
		s.media -= e.bytes
	}
	return true
}

// appendSlot appends an entry of the journal.
func (f *dataFile) appendSlot(b []byte, ref Ref, o Outcome) []byte {
	at := len(b)
	le := binary.LittleEndian
	b = append(b, slotMagic...)
	b = append(b, byte(o), 0, 0, 0)
	b = le.AppendUint64(b, f.salt)
	b = le.AppendUint64(b, uint64(ref))
	b = le.AppendUint32(b, 0)
	return seal(b, at)
}

// parseSlot decodes an entry of the journal of the file with this salt.
func parseSlot(b []byte, salt uint64) (Ref, Outcome, bool) {
	le := binary.LittleEndian
	o := Outcome(b[4])
	ok := string(b[:4]) == slotMagic && le.Uint64(b[8:]) == salt && le.Uint32(b[28:]) == checksum(b[:28]) &&
		(o > Pending && o <= Dropped || o >= outcomeMoved)
	return Ref(le.Uint64(b[16:])), o, ok
}

// log writes slots to a place in the journal that nobody else writes to.
func (s *Spool) log(f *dataFile, slots []byte, at int64) error {
	if len(slots) == 0 {
		return nil
	}
	h, err := s.openJournal(f.number)
	if err != nil {
		return s.disk("open journal of spool", err)
	}
	_, err = h.WriteAt(slots, at)
	if err = errors.Join(err, h.Close()); err != nil {
		return s.disk("write to journal of spool", err)
	}
	s.mu.Lock()
	f.logged = true
	s.mu.Unlock()
	return nil
}

func (s *Spool) openJournal(number uint64) (file, error) {
	h, err := s.fs.Open(acksName(number), true)
	if !errors.Is(err, fs.ErrNotExist) {
		return h, err
	}
	h, err = s.fs.Create(acksName(number))
	if errors.Is(err, fs.ErrExist) { // another settler was first
		return s.fs.Open(acksName(number), true)
	}
	return h, err
}

// release gives a use of f back, and removes f if it was the last.
func (s *Spool) release(f *dataFile) {
	s.mu.Lock()
	f.uses--
	gone := s.doom(f)
	s.mu.Unlock()
	s.remove(gone)
}

// doom returns f if it is to be removed now: nothing in it is pending, nothing
// will be, and nobody uses it. The caller holds mu.
func (s *Spool) doom(f *dataFile) *dataFile {
	if f.pending > 0 || f.writing {
		return nil
	}
	if !f.doomed {
		f.doomed = true
		s.bytes -= f.charge
		s.files = slices.DeleteFunc(s.files, func(g *dataFile) bool { return g == f })
	}
	if f.uses > 0 || f.removed || !s.enter() { // the next Open removes it
		return nil
	}
	f.removed = true
	return f
}

// remove removes a file that nobody uses. Its journal is removed by the keeper,
// once the file's end is durable: a file that came back without its journal would
// be pending again.
func (s *Spool) remove(f *dataFile) {
	if f == nil {
		return
	}
	defer s.busy.Done()
	if f.handle != nil {
		_ = f.handle.Close()
	}
	name := dataName(f.number)
	if err := s.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.o.Report(Problem{Err: fmt.Errorf("remove file of spool: %w", err), File: name})
		return
	}
	s.mu.Lock()
	s.stale = append(s.stale, acksName(f.number))
	s.mu.Unlock()
	s.keeper.request()
}

// move takes the entry of ref from one file to another, at whose end it is to
// stand, at off. The caller holds mu.
func (s *Spool) move(ref Ref, from, to *dataFile, off int64) {
	i := slices.IndexFunc(from.entries, func(e entry) bool { return e.ref == ref })
	e := from.entries[i]
	from.entries = slices.Delete(from.entries, i, i+1)
	e.end += off - e.offset
	e.offset = off
	to.entries = append(to.entries, e)
	if !e.outcome.Final() {
		from.pending--
		to.pending++
	}
	s.charge(from)
	s.charge(to)
}
