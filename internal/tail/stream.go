package tail

import (
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace"
)

// A Stream is the tail of one incarnation of a stream. Any number of
// goroutines may use it. Whoever got it from Tail.Acquire releases it.
type Stream struct {
	tail *Tail
	key  millrace.StreamKey
	refs int // guarded by tail.mu

	mu        sync.Mutex // guards what follows and the fragments' fields that say so
	entries   []*Fragment
	low       millrace.FragmentNumber
	ephemeral bool          // zero retention: settled fragments stay for a while
	opened    chan struct{} // closed when a fragment opens; nil if nobody waits
	deleted   chan struct{} // closed when the stream is
}

// Key is the incarnation that the tail belongs to.
func (s *Stream) Key() millrace.StreamKey { return s.key }

// Deleted is closed when the stream has been deleted.
func (s *Stream) Deleted() <-chan struct{} { return s.deleted }

// Err is why nothing can be written to the stream any more: an Error with
// CodeStreamDeleted, or nil.
func (s *Stream) Err() error {
	select {
	case <-s.deleted:
		return errDeleted()
	default:
		return nil
	}
}

func errDeleted() error {
	return millrace.Errorf(millrace.CodeStreamDeleted, "the stream has been deleted")
}

// Release lets go of the stream.
func (s *Stream) Release() { s.tail.release(s) }

// SetRetention says how long settled fragments are kept by the store; zero
// means that they live here alone.
func (s *Stream) SetRetention(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ephemeral = d == 0
	s.trim()
}

// Open begins a fragment and gives it its number, which is greater than all
// before it. fail is called at most once, under the stream's lock, if the
// fragment is failed by somebody else than its writer; it must return at once
// and must not call the fragment. The fragment is held for the caller. On a
// deleted stream the error is that of Err.
func (s *Stream) Open(info Info, fail func(error)) (*Fragment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.Err(); err != nil {
		return nil, err
	}
	number, err := s.tail.numbers.Next(s.key)
	if err != nil {
		return nil, err
	}
	info.Number = number
	now := s.tail.now()
	f := &Fragment{Info: info, stream: s, fail: fail, opened: now, grown: now}
	if f.Memory == nil {
		f.own, f.Memory = true, s.tail.budget.NewWriter(func(err error) { f.Fail(err) })
	}
	f.refs.Store(2) // the tail and the caller
	s.entries = append(s.entries, f)
	if s.opened != nil {
		close(s.opened)
		s.opened = nil
	}
	return f, nil
}

// Reserve takes a number that no fragment will have.
func (s *Stream) Reserve() (millrace.FragmentNumber, error) { return s.tail.numbers.Next(s.key) }

// trim lets the fragments go from the front that need not be here any more
// (T2). s.mu is held.
func (s *Stream) trim() {
	n := 0
	for n < len(s.entries) && s.mayGo(s.entries[n]) {
		n++
	}
	if n > 0 {
		s.dropFront(n)
	}
}

// forget lets a failed fragment go, which nobody will find, wherever it is.
// s.mu is held.
func (s *Stream) forget(f *Fragment) {
	s.trim()
	if i := slices.Index(s.entries, f); i >= 0 {
		s.entries = slices.Delete(s.entries, i, i+1)
		f.letGo()
	}
}

// dropFront lets the first n entries go. s.mu is held.
func (s *Stream) dropFront(n int) {
	s.low = s.entries[n-1].Number
	for _, f := range s.entries[:n] {
		f.letGo()
	}
	s.entries = slices.Delete(s.entries, 0, n)
}

func (s *Stream) mayGo(f *Fragment) bool {
	switch f.state {
	case Failed:
		return true
	case Settled:
		return !s.ephemeral || s.tail.expired(f)
	}
	return false
}

// after returns the first entry behind a number that is neither failed nor
// hidden. The entry is held for the caller; it is nil if there is none or the
// number lies below the low end. s.mu is held.
func (s *Stream) after(n millrace.FragmentNumber) *Fragment {
	if n.Compare(s.low) < 0 {
		return nil
	}
	for _, f := range s.entries {
		if f.Number.Compare(n) > 0 && f.state != Failed && !f.hidden {
			return f.acquire()
		}
	}
	return nil
}

// edge is the number behind which a reader of "now" starts: just before the
// lowest fragment that is open, else behind all that were numbered so far.
func (s *Stream) edge() millrace.FragmentNumber {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.entries {
		if f.state == Open {
			return f.Number.Prev()
		}
	}
	return s.tail.numbers.Floor(s.key)
}

// delete ends the stream in one step: no fragment opens behind it.
func (s *Stream) delete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err() == nil {
		close(s.deleted)
	}
	for _, f := range slices.Clone(s.entries) {
		f.failLocked(errDeleted())
	}
	s.ephemeral = false
	s.trim()
}

// failStalled ends the open fragments that keep others waiting: those with a
// higher one behind them that made no progress for stallTimeout, or were open
// for openTimeout.
func (s *Stream) failStalled(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := slices.Clone(s.entries) // failing one changes them
	for _, f := range entries[:max(len(entries)-1, 0)] {
		if f.state == Open && (now.Sub(f.grown) >= stallTimeout || now.Sub(f.opened) >= openTimeout) {
			f.failLocked(millrace.Errorf(millrace.CodeMediaInternal, "the fragment kept later ones waiting for too long"))
		}
	}
}

// sweep lets ephemeral fragments go whose time is over.
func (s *Stream) sweep(now time.Time) {
	s.failStalled(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropOver(ephemeralBytes)
	s.trim()
}

// dropOver lets the oldest settled fragments of a stream of zero retention go
// while together they take more than limit bytes. s.mu is held.
func (s *Stream) dropOver(limit int64) {
	total := int64(0)
	for _, f := range s.entries {
		total += f.account.counted
	}
	for total > limit && s.frontMayGo() {
		total -= s.entries[0].account.counted
		s.dropFront(1)
	}
}

// frontMayGo reports whether the oldest fragment lives here alone and nobody
// needs to finish it. s.mu is held.
func (s *Stream) frontMayGo() bool {
	return s.ephemeral && len(s.entries) > 0 && s.entries[0].state >= Settled
}

// shedFront lets that fragment go; it reports false if there is none.
func (s *Stream) shedFront() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.frontMayGo() {
		return false
	}
	s.dropFront(1)
	return true
}

// idle reports whether nothing is kept here.
func (s *Stream) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries) == 0
}
