package fault

import "sync"

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
	At      int   // which call of that kind fails, from 1
	Forever bool  // whether those after it fail too
	Err     error // with what
}

func (f Fault) covers(op Op) bool {
	return f.Op == Any || f.Op == op || f.Op == Mutation && op.mutates()
}

func (op Op) mutates() bool { return Create <= op && op <= Reset }

// strikes count calls and say which of them fail. Any number of goroutines may
// use them.
type strikes struct {
	mu     sync.Mutex // guards what follows
	fault  Fault
	counts [ops]int
	hits   int
}

func newStrikes(f Fault) *strikes { return &strikes{fault: f} }

// Heal ends all faults.
func (s *strikes) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = Fault{}
}

// Calls is how often a kind of call was made.
func (s *strikes) Calls(op Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[op]
}

// Hits is how many calls have failed by the fault.
func (s *strikes) Hits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits
}

// strike counts a call and returns the error with which it must fail.
func (s *strikes) strike(op Op) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[op]++
	s.counts[Any]++
	if op.mutates() {
		s.counts[Mutation]++
	}
	if s.fault.At == 0 || !s.fault.covers(op) {
		return nil
	}
	n := s.counts[s.fault.Op]
	if n == s.fault.At || n > s.fault.At && s.fault.Forever {
		s.hits++
		return s.fault.Err
	}
	return nil
}
