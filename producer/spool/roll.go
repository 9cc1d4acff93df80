package spool

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// roll leaves the file that is written to and makes a new one, for fragments
// with this header. A file whose start cannot be written is removed again; a
// crash before that leaves a file without fragments, which Open removes.
func (w *writer) roll(s *Spool, header []byte) error {
	s.leave()
	if err := s.admit(startSize(header), false); err != nil {
		return err
	}
	f, h, err := s.newFile(header)
	if err != nil {
		return err
	}
	w.take(f, h, header)
	s.mu.Lock()
	defer s.mu.Unlock()
	f.first, f.writing = s.next, true
	s.insert(f)
	return nil
}

func (w *writer) take(f *dataFile, h file, header []byte) {
	w.file, w.handle, w.size = f, h, f.size
	w.header = append(w.header[:0], header...)
}

// leave ends the file that is written to. The keeper syncs it and gives it its
// index.
func (s *Spool) leave() {
	w := &s.out
	if w.file == nil {
		return
	}
	s.mu.Lock()
	w.file.writing = false
	gone := s.doom(w.file)
	s.mu.Unlock()
	s.remove(gone)
	w.file, w.handle = nil, nil
	s.keeper.request()
}

// newFile makes a file with everything that stands before the first fragment,
// above Options.MaxBytes too: what a failed disk holds is to be saved first.
// Its handle is the file's until the keeper closes it.
func (s *Spool) newFile(header []byte) (*dataFile, file, error) {
	s.mu.Lock()
	number := s.number
	s.number++
	s.mu.Unlock()

	var salt [8]byte
	_, _ = rand.Read(salt[:]) // it never fails
	fh := fileHeader{version: formatVersion, number: number, salt: binary.LittleEndian.Uint64(salt[:]), created: s.o.Now()}
	f := &dataFile{number: number, salt: fh.salt, hash: hash(header)}
	start := fh.appendStart(nil, f.hash, header)
	h, err := s.fs.Create(dataName(number))
	if err != nil {
		return nil, nil, s.disk("create file of spool", err)
	}
	if _, err := h.WriteAt(start, 0); err != nil {
		s.discard(f, h)
		return nil, nil, s.disk("begin file of spool", err)
	}
	f.size, f.handle = int64(len(start)), h
	return f, h, nil
}

// discard removes a file that nothing refers to.
func (s *Spool) discard(f *dataFile, h file) {
	_ = h.Close()
	if err := s.fs.Remove(dataName(f.number)); err != nil {
		s.o.Report(Problem{Err: fmt.Errorf("remove file of spool: %w", err), File: dataName(f.number)})
	}
}

// disk is an error of the disk: a *FullError if there is no room.
func (s *Spool) disk(doing string, err error) error {
	if noRoom(err) {
		return s.full(BoundDisk, 0, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func wrap(doing string, err error) error { return fmt.Errorf("%s: %w", doing, err) }

// fail notes that nothing in the file may be trusted that is not synced yet, nor
// anything be written to it any more.
func (s *Spool) fail(f *dataFile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.failed = true
}

func (s *Spool) failed(f *dataFile) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.failed
}

// carry writes the open fragment to a new file, as far as it got, because its
// own one has failed. The old file keeps its copy until it is removed; a crash in
// between leaves two copies, of which Open takes the longer one. If the fragment
// cannot be read back as it was written it is cut.
func (w *writer) carry(s *Spool) error {
	old := w.file
	s.fail(old)
	f, h, err := s.newFile(w.header)
	if err != nil {
		return err
	}
	s.mu.Lock()
	_, e := s.find(w.ref)
	was := *e
	s.mu.Unlock()
	n, err := s.copyFragment(h, f, f.size, old, was.offset, was.end)
	if err != nil {
		s.discard(f, h)
		if !errors.Is(err, errSource) {
			return s.disk("carry fragment to another file", err)
		}
		w.cut(s)
		return fmt.Errorf("%w: %w", ErrCut, err)
	}
	s.logMoved(old, w.ref)
	w.handOver(s, f, n)
	w.take(f, h, w.header)
	s.keeper.request()
	return nil
}

// handOver moves the open fragment's entry to f, to whose end n bytes of it were
// written.
func (w *writer) handOver(s *Spool, f *dataFile, n int64) {
	s.mu.Lock()
	old := w.file
	old.writing = false
	f.first, f.writing = w.ref, true
	s.insert(f)
	s.move(w.ref, old, f, f.size)
	f.size += n
	s.charge(f)
	s.order()
	w.totals = f.entries[len(f.entries)-1]
	old.uses++
	s.mu.Unlock()
	s.logAgain(f, w.ref)
	s.release(old)
}

// admit returns a *FullError if need bytes more are too many, or if the spool
// may not have another fragment.
func (s *Spool) admit(need int64, another bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if over := s.bytes + need - s.o.MaxBytes; over > 0 {
		return &FullError{Bound: BoundBytes, Need: need, Go: s.freeing(over), Received: s.freeingReceived(over)}
	}
	if !another {
		return nil
	}
	if over := s.pending + 1 - s.o.MaxFragments; over > 0 {
		return &FullError{Bound: BoundFragments, Need: need, Go: s.oldest(func(r Range, _ *entry) bool { return r.Fragments < over })}
	}
	if s.o.MaxAge == 0 {
		return nil
	}
	limit := s.clock.nano() - int64(s.o.MaxAge)
	old := s.oldest(func(_ Range, e *entry) bool { return e.begun < limit })
	if old.Fragments > 0 {
		return &FullError{Bound: BoundAge, Need: need, Go: old}
	}
	return nil
}

// full is a *FullError of the disk.
func (s *Spool) full(b Bound, need int64, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &FullError{Bound: b, Need: need, Go: s.freeing(max(need, 1)), Received: s.freeingReceived(max(need, 1)), Err: err}
}

// freeing is the oldest fragments without which at least n bytes of files can go.
// The caller holds mu.
func (s *Spool) freeing(n int64) Range {
	var r Range
	for _, f := range s.files {
		if f.writing {
			continue
		}
		for i := range f.entries {
			if e := &f.entries[i]; !e.outcome.Final() {
				r.add(f.fragment(e))
			}
		}
		if n -= f.charge; n <= 0 {
			return r
		}
	}
	return Range{}
}

// freeingReceived is the pending fragments of the oldest files in which all are
// Received, if at least n bytes can go with those files. The caller holds mu.
func (s *Spool) freeingReceived(n int64) []Ref {
	var refs []Ref
	for _, f := range s.files {
		other := func(e entry) bool { return e.outcome == Pending || e.is(stateOpen) }
		if f.writing || slices.ContainsFunc(f.entries, other) {
			continue
		}
		for i := range f.entries {
			if e := &f.entries[i]; !e.outcome.Final() {
				refs = append(refs, e.ref)
			}
		}
		if n -= f.charge; n <= 0 {
			slices.Sort(refs)
			return refs
		}
	}
	return nil
}

// oldest is the pending fragments from the oldest on, as long as more says so.
// The caller holds mu.
func (s *Spool) oldest(more func(Range, *entry) bool) Range {
	var r Range
	for _, f := range s.files {
		for i := range f.entries {
			e := &f.entries[i]
			if e.outcome.Final() || e.is(stateOpen) {
				continue
			}
			if !more(r, e) {
				return r
			}
			r.add(f.fragment(e))
		}
	}
	return r
}
