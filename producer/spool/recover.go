package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// recover finds what the directory holds. Nothing of it is changed before all
// files are known to be of a version that can be read.
//
// Nothing that it does has to be done at once: until a file was given its index,
// and until it was removed, the next recovery finds the same. What a crash in the
// middle of it leaves is at most a file that is cut already.
func (s *Spool) recover() error {
	s.clock = spoolClock{now: s.o.Now, opened: s.o.Now()}
	if err := s.identify(); err != nil {
		return err
	}
	names, err := s.fs.Names()
	if err != nil {
		return wrap("list spool", err)
	}
	headers, err := s.fileHeaders(names)
	if err != nil {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(headers)) {
		if err := s.recoverFile(headers[number]); err != nil {
			return fmt.Errorf("recover %s: %w", dataName(number), err)
		}
	}
	s.dropTwins()
	for _, f := range slices.Clone(s.files) {
		s.remove(s.doom(f))
	}
	s.order()
	s.count()
	s.stale = append(s.stale, s.orphans(names, headers)...)
	return nil
}

// fileHeaders reads the headers of all data files and sets the number of the
// next. Files whose header is lost are told of and left alone.
func (s *Spool) fileHeaders(names []string) (map[uint64]fileHeader, error) {
	headers := map[uint64]fileHeader{}
	for _, name := range names {
		n, ok := parseName(name, dataSuffix)
		if acks, also := parseName(name, acksSuffix); also {
			s.number = max(s.number, acks+1)
		}
		if !ok {
			continue
		}
		s.number = max(s.number, n+1)
		h, err := s.fileHeader(name, n)
		if errors.Is(err, ErrDamaged) {
			s.opening.Damaged++
			s.o.Report(Problem{Err: err, File: name})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		headers[n] = h
	}
	return headers, nil
}

// fileHeader reads a file's header. If both copies of it are lost, the salt is
// that of the record behind them. One that a crash left without as much as that
// has a header of version 0.
func (s *Spool) fileHeader(name string, number uint64) (fileHeader, error) {
	f, err := s.fs.Open(name, false)
	if err != nil {
		return fileHeader{}, err
	}
	defer func() { _ = f.Close() }()
	h, err := readFileHeader(f)
	if !errors.Is(err, ErrDamaged) {
		h.number = number
		return h, err
	}
	salt, lost := guessSalt(f)
	switch {
	case lost == nil:
		return fileHeader{version: formatVersion, number: number, salt: salt}, nil
	case errors.Is(lost, errUnborn):
		return fileHeader{number: number}, nil
	}
	return h, errors.Join(err, lost)
}

// recoverFile takes a file in: by its index, or by reading through it.
func (s *Spool) recoverFile(h fileHeader) error {
	name := dataName(h.number)
	if h.version == 0 { // begun, and nothing of it durable
		return s.fs.Remove(name)
	}
	f := &dataFile{number: h.number, salt: h.salt}
	src, err := s.fs.Open(name, true)
	if err != nil {
		return err
	}
	if f.size, err = src.Size(); err == nil {
		f.hash, err = readHeaderHash(src, f.salt)
	}
	if err != nil && !errors.Is(err, ErrDamaged) {
		return errors.Join(err, src.Close())
	}
	noHeader := err != nil
	err = f.readIndex(src, f.size)
	f.sealed = err == nil
	if errors.Is(err, ErrDamaged) {
		var synced int64
		synced, err = s.scan(f, src, h)
		if err == nil && synced == 0 {
			_, _, err = readHeader(src, f.salt)
		}
		if errors.Is(err, ErrDamaged) { // a power cut took its start
			s.o.Report(Problem{Err: err, File: name})
			return errors.Join(src.Close(), s.fs.Remove(name))
		}
	}
	if err != nil {
		return errors.Join(err, src.Close())
	}
	if noHeader {
		s.headless(f)
	}
	if err := f.readJournal(s.fs); err != nil {
		return errors.Join(err, src.Close())
	}
	s.adopt(f, src)
	return nil
}

// headless marks all fragments of a file whose header is lost.
func (s *Spool) headless(f *dataFile) {
	p := Problem{Err: damaged("header"), File: dataName(f.number)}
	for i := range f.entries {
		f.entries[i].state |= stateDamaged
		p.Range.add(f.fragment(&f.entries[i]))
	}
	s.o.Report(p)
}

// adopt lists a file and what is pending in it.
func (s *Spool) adopt(f *dataFile, src file) {
	for i := range f.entries {
		if !f.entries[i].outcome.Final() {
			f.pending++
		}
	}
	if len(f.entries) > 0 {
		f.first = f.entries[0].ref
		s.next = max(s.next, f.entries[len(f.entries)-1].ref+1)
	}
	s.opening.Files++
	if f.sealed {
		f.synced, f.named, f.failed = f.size, true, false // it has an index only after a sync
		_ = src.Close()
	} else {
		f.handle = src // the keeper syncs it and gives it its index
	}
	s.insert(f)
}

// readJournal applies the outcomes that the journal of f has. Entries that are
// not whole count for nothing: their fragments are pending.
func (f *dataFile) readJournal(from fileSystem) error {
	h, err := from.Open(acksName(f.number), false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = h.Close() }()
	size, err := h.Size()
	if err != nil {
		return err
	}
	f.logged = true // it may not be synced yet
	f.acks = (size + slotSize - 1) / slotSize * slotSize
	moved := map[Ref]bool{}
	w := &window{src: h}
	for off := int64(0); off+slotSize <= size; off += slotSize {
		var b [slotSize]byte
		if err := readFull(w, b[:], off); err != nil {
			return fmt.Errorf("read journal: %w", err)
		}
		ref, outcome, ok := parseSlot(b[:], f.salt)
		if ok && outcome == outcomeFailed {
			f.failed, f.synced = true, min(int64(ref), f.size)
			continue
		}
		if ok && outcome == outcomeMoved {
			moved[ref] = true
			continue
		}
		if e, found := f.find(ref); ok && found && outcome > e.outcome && !e.outcome.Final() {
			e.outcome = outcome
		}
	}
	// What was settled before its other copy was known is settled in both.
	f.entries = slices.DeleteFunc(f.entries, func(e entry) bool { return moved[e.ref] && !e.outcome.Final() })
	return nil
}

// A twin is a copy of a fragment, which a crash left beside another one while it
// was written to a new file.
type twin struct {
	file *dataFile
	entry
}

// dropTwins keeps the longest copy of each fragment, and the newest of those. A
// fragment is settled if a copy is.
func (s *Spool) dropTwins() {
	for _, twins := range twinsIn(s.files) {
		s.dropTwinsOf(twins)
	}
}

// twinsIn returns the copies of each fragment that has several.
func twinsIn(files []*dataFile) map[Ref][]twin {
	last := Ref(0)
	sorted := true
	for _, f := range files {
		for i := range f.entries {
			sorted = sorted && f.entries[i].ref > last
			last = max(last, f.entries[i].ref)
		}
	}
	if sorted { // as nearly always
		return nil
	}
	byRef := map[Ref][]twin{}
	for _, f := range files {
		for _, e := range f.entries {
			byRef[e.ref] = append(byRef[e.ref], twin{f, e})
		}
	}
	maps.DeleteFunc(byRef, func(_ Ref, twins []twin) bool { return len(twins) == 1 })
	return byRef
}

// bestOf is the copy that counts.
func bestOf(twins []twin) twin {
	return slices.MaxFunc(twins, func(a, b twin) int {
		return cmp.Or(cmp.Compare(a.bytes, b.bytes), cmp.Compare(b.state, a.state), cmp.Compare(a.file.number, b.file.number))
	})
}

func (s *Spool) dropTwinsOf(twins []twin) {
	best := bestOf(twins)
	for _, t := range twins {
		keep, _ := best.file.find(t.ref)
		if t.outcome.Final() && !keep.outcome.Final() {
			keep.outcome = t.outcome
			best.file.pending--
			s.logAgain(best.file, t.ref)
		}
		if t.file == best.file {
			continue
		}
		if !t.outcome.Final() {
			t.file.pending--
		}
		t.file.entries = slices.DeleteFunc(t.file.entries, func(e entry) bool { return e.ref == t.ref })
		s.logMoved(t.file, t.ref)
	}
}

// count sets what the Spool counts, and what Opening tells.
func (s *Spool) count() {
	now := s.clock.nano()
	for _, f := range s.files {
		s.charge(f)
		for i := range f.entries {
			e := &f.entries[i]
			if e.outcome.Final() {
				continue
			}
			e.begun = min(e.begun, now) // a clock that was ahead makes nothing young
			s.pending++
			s.media += e.bytes
			if e.is(stateTorn) {
				s.opening.Torn++
			}
			if e.is(stateDamaged) {
				s.damaged++
				s.opening.Damaged++
			}
		}
	}
	s.opening.Fragments, s.opening.Bytes = s.pending, s.media
}

// orphans are the journals whose file is gone, if not for good until the
// directory is synced.
func (s *Spool) orphans(names []string, headers map[uint64]fileHeader) []string {
	var list []string
	for _, name := range names {
		number, ok := parseName(name, acksSuffix)
		if _, has := headers[number]; ok && !has && !slices.Contains(names, dataName(number)) {
			list = append(list, name)
		}
	}
	return list
}
