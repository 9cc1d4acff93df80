package spool

import (
	"cmp"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace"
)

// A Spool is the fragments of one stream on disk. One goroutine at a time calls
// Begin, Append, End and Cut; any number call the rest.
type Spool struct {
	o        Options
	fs       fileSystem
	lock     io.Closer
	busy     sync.WaitGroup // those who write to the directory but for the writer and the keeper; see enter
	producer millrace.ProducerID
	opening  Opening
	clock    spoolClock
	out      writer
	keeper   keeper

	// mu guards what follows, and what dataFile says it guards. It is held over
	// memory alone.
	mu      sync.Mutex
	closed  bool
	left    bool        // the directory may be somebody else's
	files   []*dataFile // by first
	tangled bool        // the fragments of one file are not all before those of the next
	number  uint64      // of the next file
	next    Ref
	bytes   int64 // that count towards Options.MaxBytes
	pending int
	media   int64 // bytes of pending fragments
	stale   []string
	settled [Dropped + 1]uint64
	damaged uint64
	syncs   uint64
}

// Open opens the spool in o.Dir and finds what is pending there. It reads the
// index of each file, and what is behind the last sync of those that have none:
// the last one, after a crash. A second opener, here or in another process, gets
// ErrLocked. Of what is damaged, Options.Report is told before Open returns.
func Open(o Options) (*Spool, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Spool{o: o, fs: o.fs, next: 1}
	began := time.Now()
	if err := s.fs.Make(); err != nil {
		return nil, wrap("make directory of spool", err)
	}
	if s.lock, err = s.fs.Lock(); err != nil {
		return nil, wrap("lock spool", err)
	}
	if err := s.recover(); err != nil {
		for _, f := range s.files {
			if f.handle != nil {
				_ = f.handle.Close()
			}
		}
		return nil, errors.Join(err, s.lock.Close())
	}
	s.opening.Took = time.Since(began)
	s.keeper.start(s)
	s.keeper.request() // for files that need an index, and what is to be removed
	return s, nil
}

// Close waits for what is being synced, syncs the rest and gives the directory
// back. A fragment that is open is cut. The writer must be done; Readers may stay
// open. The error is that of the last sync.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.out.cut(s)
	s.leave()
	err := s.keeper.stop()
	s.mu.Lock()
	s.left = true
	s.mu.Unlock()
	s.busy.Wait()
	return errors.Join(err, s.lock.Close())
}

// Producer is the identity of the directory, made once and durable.
func (s *Spool) Producer() millrace.ProducerID { return s.producer }

// Opening is what Open found.
func (s *Spool) Opening() Opening { return s.opening }

// Pending yields the fragments that are not settled, oldest first, the open one
// last. What is begun or settled meanwhile may be among them or not.
func (s *Spool) Pending() iter.Seq[Fragment] {
	return func(yield func(Fragment) bool) {
		for last := Ref(0); ; {
			f, ok := s.Next(last)
			if !ok || !yield(f) {
				return
			}
			last = f.Ref
		}
	}
}

// Next returns the first pending fragment behind after, or false if there is
// none.
func (s *Spool) Next(after Ref) (Fragment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tangled {
		return s.nextTangled(after)
	}
	for _, f := range s.files[s.place(after+1):] {
		if e := f.next(after); e != nil {
			return f.fragment(e), true
		}
	}
	return Fragment{}, false
}

// nextTangled is Next if files have fragments in between those of others. The
// caller holds mu.
func (s *Spool) nextTangled(after Ref) (next Fragment, ok bool) {
	for _, f := range s.files {
		if e := f.next(after); e != nil && (!ok || e.ref < next.Ref) {
			next, ok = f.fragment(e), true
		}
	}
	return next, ok
}

// order sorts the files, and finds out whether they are tangled: because one has
// failed, and some of its fragments were damaged before they could be written
// elsewhere. The caller holds mu.
func (s *Spool) order() {
	for _, f := range s.files {
		if len(f.entries) > 0 {
			f.first = f.entries[0].ref
		}
	}
	slices.SortStableFunc(s.files, func(a, b *dataFile) int { return cmp.Compare(a.first, b.first) })
	s.tangled = false
	last := Ref(0)
	for _, f := range s.files {
		s.tangled = s.tangled || f.first <= last
		if n := len(f.entries); n > 0 {
			last = max(last, f.entries[n-1].ref)
		}
	}
}

// Fragment returns a fragment, or ErrSettled if it is not pending.
func (s *Spool) Fragment(ref Ref) (Fragment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, e := s.find(ref)
	if e == nil || e.outcome.Final() {
		return Fragment{}, ErrSettled
	}
	return f.fragment(e), nil
}

// place returns the index of the file that has ref if any has, or 0. The caller
// holds mu.
func (s *Spool) place(ref Ref) int {
	i, ok := slices.BinarySearchFunc(s.files, ref, func(f *dataFile, r Ref) int { return cmp.Compare(f.first, r) })
	if ok {
		return i
	}
	return max(i-1, 0)
}

// find returns the entry of a fragment, and nil if there is none. The caller
// holds mu.
func (s *Spool) find(ref Ref) (*dataFile, *entry) {
	if len(s.files) == 0 {
		return nil, nil
	}
	f := s.files[s.place(ref)]
	if e, ok := f.find(ref); ok {
		return f, e
	}
	for _, f := range s.files { // tangled, or gone
		if e, ok := f.find(ref); ok {
			return f, e
		}
	}
	return nil, nil
}

// insert puts a file in its place. The caller holds mu.
func (s *Spool) insert(f *dataFile) {
	i, _ := slices.BinarySearchFunc(s.files, f.first, func(g *dataFile, r Ref) int { return cmp.Compare(g.first, r) })
	s.files = slices.Insert(s.files, i, f)
	s.charge(f)
}

// charge counts anew what f takes. The caller holds mu.
func (s *Spool) charge(f *dataFile) {
	now := f.size
	if !f.sealed {
		now += indexBytes(len(f.entries))
	}
	s.bytes += now - f.charge
	f.charge = now
}

// enter reports whether the directory may be written to; then Close waits for
// the caller's s.busy.Done. The caller holds mu.
func (s *Spool) enter() bool {
	if !s.left {
		s.busy.Add(1)
	}
	return !s.left
}

// open returns ErrClosed if the spool is closed.
func (s *Spool) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return nil
}
