package fault

import (
	"sync"

	"github.com/millrace/millrace/internal/store"
)

// An Op is a kind of call.
type Op uint8

// The kinds of call. Mutation is any of those from Create to Punch, Any is
// any at all.
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
	Open
	ReadDir
	Read
	Size
	Space
)

// A Fault says which calls fail.
type Fault struct {
	Op      Op
	At      int   // which call of that kind fails, from 1
	Forever bool  // whether those after it fail too
	Err     error // with what
}

// An FS fails as its Fault says.
type FS struct {
	under store.FS

	mu     sync.Mutex // guards what follows
	fault  Fault
	counts [Space + 1]int
	hits   int
}

var _ store.FS = (*FS)(nil)

// New returns under with a fault.
func New(under store.FS, f Fault) *FS { return &FS{under: under, fault: f} }

// Heal ends all faults.
func (f *FS) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = Fault{}
}

// Calls is how often a kind of call was made.
func (f *FS) Calls(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[op]
}

// Hits is how many calls have failed by the fault.
func (f *FS) Hits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits
}

// strike counts a call and returns the error with which it must fail.
func (f *FS) strike(op Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[op]++
	f.counts[Any]++
	if Create <= op && op <= Punch {
		f.counts[Mutation]++
	}
	if f.fault.At == 0 || !f.fault.covers(op) {
		return nil
	}
	n := f.counts[f.fault.Op]
	if n == f.fault.At || n > f.fault.At && f.fault.Forever {
		f.hits++
		return f.fault.Err
	}
	return nil
}

func (f Fault) covers(op Op) bool {
	return f.Op == Any || f.Op == op || f.Op == Mutation && Create <= op && op <= Punch
}

// Create implements store.FS.
func (f *FS) Create(name string) (store.File, error) {
	if err := f.strike(Create); err != nil {
		return nil, err
	}
	under, err := f.under.Create(name)
	return f.wrap(under, err)
}

// Open implements store.FS.
func (f *FS) Open(name string) (store.File, error) {
	if err := f.strike(Open); err != nil {
		return nil, err
	}
	under, err := f.under.Open(name)
	return f.wrap(under, err)
}

func (f *FS) wrap(under store.File, err error) (store.File, error) {
	if err != nil {
		return nil, err
	}
	return &file{fs: f, File: under}, nil
}

// ReadDir implements store.FS.
func (f *FS) ReadDir() ([]string, error) {
	if err := f.strike(ReadDir); err != nil {
		return nil, err
	}
	return f.under.ReadDir()
}

// Remove implements store.FS.
func (f *FS) Remove(name string) error {
	if err := f.strike(Remove); err != nil {
		return err
	}
	return f.under.Remove(name)
}

// Rename implements store.FS.
func (f *FS) Rename(from, to string) error {
	if err := f.strike(Rename); err != nil {
		return err
	}
	return f.under.Rename(from, to)
}

// SyncDir implements store.FS.
func (f *FS) SyncDir() error {
	if err := f.strike(SyncDir); err != nil {
		return err
	}
	return f.under.SyncDir()
}

// Space implements store.FS.
func (f *FS) Space() (store.Space, error) {
	if err := f.strike(Space); err != nil {
		return store.Space{}, err
	}
	return f.under.Space()
}
