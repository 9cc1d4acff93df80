package fault

import (
	"slices"
	"sync"
)

// An Op is a kind of call.
type Op uint8

// The kinds of call. Mutation is any of those from Create to Reset, Any is
// any at all. Sync is that of a file and that of pages.
const (
	Any Op = iota
	Mutation
	Create
	Remove
	Rename
	SyncDir
	Write
	Sync
	Truncate
	WriteAt
	Punch
	Apply
	Reset
	Open
	ReadDir
	Read
	Size
	Space
	State
	Find

	ops
)

// A Fault says which calls fail.
type Fault struct {
	Op      Op
	At      int    // which call of that kind fails, from 1
	Forever bool   // whether those after it fail too
	Err     error  // with what
	Name    string // of the only file that is concerned; "" is all, and the directory
}

func (f Fault) covers(op Op, name string) bool {
	if f.Name != "" && f.Name != name {
		return false
	}
	return f.Op == Any || f.Op == op || f.Op == Mutation && op.mutates()
}

func (op Op) mutates() bool { return Create <= op && op <= Reset }

// strikes count calls and say which of them fail. Any number of goroutines may
// use them.
type strikes struct {
	mu     sync.Mutex // guards what follows
	faults []*broken
	counts [ops]int
	hits   int
	paused bool
}

// A broken is a fault and how many calls of its kind it has seen.
type broken struct {
	Fault
	seen int
}

func newStrikes(faults []Fault) *strikes {
	s := &strikes{}
	s.Break(faults...)
	return s
}

// Break adds faults, which count the calls from now on, and returns what ends
// just these. A fault with At 0 is none.
func (s *strikes) Break(faults ...Fault) (mend func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var added []*broken
	for _, f := range faults {
		if f.At > 0 {
			added = append(added, &broken{Fault: f})
		}
	}
	s.faults = append(s.faults, added...)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(b *broken) bool { return slices.Contains(added, b) })
	}
}

// Pause lets all calls through, uncounted, until resume is called.
func (s *strikes) Pause() (resume func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.paused
	s.paused = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.paused = was
	}
}

// Heal ends all faults. What they have done stays.
func (s *strikes) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Calls is how often a kind of call was made.
func (s *strikes) Calls(op Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[op]
}

// Hits is how many calls have failed by a fault.
func (s *strikes) Hits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits
}

// strike counts a call and returns the error with which it must fail.
func (s *strikes) strike(op Op) error { return s.strikeOn(op, "") }

// strikeOn is strike for a call that concerns one file.
func (s *strikes) strikeOn(op Op, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		return nil
	}
	s.counts[op]++
	s.counts[Any]++
	if op.mutates() {
		s.counts[Mutation]++
	}
	var err error
	for _, b := range s.faults {
		if failed := b.strike(op, name); failed != nil {
			err = failed
		}
	}
	if err != nil {
		s.hits++
	}
	return err
}

func (b *broken) strike(op Op, name string) error {
	if !b.covers(op, name) {
		return nil
	}
	b.seen++
	if b.seen == b.At || b.seen > b.At && b.Forever {
		return b.Err
	}
	return nil
}
